"""In: the interval and the scope of reconciliations. Out: a Temporal schedule, or one run and its report."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Final

from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleIntervalSpec,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleSpec,
    ScheduleUpdate,
    ScheduleUpdateInput,
    WorkflowFailureError,
    WorkflowHandle,
)
from temporalio.exceptions import FailureError, WorkflowAlreadyStartedError

from archon.contracts import names
from archon.contracts.errors import AlreadyRunningError, ArchonError, NotFoundError, RunFailedError
from archon.contracts.operations.reconcile import ReconcileInput, ReconcileReport
from archon.runtime.flow.backoff import Backoff
from archon.runtime.logs import get_logger
from archon.runtime.temporal.client import translated

_AGAIN: Final = 30.0
_log = get_logger(__name__)
_CATCH_UP: Final = timedelta(minutes=1)
"""Missed runs before this are not made up for: the next comparison finds the same drift."""


@contextlib.asynccontextmanager
async def scheduled(client: Client, seconds: float) -> AsyncIterator[None]:
    """Keeps the schedule up to date in the background, without delaying the block."""

    async def ensure() -> None:
        async for _ in Backoff(_AGAIN):
            try:
                await ensure_schedule(client, seconds)
            except ArchonError as error:
                _log.warning("reconciliation_not_scheduled", error=str(error))
            else:
                return

    ensuring = asyncio.create_task(ensure())
    try:
        yield
    finally:
        ensuring.cancel()
        await asyncio.gather(ensuring, return_exceptions=True)


async def ensure_schedule(client: Client, seconds: float) -> None:
    """Schedules a reconciliation every `seconds`, the first one after that time; 0 removes the
    schedule.

    Safe to repeat; a paused schedule stays paused. Raises WorkflowUnavailableError.
    """
    if not seconds:
        await _remove(client)
        return
    every = timedelta(seconds=seconds)
    with translated():
        try:
            await client.create_schedule(names.SCHEDULE_RECONCILE, _schedule(every))
        except ScheduleAlreadyRunningError:
            await client.get_schedule_handle(names.SCHEDULE_RECONCILE).update(
                lambda found: ScheduleUpdate(_updated(found, every))
            )


async def _remove(client: Client) -> None:
    try:
        with translated():
            await client.get_schedule_handle(names.SCHEDULE_RECONCILE).delete()
    except NotFoundError:
        return


def _schedule(every: timedelta) -> Schedule:
    now = timedelta(seconds=time.time())
    return Schedule(
        action=ScheduleActionStartWorkflow(
            names.WORKFLOW_RECONCILE,
            ReconcileInput(apply=True, parked=True),
            id=names.ID_RECONCILE_SCHEDULED,
            task_queue=names.QUEUE_ENRICHMENT,
        ),
        # Intervals count from the epoch; without an offset the first run could start at once.
        spec=ScheduleSpec(intervals=[ScheduleIntervalSpec(every=every, offset=now % every)]),
        policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.SKIP, catchup_window=_CATCH_UP),
    )


def _updated(found: ScheduleUpdateInput, every: timedelta) -> Schedule:
    """The action of this release, with the existing times and state."""
    before, schedule = found.description.schedule, _schedule(every)
    if [interval.every for interval in before.spec.intervals] == [every]:
        schedule.spec = before.spec
    schedule.state = before.state
    return schedule


class Reconciliation:
    """The single run that operators start. Raises WorkflowUnavailableError."""

    def __init__(self, handle: WorkflowHandle[object, ReconcileReport]) -> None:
        self._handle = handle

    @classmethod
    async def start(cls, client: Client, wanted: ReconcileInput) -> "Reconciliation":
        """Raises AlreadyRunningError if one is running."""
        with translated():
            try:
                handle = await client.start_workflow(
                    names.WORKFLOW_RECONCILE,
                    wanted,
                    id=names.ID_RECONCILE,
                    task_queue=names.QUEUE_ENRICHMENT,
                    result_type=ReconcileReport,
                )
            except WorkflowAlreadyStartedError as error:
                raise AlreadyRunningError(
                    f"a reconciliation is already running: workflow {names.ID_RECONCILE}"
                ) from error
        return cls(handle)

    async def progress(self) -> ReconcileReport:
        """The findings so far; waits for a worker."""
        with translated():
            report: ReconcileReport = await self._handle.query(
                names.QUERY_PROGRESS, result_type=ReconcileReport
            )
        return report

    async def trouble(self) -> str | None:
        """Why its current step is being retried, if it is."""
        with translated():
            found = (await self._handle.describe()).raw_description.pending_activities
        failures = [each.last_failure.message for each in found if each.HasField("last_failure")]
        return failures[0] if failures else None

    async def result(self) -> ReconcileReport:
        """Raises RunFailedError with the reason."""
        with translated():
            try:
                return await self._handle.result()
            except WorkflowFailureError as error:
                raise RunFailedError(f"the reconciliation has failed: {_reason(error)}") from error

    async def cancel(self) -> None:
        """Completed repairs stay."""
        with translated():
            await self._handle.cancel()


def _reason(error: BaseException) -> str:
    """The innermost failure, which has the reason."""
    while isinstance(error, WorkflowFailureError | FailureError) and error.cause is not None:
        error = error.cause
    return str(error)
