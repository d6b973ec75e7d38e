"""In: the analysis of a claimed step. Out: vectors, graph and completed event, in one attempt.

Does the work of three activities as one: each separate activity costs the run an event, and the worker
another pass of the workflow's code. After a failure the three run separately, so each part must be
repeatable.
"""

import asyncio
from datetime import UTC, datetime

from temporalio import activity

from activities.enrichment import EnrichmentActivities
from activities.events import EventActivities
from archon.contracts.types import Outcome
from archon.contracts.workflow import CompletedInput, WriteInput, WriteResult


class WritingActivities:
    def __init__(self, enrichment: EnrichmentActivities, events: EventActivities) -> None:
        self._enrichment = enrichment
        self._events = events

    @activity.defn(name="write")
    async def write(self, write: WriteInput) -> WriteResult:
        """Not applied, and without an event, if a newer version has replaced the document."""
        step, now = write.step, datetime.now(UTC)
        if step.request.enrichment_type.whole:
            written = await self._enrichment.write_vectors(write)
            if not written.applied:
                return written
            _raise_if_given_up()
        written = await self._enrichment.write_graph(write)
        _raise_if_given_up()
        if written.applied:
            await self._events.publish_completed(
                CompletedInput(
                    step=step,
                    outcome=Outcome.SUCCESS,
                    started_at=write.progress_since or now,
                    completed_at=datetime.now(UTC),
                    summary=write.summary,
                    progress_since=write.progress_since,
                )
            )
        return written


def _raise_if_given_up() -> None:
    """A step swallows a cancellation until it has ended. Another attempt then does the rest: if both
    published the event, it would exist twice."""
    if activity.is_cancelled():
        raise asyncio.CancelledError
