"""In: stages, ends and failures of runs. Out: progress, completed and dead-letter events on Kafka."""

import asyncio
from collections.abc import Mapping
from typing import Final

from temporalio import activity

from activities.failures import as_application_errors
from activities.ports import AlertSink, DocumentGraph, EventPublisher
from activities.progress import Progress
from archon.contracts import identity
from archon.contracts.errors import StoreError
from archon.contracts.events import (
    DeadLetter,
    EnrichmentCompleted,
    EnrichmentRequest,
    EnrichmentResults,
    ErrorDetails,
    ServiceHealth,
    ending,
)
from archon.contracts.operations.dead_letters import ORIGINAL_BYTES, original_message
from archon.contracts.types import Outcome
from archon.contracts.workflow import CompletedInput, ParkInput, ProgressInput, Stage, Step, WriteResult
from archon.runtime.http.health import HealthCheck, readiness
from archon.runtime.logs import get_logger, milliseconds
from archon.runtime.telemetry import metrics

STACK_TRACE_CHARACTERS: Final = 4000
GRAPH_SECONDS: Final = 3.0
"""Seconds that a dead letter waits for the graph, which it does not need."""
_log = get_logger(__name__)
_OF_THE_LETTER: Final = {
    "document_version",
    *(set(DeadLetter.model_fields) - set(EnrichmentRequest.model_fields)),
}
"""Fields that belong to the letter; a request from an earlier dead letter may contain them."""


class EventActivities:
    """`health_checks`: by field of ServiceHealth, a call that raises one of our errors if unhealthy."""

    def __init__(
        self,
        publisher: EventPublisher,
        progress: Progress,
        graph: DocumentGraph,
        alerts: AlertSink,
        health_checks: Mapping[str, HealthCheck],
    ) -> None:
        self._publisher = publisher
        self._progress = progress
        self._graph = graph
        self._alerts = alerts
        self._health_checks = health_checks

    @activity.defn(name="publish_progress")
    async def publish_progress(self, reached: ProgressInput) -> None:
        """For runs whose steps do not report progress themselves."""
        step = reached.step
        self._progress.report(
            step.request, step.version, reached.stage, reached.started_at, reached.updated_at
        )

    @activity.defn(name="publish_completed")
    async def publish_completed(self, completed: CompletedInput) -> None:
        step, summary = completed.step, completed.summary
        results = None
        if summary is not None and completed.outcome is Outcome.SUCCESS:
            results = EnrichmentResults(**summary.model_dump(include=set(EnrichmentResults.model_fields)))
        elapsed = completed.completed_at - completed.started_at
        event = EnrichmentCompleted.of(
            step.request,
            step.version,
            completed.outcome,
            completed.completed_at,
            processing_time_ms=max(0, round(elapsed.total_seconds() * 1000)),
            results=results,
        )
        with as_application_errors():
            what = ending(completed.outcome, step.request)
            if completed.outcome is Outcome.SUPERSEDED and await self._told(step, what):
                return
            if completed.outcome is Outcome.SUCCESS:
                self._progress.report(step.request, step.version, Stage.COMPLETED, completed.progress_since)
            await self._publisher.completed(event, what)
        _observe(completed, elapsed.total_seconds())

    @activity.defn(name="publish_dead_letter")
    async def publish_dead_letter(self, park: ParkInput) -> WriteResult:
        """Only the run of the current version publishes the document's dead letter, as far as the graph
        answers.

        The graph records the letter first, so that the document's next run knows that it must clear it.
        """
        with as_application_errors():
            letter = await self._letter(park)
            if park.claimed and not await self._announced(park.step):
                return WriteResult(applied=False)
            await self._publisher.dead_letter(letter)
        _log.warning(
            "document_parked",
            status="parked",
            failure_type=str(letter.failure_type),
            error_type=letter.error_details.exception_type,
            failure_count=letter.failure_count,
            reason=letter.failure_reason,
        )
        self._alerts.notify(letter)
        return WriteResult(applied=True)

    @activity.defn(name="clear_dead_letter")
    async def clear_dead_letter(self, step: Step) -> None:
        """Only the run of the current version clears the document's dead letter."""
        with as_application_errors():
            if await self._graph.is_current(step):
                await self._publisher.clear_dead_letter(step.request.document_id)
                await self._graph.set_dead_lettered(step, standing=False)

    async def _told(self, step: Step, what: str) -> bool:
        """Whether another run, or another submission of this run, has already published the event: a
        redelivery of an old request starts its own run, and a repeated request joins the open one."""
        document_id = step.request.document_id
        event_id = identity.event_id(document_id, step.version, what)
        teller = f"{activity.info().workflow_run_id}:{step.request.correlation_id}"
        return not await self._graph.first_to_tell(document_id, event_id, teller)

    async def _announced(self, step: Step) -> bool:
        """Also True if the graph does not answer, or refuses: the letter only needs Kafka. The parked run
        records it with the status when the graph is back."""
        try:
            async with asyncio.timeout(GRAPH_SECONDS):
                return await self._graph.set_dead_lettered(step, standing=True)
        except (StoreError, TimeoutError) as error:
            _log.warning("dead_letter_not_announced", error=str(error) or "no answer in time")
            return True

    async def _letter(self, park: ParkInput) -> DeadLetter:
        failure, request = park.failure, park.step.request
        original = request.model_dump_json(exclude_none=True).encode()
        fields = set(EnrichmentRequest.model_fields) if len(original) > ORIGINAL_BYTES else None
        return DeadLetter(
            **request.model_dump(mode="json", exclude_none=True, exclude=_OF_THE_LETTER, include=fields),
            document_version=park.step.version,
            failure_reason=f"{failure.stage}: {failure.message}",
            failure_timestamp=park.failed_at,
            failure_count=park.failure_count,
            failure_type=failure.failure_type,
            original_message=original_message(original),
            error_details=ErrorDetails(
                exception_type=failure.error_type,
                exception_message=failure.message,
                stack_trace=failure.stack_trace[-STACK_TRACE_CHARACTERS:],
                service_health=await self._health(),
            ),
            workflow_id=park.step.workflow_id,
        )

    async def _health(self) -> ServiceHealth:
        found = await readiness(self._health_checks)
        return ServiceHealth(**{name: state.status for name, state in found.dependencies.items()})


def _observe(completed: CompletedInput, seconds: float) -> None:
    """Counts the end of a run; a lost acknowledgement counts twice."""
    request, outcome = completed.step.request, completed.outcome
    metrics.PROCESSING_SECONDS.labels(outcome).observe(seconds)
    if outcome is Outcome.SUCCESS and request.enrichment_type.whole:
        metrics.DOCUMENTS_ENRICHED.inc()
        age = completed.completed_at - request.indexed_at
        metrics.ENRICHMENT_AGE_SECONDS.observe(max(0.0, age.total_seconds()))
    _log.info("enrichment_completed", status=str(outcome), duration_ms=milliseconds(seconds))
