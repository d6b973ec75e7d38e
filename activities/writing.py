"""In: the analysis of a claimed step. Out: vectors, graph and completed event, in one attempt.

What three activities do, as one: each of them costs its run an event, and the worker another turn of the
workflow's code. Where it fails, the three follow one by one, so each of its parts bears being repeated.
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
        """Not applied, and nothing said, where a newer version has the document."""
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
    """A step takes a cancellation in silence until it has ended. What follows is another attempt's then: an
    event that both publish would be there twice."""
    if activity.is_cancelled():
        raise asyncio.CancelledError
