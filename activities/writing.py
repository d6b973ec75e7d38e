"""In: the analysis of a claimed step. Out: vectors, graph and completed event, in one attempt.

What three activities do, as one: each of them costs its run an event, and the worker another turn of the
workflow's code. Where it fails, the three follow one by one, so each of its parts bears being repeated.
"""

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
        written = await self._enrichment.write_graph(write)
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
