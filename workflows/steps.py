"""In: the decisions of a run. Out: its activities, with their options and summaries.

A step of a few milliseconds is first tried as a local activity, which costs Temporal one event and no state
transition of its own; the writing steps are first tried together. If that attempt fails, the steps are
scheduled as remote activities: their retries, possibly during a long outage, leave no trace in the history.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, Final, TypeVar

from temporalio import workflow
from temporalio.exceptions import ActivityError, FailureError, is_cancelled_exception

from activities.analysis import AnalysisActivities
from activities.enrichment import EnrichmentActivities
from activities.events import EventActivities
from activities.writing import WritingActivities
from archon.contracts import names
from archon.contracts.analysis import AnalysisSummary
from archon.contracts.events import EnrichmentRequest
from archon.contracts.text.markdown import plain
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
    WriteResult,
)
from workflows import policies
from workflows.failures import is_final

_DEFAULT: Final = RetrySettings()
"""Until the claim returns the actual settings."""
Owner = TypeVar("Owner")
Input = TypeVar("Input")
Result = TypeVar("Result")
Method = Callable[[Owner, Input], Awaitable[Result]]


class Steps:
    """The steps of one run. `local`: short steps are first tried locally, and report progress themselves.
    `joint`: the writing steps are then tried together. `retry`: from the claim."""

    def __init__(self, *, local: bool, joint: bool) -> None:
        self.local = local
        self.joint = local and joint
        self.retry = RetrySettings()
        self._tried = False

    async def claim(self, request: EnrichmentRequest, started_at: datetime) -> ClaimResult:
        self._tried = False
        return await self._do(
            EnrichmentActivities.claim,
            ClaimInput(
                request=request,
                workflow_id=workflow.info().workflow_id,
                progress_since=self._since(started_at),
            ),
            policies.store(_DEFAULT),
            f"{request.enrichment_type} · {plain(request.file_path)}",
        )

    def analyse(self, step: Step) -> workflow.ActivityHandle[AnalysisSummary]:
        """Starts the analysis. Always remote: it may take minutes, and its queue limits the concurrency."""
        return workflow.start_activity_method(
            AnalysisActivities.analyse,
            AnalyseInput(step=step, max_attempts=self.retry.max_attempts),
            summary=f"{step.request.resolved_language or 'text'} · {plain(step.request.file_path)}",
            **policies.analysis(self.retry, wait_for_cancellation=self.local),
        )

    async def write(self, step: Step, summary: AnalysisSummary, started_at: datetime) -> bool | None:
        """Vectors, graph and completed event together. False if a newer version has replaced the document;
        None if the attempt failed: the steps must then run separately, and remotely."""
        self._tried = True
        try:
            result = await workflow.execute_local_activity_method(
                WritingActivities.write,
                self._write(step, summary, started_at),
                summary=_shown(step, summary),
                **policies.JOINT,
            )
        except FailureError as error:
            if is_cancelled_exception(error):
                raise
            return None
        return result.applied

    async def write_vectors(self, step: Step, summary: AnalysisSummary, started_at: datetime) -> bool:
        """False if a newer version has replaced the document."""
        write = self._write(step, summary, started_at)
        return await self._written(EnrichmentActivities.write_vectors, write, f"version {step.version}")

    async def write_graph(self, step: Step, summary: AnalysisSummary, started_at: datetime) -> bool:
        """False if a newer version has replaced the document."""
        write = self._write(step, summary, started_at)
        return await self._written(EnrichmentActivities.write_graph, write, _shown(step, summary))

    async def mark_parked(self, step: Step) -> None:
        """An unavailable store must not end the run: it is parked, marked or not."""
        try:
            await self._remotely(EnrichmentActivities.mark_parked, step, policies.store(self.retry))
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise
            workflow.logger.exception("parked_document_not_marked", extra=step.request.about)

    async def mark_parked_at_once(self, step: Step) -> WriteResult | None:
        """One short attempt; None if it failed."""
        try:
            return await workflow.execute_local_activity_method(
                EnrichmentActivities.mark_parked, step, **policies.LOCAL
            )
        except FailureError as error:
            if is_cancelled_exception(error):
                raise
            return None

    async def mark_parked_at_last(self, step: Step) -> WriteResult | None:
        """Retries until the graph is back; None if the graph refuses this document."""
        try:
            return await self._remotely(EnrichmentActivities.mark_parked, step, policies.MARK)
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise
            workflow.logger.exception("parked_document_not_marked", extra=step.request.about)
            return None

    async def mark_discarded(self, step: Step) -> WriteResult:
        return await self._remotely(EnrichmentActivities.mark_discarded, step, policies.store(self.retry))

    async def publish_progress(self, step: Step, stage: Stage, started_at: datetime) -> None:
        """For a run whose steps do not report progress: one short attempt, which never fails the run."""
        if self.local:
            return
        try:
            await workflow.execute_local_activity_method(
                EventActivities.publish_progress,
                ProgressInput(step=step, stage=stage, started_at=started_at, updated_at=workflow.now()),
                **policies.PROGRESS,
            )
        except FailureError as error:  # a local activity's failure may have no ActivityError around it
            if is_cancelled_exception(error):
                raise
            workflow.logger.warning(
                "progress_not_published", extra={**step.request.about, "stage": str(stage)}
            )

    async def publish_completed(
        self, step: Step, outcome: Outcome, started_at: datetime, summary: AnalysisSummary | None
    ) -> None:
        """Returns after Kafka's acknowledgement."""
        await self._do(
            EventActivities.publish_completed,
            CompletedInput(
                step=step,
                outcome=outcome,
                started_at=started_at,
                completed_at=workflow.now(),
                summary=summary,
                progress_since=self._since(started_at),
            ),
            policies.EVENT,
            str(outcome),
        )

    async def publish_dead_letter(self, park: ParkInput) -> bool:
        """Returns after Kafka's acknowledgement; False, without an event, if a newer version has replaced the
        document.

        An unwritable letter must not end the run either: it waits and is visible in the Web UI.
        """
        try:
            result = await self._remotely(
                EventActivities.publish_dead_letter, park, policies.EVENT, str(park.failure.failure_type)
            )
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise
            workflow.logger.exception("dead_letter_not_published", extra=park.step.request.about)
            return True
        return result.applied

    async def clear_dead_letter(self, step: Step) -> None:
        """Returns after Kafka's acknowledgement, or if a newer version has replaced the document."""
        await self._remotely(EventActivities.clear_dead_letter, step, policies.EVENT)

    async def tell_superseded(self, workflow_id: str, version: int) -> None:
        """Signals the run of this document's previous content that it may stop."""
        handle = workflow.get_external_workflow_handle(workflow_id)
        try:
            await handle.signal(names.SIGNAL_SUPERSEDE, version)
        except FailureError:  # it has already ended, which was the goal
            workflow.logger.debug("superseded_run_already_closed")

    async def _written(
        self, method: Method[Any, WriteInput, WriteResult], write: WriteInput, shown: str
    ) -> bool:
        result = await self._do(method, write, policies.store(self.retry), shown, large=write.summary.large)
        return result.applied

    async def _do(
        self,
        method: Method[Any, Input, Result],
        argument: Input,
        options: policies.ActivityOptions,
        summary: str,
        *,
        large: bool = False,
    ) -> Result:
        """First locally, then remotely; a large write only remotely, because it would occupy its workflow
        task."""
        if self.local and not large and not self._tried:
            try:
                return await workflow.execute_local_activity_method(
                    method, argument, summary=summary, **policies.LOCAL
                )
            except FailureError as error:
                if is_cancelled_exception(error) or is_final(error):
                    raise
        return await self._remotely(method, argument, options, summary)

    async def _remotely(
        self,
        method: Method[Any, Input, Result],
        argument: Input,
        options: policies.ActivityOptions,
        summary: str | None = None,
    ) -> Result:
        return await workflow.execute_activity_method(method, argument, summary=summary, **options)

    def _write(self, step: Step, summary: AnalysisSummary, started_at: datetime) -> WriteInput:
        return WriteInput(step=step, summary=summary, progress_since=self._since(started_at))

    def _since(self, started_at: datetime) -> datetime | None:
        return started_at if self.local else None


def _shown(step: Step, summary: AnalysisSummary) -> str:
    return f"version {step.version} · {summary.entities_extracted} entities"
