"""In: descriptions of runs, and the state of the parts. Out: what each run waits for.

A run's description has the last failure of its step, the attempt and the time of the next one. Only the parts
know whether a step waits within an attempt, for the breaker or a free slot, or whether no worker takes it.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from google.protobuf.timestamp_pb2 import Timestamp
from temporalio.api.enums.v1 import PendingActivityState
from temporalio.api.failure.v1 import Failure
from temporalio.api.workflow.v1 import PendingActivityInfo
from temporalio.client import Client, WorkflowExecutionDescription, WorkflowExecutionStatus

from archon.contracts import names
from archon.contracts.errors import NotFoundError, service_named
from archon.contracts.estate import Part, PartName, PartStatus, WaitingFor
from archon.contracts.types import EnrichmentStatus, Projects
from archon.runtime.tasks import answers
from archon.runtime.temporal.attributes import ENRICHMENT_STATUS, FAILURE_TYPE, open_query_of
from archon.runtime.temporal.client import translated

SAMPLE: Final = 50
"""Maximum number of runs in one sample."""
_AT_ONCE: Final = 10
_MOST_PARKED: Final = 1000
"""Maximum number of parked runs to count."""
_ANALYSE: Final = "analyse"
_QUEUED: Final = PendingActivityState.PENDING_ACTIVITY_STATE_SCHEDULED

Known = Mapping[PartName, Part]


class WaitingRuns:
    """Reads from Temporal only, without a worker. Raises WorkflowUnavailableError."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def of(self, workflow_id: str, known: Known) -> WaitingFor | None:
        """The part that a run waits for; None while it makes progress. Raises NotFoundError if
        no run is open."""
        with translated():
            found = await self._client.get_workflow_handle(workflow_id).describe()
        if found.status is not WorkflowExecutionStatus.RUNNING:
            raise NotFoundError(f"no run {workflow_id} is open")
        return waits_for(found, known)

    async def under_way(self, projects: Projects) -> int:
        """Approximate number of open runs that are not parked."""
        query = open_query_of(projects, EnrichmentStatus.PROCESSING)
        with translated():
            return (await self._client.count_workflows(query)).count

    async def some(self, projects: Projects, known: Known) -> list[WaitingFor | None]:
        """The parts that a sample of open runs waits for, at most SAMPLE; omits closed runs."""
        query = open_query_of(projects, EnrichmentStatus.PROCESSING)
        with translated():
            ids = [run.id async for run in self._client.list_workflows(query, limit=SAMPLE)]

        async def one(workflow_id: str) -> tuple[bool, WaitingFor | None]:
            try:
                return True, await self.of(workflow_id, known)
            except NotFoundError:
                return False, None

        found = await answers(ids, one, _AT_ONCE)
        return [waiting for is_open, waiting in found.values() if is_open]

    async def parked(self, projects: Projects) -> Mapping[str, int]:
        """Number of runs that wait for an operator, by failure type."""
        query = open_query_of(projects, EnrichmentStatus.FAILED)
        counts: dict[str, int] = {}
        with translated():
            async for run in self._client.list_workflows(query, limit=_MOST_PARKED):
                kind = run.typed_search_attributes.get(FAILURE_TYPE) or "unknown"
                counts[kind] = counts.get(kind, 0) + 1
        return counts


def waits_for(run: WorkflowExecutionDescription, known: Known) -> WaitingFor | None:
    """None while it makes progress."""
    if run.typed_search_attributes.get(ENRICHMENT_STATUS) == names.STATUS_PARKED:
        kind = run.typed_search_attributes.get(FAILURE_TYPE) or "unknown"
        return WaitingFor(service=PartName.OPERATOR, reason=f"parked ({kind}); retry or discard it")
    if (nobody := absent(known)) is not None:
        return nobody
    for pending in run.raw_description.pending_activities:
        return _step(pending, known)
    task = run.raw_description.pending_workflow_task
    if task.attempt > 1:
        return WaitingFor(
            service=PartName.WORKER,
            reason=f"its workflow task fails, attempt {task.attempt}: the worker's log has the reason",
            since=_moment(task.original_scheduled_time),
        )
    return None


def absent(known: Known) -> WaitingFor | None:
    """Without a worker, all runs wait for the part that the worker waits for, or for a worker."""
    worker = known.get(PartName.WORKER)
    if worker is None or worker.working:
        return None
    if worker.status is not PartStatus.DOWN and worker.waiting_for:
        return worker.waiting_for[0]
    reason = worker.reason or "it is starting"
    return WaitingFor(service=PartName.WORKER, reason=reason, since=worker.since)


def _step(pending: PendingActivityInfo, known: Known) -> WaitingFor | None:
    analysing = pending.activity_type.name == _ANALYSE
    if analysing and (breaker := _breaker(known)) is not None:
        return breaker
    if pending.HasField("last_failure"):
        return _failed(pending, pending.last_failure, known)
    if analysing and pending.state == _QUEUED:
        slots = "waits for a free slot; a worker has MAX_CONCURRENT_ENRICHMENTS"
        return WaitingFor(service=PartName.WORKER, reason=slots, since=_moment(pending.scheduled_time))
    return None


def _breaker(known: Known) -> WaitingFor | None:
    """The intelligence service, if the worker's breaker is open."""
    worker = known.get(PartName.WORKER)
    waiting = worker.waiting_for if worker is not None else []
    return next((each for each in waiting if each.service is PartName.INTELLIGENCE and each.since), None)


def _ours(failure: Failure) -> Failure:
    """The failure with our own error. The server replaces the outermost one if it is too long, with causes
    and traces."""
    each = failure
    while not each.application_failure_info.type and each.HasField("cause"):
        each = each.cause
    return each if each.application_failure_info.type else failure


def _failed(pending: PendingActivityInfo, last: Failure, known: Known) -> WaitingFor:
    failure = _ours(last)
    name = service_named(failure.application_failure_info.type, failure.message)
    service = PartName(name) if name in set(PartName) else PartName.WORKER
    part = known.get(service)
    down = part is not None and part.status is PartStatus.DOWN
    return WaitingFor(
        service=service,
        reason=f"{failure.message} (attempt {pending.attempt})",
        since=part.since if part is not None and down else _moment(pending.last_attempt_complete_time),
        next_try=_moment(pending.next_attempt_schedule_time) if pending.state == _QUEUED else None,
    )


def _moment(stamp: Timestamp) -> datetime | None:
    return stamp.ToDatetime(UTC) if stamp.seconds else None
