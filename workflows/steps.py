"""In: what a run has decided to do. Out: its activities, scheduled with the right options and summaries."""

from datetime import datetime
from typing import Final

from temporalio import workflow
from temporalio.exceptions import ActivityError, FailureError, is_cancelled_exception

from activities.analysis import AnalysisActivities
from activities.enrichment import EnrichmentActivities
from activities.events import EventActivities
from archon.contracts import names
from archon.contracts.analysis import AnalysisSummary
from archon.contracts.events import EnrichmentRequest
from archon.contracts.types import Outcome
from archon.contracts.workflow import (
    AnalyseInput,
    ClaimInput,
    ClaimResult,
    CompletedInput,
    ParkInput,
    ProgressInput,
    RetrySettings,
    Stage,
    Step,
    WriteInput,
)
from workflows import policies

_DEFAULT: Final = RetrySettings()


async def claim(request: EnrichmentRequest) -> ClaimResult:
    return await workflow.execute_activity_method(
        EnrichmentActivities.claim,
        ClaimInput(request=request, workflow_id=workflow.info().workflow_id),
        summary=f"{request.enrichment_type} · {request.file_path}",
        **policies.store(_DEFAULT),
    )


async def analyse(step: Step, retry: RetrySettings) -> AnalysisSummary:
    return await workflow.execute_activity_method(
        AnalysisActivities.analyse,
        AnalyseInput(step=step, max_attempts=retry.max_attempts),
        summary=f"{step.request.resolved_language or 'text'} · {step.request.file_path}",
        **policies.analysis(retry),
    )


async def write_vectors(write: WriteInput, retry: RetrySettings) -> bool:
    """False when a newer version has the document."""
    result = await workflow.execute_activity_method(
        EnrichmentActivities.write_vectors,
        write,
        summary=f"version {write.step.version}",
        **policies.store(retry),
    )
    return result.applied


async def write_graph(write: WriteInput, retry: RetrySettings) -> bool:
    """False when a newer version has the document."""
    result = await workflow.execute_activity_method(
        EnrichmentActivities.write_graph,
        write,
        summary=f"version {write.step.version} · {write.summary.entities_extracted} entities",
        **policies.store(retry),
    )
    return result.applied


async def mark_parked(step: Step, retry: RetrySettings) -> None:
    """A store that stays down must not end the run: it is parked, marked or not."""
    try:
        await workflow.execute_activity_method(
            EnrichmentActivities.mark_parked, step, **policies.store(retry)
        )
    except ActivityError as error:
        if is_cancelled_exception(error):
            raise
        workflow.logger.exception("parked_document_not_marked", extra=step.request.about)


async def mark_discarded(step: Step, retry: RetrySettings) -> None:
    await workflow.execute_activity_method(EnrichmentActivities.mark_discarded, step, **policies.store(retry))


async def publish_progress(step: Step, stage: Stage, started_at: datetime) -> None:
    """One short attempt: progress that cannot be published never fails or delays a run."""
    try:
        await workflow.execute_local_activity_method(
            EventActivities.publish_progress,
            ProgressInput(step=step, stage=stage, started_at=started_at, updated_at=workflow.now()),
            **policies.PROGRESS,
        )
    except FailureError as error:  # a local activity's failure may come without its ActivityError
        if is_cancelled_exception(error):
            raise
        workflow.logger.warning("progress_not_published", extra={**step.request.about, "stage": str(stage)})


async def publish_completed(
    step: Step, outcome: Outcome, started_at: datetime, summary: AnalysisSummary | None
) -> None:
    """Returns when Kafka has acknowledged."""
    await workflow.execute_activity_method(
        EventActivities.publish_completed,
        CompletedInput(
            step=step, outcome=outcome, started_at=started_at, completed_at=workflow.now(), summary=summary
        ),
        summary=str(outcome),
        **policies.EVENT,
    )


async def publish_dead_letter(park: ParkInput) -> bool:
    """Returns when Kafka has acknowledged; False when a newer version has the document: nothing was said.

    A letter that cannot be written at all must not end the run either: it waits where people look for it.
    """
    try:
        result = await workflow.execute_activity_method(
            EventActivities.publish_dead_letter,
            park,
            summary=str(park.failure.failure_type),
            **policies.EVENT,
        )
    except ActivityError as error:
        if is_cancelled_exception(error):
            raise
        workflow.logger.exception("dead_letter_not_published", extra=park.step.request.about)
        return True
    return result.applied


async def clear_dead_letter(step: Step) -> None:
    """Returns when Kafka has acknowledged, or when a newer version has the document."""
    await workflow.execute_activity_method(EventActivities.clear_dead_letter, step, **policies.EVENT)


async def tell_superseded(workflow_id: str, version: int) -> None:
    """Tell the run that worked on this document's previous content that it may stop."""
    handle = workflow.get_external_workflow_handle(workflow_id)
    try:
        await handle.signal(names.SIGNAL_SUPERSEDE, version)
    except FailureError:  # it has ended already, which is all that was wanted
        workflow.logger.debug("superseded_run_already_closed")
