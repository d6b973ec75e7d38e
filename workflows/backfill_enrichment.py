"""In: criteria of documents without enrichment. Out: low-priority requests for them, as live traffic allows.

Checks the backlog before each page: in Kafka, ahead of Temporal, priorities do not apply.
"""

import asyncio
from datetime import timedelta
from typing import Final

from temporalio import workflow
from temporalio.exceptions import ActivityError, is_cancelled_exception

from activities.backfill import BackfillActivities
from archon.contracts import names
from archon.contracts.operations.backfill import (
    BackfillInput,
    BackfillProgress,
    BackfillState,
    ForgetInput,
    PageInput,
    Position,
)
from workflows import policies
from workflows.cancellation import forget, raise_if_cancelled

_ASK_AGAIN_AFTER: Final = timedelta(seconds=0.5)
_ASK_AGAIN_AT_MOST: Final = timedelta(seconds=8)
"""Maximum time between two checks of a full pipeline; each wait is twice the previous one."""


@workflow.defn(name=names.WORKFLOW_BACKFILL)
class BackfillEnrichment:
    @workflow.init
    def __init__(self, start: BackfillInput) -> None:
        self._progress = start.progress or start.begun(workflow.now())
        self._paused = start.paused
        self._cancelled = False
        self._pages = 0

    @workflow.run
    async def run(self, start: BackfillInput) -> BackfillProgress:
        try:
            await self._request_all(start)
        except (asyncio.CancelledError, ActivityError) as error:
            if not is_cancelled_exception(error):
                raise
            forget()
            self._cancelled = True
        if start.chunks is not None:
            await workflow.execute_activity_method(
                BackfillActivities.forget_list,
                ForgetInput(backfill_id=start.backfill_id, chunks=start.chunks),
                **policies.BACKFILL,
            )
        self._progress.ended_at = workflow.now()
        self._enter(BackfillState.CANCELLED if self._cancelled else BackfillState.COMPLETED)
        return self._progress

    @workflow.signal(name=names.SIGNAL_PAUSE)
    def pause(self) -> None:
        """Pauses until `resume`."""
        self._paused = True

    @workflow.signal(name=names.SIGNAL_RESUME)
    def resume(self) -> None:
        self._paused = False

    @workflow.signal(name=names.SIGNAL_CANCEL)
    def cancel(self) -> None:
        """Ends the run; documents that it has requested are still enriched."""
        self._cancelled = True

    @workflow.query(name=names.QUERY_PROGRESS)
    def progress(self) -> BackfillProgress:
        if self._paused and not self._progress.state.ended:
            return self._progress.model_copy(update={"state": BackfillState.PAUSED})
        return self._progress

    async def _request_all(self, start: BackfillInput) -> None:
        if self._progress.total is None:
            found = await workflow.execute_activity_method(
                BackfillActivities.count, start.criteria, **policies.BACKFILL
            )
            self._progress.total, self._progress.parked_before = found.documents, found.parked
        while self._progress.next is not None and not self._cancelled:
            room = await self._room(start)
            if room:
                await self._request_page(start, self._progress.next, room)
                self._renew(start)

    async def _room(self, start: BackfillInput) -> int:
        """Number of documents that may be requested now; waits until there is room for a fair part of a page.

        0 if the run was cancelled meanwhile.
        """
        delay = _ASK_AGAIN_AFTER
        worth_it = min(start.batch_size, max(1, start.max_backlog // 2))
        while not await self._is_cancelled_or_resumed():
            if start.dry_run or not start.max_backlog:
                return start.batch_size
            unfinished = await workflow.execute_activity_method(
                BackfillActivities.backlog, **policies.BACKFILL
            )
            raise_if_cancelled()
            room = min(start.batch_size, start.max_backlog - unfinished)
            if room >= worth_it and not self._paused:
                return room
            self._enter(BackfillState.WAITING)
            await self._sleep(delay)
            delay = min(2 * delay, _ASK_AGAIN_AT_MOST)
            self._renew(start)
        return 0

    async def _is_cancelled_or_resumed(self) -> bool:
        """Whether the run was cancelled; waits while it is paused."""
        if self._paused and not self._cancelled:
            self._enter(BackfillState.PAUSED)
            await workflow.wait_condition(lambda: self._cancelled or not self._paused)
        return self._cancelled

    async def _request_page(self, start: BackfillInput, position: Position, room: int) -> None:
        self._enter(BackfillState.RUNNING)
        page = await workflow.execute_activity_method(
            BackfillActivities.request_page,
            PageInput(
                backfill_id=start.backfill_id,
                criteria=start.criteria,
                position=position,
                limit=room,
                chunks=start.chunks,
                dry_run=start.dry_run,
            ),
            summary=f"{room} from {self._progress.examined} on",
            **policies.BACKFILL,
        )
        self._progress.add(page)
        self._progress.next = page.next
        self._pages += 1
        self._enter(BackfillState.RUNNING)
        raise_if_cancelled()
        if start.rate and not start.dry_run and page.next is not None:
            await self._sleep(timedelta(seconds=page.requested / start.rate))

    async def _sleep(self, duration: timedelta) -> None:
        """Ends early on a cancellation."""
        if not duration:
            return
        try:
            await workflow.wait_condition(lambda: self._cancelled, timeout=duration)
        except TimeoutError:
            return

    def _renew(self, start: BackfillInput) -> None:
        """Continues as new if the history is long."""
        due = self._pages >= start.pages_a_run or workflow.info().is_continue_as_new_suggested()
        if due and not self._cancelled and self._progress.next is not None:
            carried = {"progress": self._progress, "paused": self._paused}
            workflow.continue_as_new(start.model_copy(update=carried))

    def _enter(self, state: BackfillState) -> None:
        self._progress.state = state
        workflow.set_current_details(_markdown(self._progress))


def _markdown(progress: BackfillProgress) -> str:
    """Text for the Web UI: the progress, documents that could not be requested, and how to control the
    run."""
    of = f" of {progress.total}" if progress.total is not None else ""
    verb = "would be requested" if progress.dry_run else "requested"
    lines = [f"**{progress.state}** · {progress.requested}{of} {verb} · at most {progress.rate:g} per second"]
    left = {
        "without text": progress.without_text,
        "of the older shape": progress.older_shape,
        "unusable": progress.unusable,
        "settled": progress.settled,
    }
    lines.append(" · ".join(f"{count} {name}" for name, count in left.items() if count))
    lines += [f"- `{each.document_id}`: {each.why}" for each in progress.listed]
    if not progress.state.ended:
        lines.append("Signals: `pause`, `resume`, `cancel`.")
    return "\n\n".join(filter(None, lines))
