"""In: what a run has decided to do. Out: its activities, with the right options and summaries.

A step that takes milliseconds is first tried as a local activity, which costs Temporal one event and no
transition of its own, and the steps that write are first tried as one. Where that attempt fails, the steps
are scheduled remotely: their retries, which may take as long as an outage, leave no trace in the history.
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
"""Until the claim has handed out what is set."""
Owner = TypeVar("Owner")
Input = TypeVar("Input")
Result = TypeVar("Result")
Method = Callable[[Owner, Input], Awaitable[Result]]


class Steps:
    """The steps of one run. `local`: whether short ones are first tried locally, and report the run's
    progress themselves. `joint`: whether those that write are then tried as one. `retry`: as the claim has
    handed it out."""

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
        """Begins it. Always remote: it may take minutes, and its queue limits how many run at once."""
        return workflow.start_activity_method(
            AnalysisActivities.analyse,
            AnalyseInput(step=step, max_attempts=self.retry.max_attempts),
            summary=f"{step.request.resolved_language or 'text'} · {plain(step.request.file_path)}",
            **policies.analysis(self.retry, wait_for_cancellation=self.local),
        )

    async def write(self, step: Step, summary: AnalysisSummary, started_at: datetime) -> bool | None:
        """Vectors, graph and completed event at once. False when a newer version has the document; None
        where it has failed: the steps are then to be taken one by one, and remotely."""
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
        """False when a newer version has the document."""
        write = self._write(step, summary, started_at)
        return await self._written(EnrichmentActivities.write_vectors, write, f"version {step.version}")

    async def write_graph(self, step: Step, summary: AnalysisSummary, started_at: datetime) -> bool:
        """False when a newer version has the document."""
        write = self._write(step, summary, started_at)
        return await self._written(EnrichmentActivities.write_graph, write, _shown(step, summary))

    async def mark_parked(self, step: Step) -> None:
        """A store that stays down must not end the run: it is parked, marked or not."""
        try:
            await self._remotely(EnrichmentActivities.mark_parked, step, policies.store(self.retry))
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise
            workflow.logger.exception("parked_document_not_marked", extra=step.request.about)

    async def mark_parked_at_once(self, step: Step) -> WriteResult | None:
        """One short attempt; None where it has failed."""
        try:
            return await workflow.execute_local_activity_method(
                EnrichmentActivities.mark_parked, step, **policies.LOCAL
            )
        except FailureError as error:
            if is_cancelled_exception(error):
                raise
            return None

    async def mark_parked_at_last(self, step: Step) -> WriteResult | None:
        """However long the graph is away; None where it refuses this document."""
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
        """Of a run whose steps do not report it themselves: one short attempt, which never fails a run."""
        if self.local:
            return
        try:
            await workflow.execute_local_activity_method(
                EventActivities.publish_progress,
                ProgressInput(step=step, stage=stage, started_at=started_at, updated_at=workflow.now()),
                **policies.PROGRESS,
            )
        except FailureError as error:  # a local activity's failure may come without its ActivityError
            if is_cancelled_exception(error):
                raise
            workflow.logger.warning(
                "progress_not_published", extra={**step.request.about, "stage": str(stage)}
            )

    async def publish_completed(
        self, step: Step, outcome: Outcome, started_at: datetime, summary: AnalysisSummary | None
    ) -> None:
        """Returns when Kafka has acknowledged."""
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
        """Returns when Kafka has acknowledged; False when a newer version has the document: nothing was said.

        A letter that cannot be written at all must not end the run either: it waits where people look for it.
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
        """Returns when Kafka has acknowledged, or when a newer version has the document."""
        await self._remotely(EventActivities.clear_dead_letter, step, policies.EVENT)

    async def tell_superseded(self, workflow_id: str, version: int) -> None:
        """Tell the run that worked on this document's previous content that it may stop."""
        handle = workflow.get_external_workflow_handle(workflow_id)
        try:
            await handle.signal(names.SIGNAL_SUPERSEDE, version)
        except FailureError:  # it has ended already, which is all that was wanted
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
        """Locally once, then remotely; at once remotely what is large, as it would hold its workflow task."""
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
