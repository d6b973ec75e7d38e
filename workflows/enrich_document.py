"""In: `submit` signals for one document's content. Out: its enrichment in both stores, and events.

A run handles every submission it has accepted before it returns. A failure that retries cannot mend is
dead-lettered and waits here for `retry`, `discard`, a newer version, or a new submission.
"""

import contextlib
from datetime import datetime, timedelta
from typing import Final

from temporalio import workflow
from temporalio.common import SearchAttributeKey
from temporalio.exceptions import ActivityError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from archon.contracts import names
    from archon.contracts.analysis import AnalysisSummary
    from archon.contracts.errors import ContentMissingError
    from archon.contracts.events import EnrichmentRequest
    from archon.contracts.types import EnrichmentStatus, FailureType, Outcome
    from archon.contracts.workflow import (
        Decision,
        EnrichDocumentInput,
        EnrichmentOutcome,
        Failure,
        RetrySettings,
        Stage,
        Step,
        WorkflowStatus,
        WriteInput,
    )
    from workflows import details, steps
    from workflows.failures import failure_of
    from workflows.mailbox import Mailbox, Wake

_STATUS: Final = SearchAttributeKey.for_keyword(names.SEARCH_ENRICHMENT_STATUS)
_FAILURE_TYPE: Final = SearchAttributeKey.for_keyword(names.SEARCH_FAILURE_TYPE)
_SELF_RETRY_AFTER: Final = timedelta(minutes=5)
_SELF_RETRIES: Final = 5
_ENDED: Final = {
    Outcome.SUCCESS: EnrichmentStatus.COMPLETED,
    Outcome.SUPERSEDED: EnrichmentStatus.COMPLETED,
    Outcome.DISCARDED: EnrichmentStatus.DISCARDED,
}


@workflow.defn(name=names.WORKFLOW_ENRICH_DOCUMENT)
class EnrichDocument:
    @workflow.init
    def __init__(self, start: EnrichDocumentInput) -> None:
        self._mailbox = Mailbox(start.carried, start.seen)
        self._status = EnrichmentStatus.PENDING
        self._stage = "waiting for a submission"
        self._step: Step | None = None
        self._summary: AnalysisSummary | None = None
        self._failure: Failure | None = None
        self._retry = RetrySettings()

    @workflow.run
    async def run(self, start: EnrichDocumentInput) -> EnrichmentOutcome:
        await workflow.wait_condition(lambda: bool(self._mailbox.submissions))
        while True:
            outcome = await self._settle(self._mailbox.next())
            carried = self._mailbox.submissions
            if not carried:
                return outcome
            if workflow.info().is_continue_as_new_suggested():
                again = start.model_copy(update={"carried": carried, "seen": self._mailbox.seen})
                workflow.continue_as_new(again)

    @workflow.signal(name=names.SIGNAL_SUBMIT)
    def submit(self, request: EnrichmentRequest) -> None:
        """A request for this content."""
        self._mailbox.submit(request)

    @workflow.signal(name=names.SIGNAL_RETRY)
    def retry(self) -> None:
        """Try a parked document again."""
        self._mailbox.ask(Wake.RETRY)

    @workflow.signal(name=names.SIGNAL_DISCARD)
    def discard(self) -> None:
        """Give a parked document up."""
        self._mailbox.ask(Wake.DISCARD)

    @workflow.signal(name=names.SIGNAL_SUPERSEDE)
    def supersede(self, version: int) -> None:
        """Another content of this document was claimed at `version`."""
        self._mailbox.superseded_by = max(self._mailbox.superseded_by, version)

    @workflow.query(name=names.QUERY_STATUS)
    def status(self) -> WorkflowStatus:
        return WorkflowStatus(
            status=self._status,
            parked=self._failure is not None,
            stage=self._stage,
            version=self._step.version if self._step else None,
            failure=self._failure,
            retries=self._mailbox.retries,
            submissions=len(self._mailbox.seen),
            duplicates=self._mailbox.duplicates,
        )

    async def _settle(self, request: EnrichmentRequest) -> EnrichmentOutcome:
        """Enrich, or park and go on as the wait was ended; returns only when the request is settled."""
        failures = 0
        wake = Wake.RETRY
        while True:
            try:
                if wake is Wake.SUPERSEDED:
                    return await self._finish(self._step_of(request), Outcome.SUPERSEDED, workflow.now())
                if wake is Wake.DISCARD:
                    return await self._discard(self._step_of(request))
                return await self._enrich(request)
            except ActivityError as error:
                if is_cancelled_exception(error):
                    raise
                failure = failure_of(error, self._stage)
            failures += 1
            if failure.error_type == ContentMissingError.__name__:
                self._summary = None
            wake = await self._park(self._step_of(request), failure, failures)
            if wake is Wake.RESUBMITTED:
                request = self._mailbox.next()

    async def _enrich(self, request: EnrichmentRequest) -> EnrichmentOutcome:
        """Claim, and do what the graph says is missing."""
        started_at = workflow.now()
        self._report(EnrichmentStatus.PROCESSING, "claiming")
        claim = await steps.claim(request)
        self._retry = claim.retry
        step = Step(request=request, version=claim.version, workflow_id=workflow.info().workflow_id)
        if claim.decision is Decision.DUPLICATE:
            self._show(EnrichmentStatus.COMPLETED)
            self._report(EnrichmentStatus.COMPLETED, "nothing to do: already enriched")
            return EnrichmentOutcome(outcome=None, decision=Decision.DUPLICATE, version=claim.version)
        if claim.decision is Decision.SUPERSEDED:
            past = step.model_copy(update={"version": request.document_version or claim.version})
            return await self._finish(past, Outcome.SUPERSEDED, started_at)
        if self._step is None or self._step.version != step.version or request != self._step.request:
            self._summary = None
        self._step = step
        if claim.previous_workflow_id is not None:
            await steps.tell_superseded(claim.previous_workflow_id, step.version)
        await steps.publish_progress(step, Stage.CLAIMED, started_at)
        return await self._work(step, started_at)

    async def _work(self, step: Step, started_at: datetime) -> EnrichmentOutcome:
        """Analyse and write; ends as superseded as soon as a newer version is known to exist."""
        # An analysis that this run already has for this request survives a failed write and its retry.
        if self._summary is None:
            self._report(EnrichmentStatus.PROCESSING, "analysing")
            self._summary = await steps.analyse(step, self._retry)
        await steps.publish_progress(step, Stage.ANALYSED, started_at)
        write = WriteInput(step=step, summary=self._summary)
        if step.request.enrichment_type.whole:
            self._report(EnrichmentStatus.PROCESSING, "writing vectors")
            applied = await steps.write_vectors(write, self._retry)
            if not applied or self._mailbox.superseded_by > step.version:
                return await self._finish(step, Outcome.SUPERSEDED, started_at)
            await steps.publish_progress(step, Stage.VECTORS_WRITTEN, started_at)
        self._report(EnrichmentStatus.PROCESSING, "writing the graph")
        if not await steps.write_graph(write, self._retry):
            return await self._finish(step, Outcome.SUPERSEDED, started_at)
        await steps.publish_progress(step, Stage.COMPLETED, started_at)
        return await self._finish(step, Outcome.SUCCESS, started_at, self._summary)

    async def _finish(
        self, step: Step, outcome: Outcome, started_at: datetime, summary: AnalysisSummary | None = None
    ) -> EnrichmentOutcome:
        """Publish the completed event and show the end."""
        self._report(self._status, "publishing the completed event", summary)
        await steps.publish_completed(step, outcome, started_at, summary)
        self._show(_ENDED[outcome] if outcome is not Outcome.SUPERSEDED else outcome)
        self._report(_ENDED[outcome], str(outcome), summary)
        decision = Decision.SUPERSEDED if outcome is Outcome.SUPERSEDED else Decision.PROCEED
        return EnrichmentOutcome(outcome=outcome, decision=decision, version=step.version, summary=summary)

    async def _park(self, step: Step, failure: Failure, failures: int) -> Wake:
        """Dead-letter once, mark the document failed, and wait until somebody or something ends it."""
        self._failure = failure
        await steps.publish_dead_letter(step, failure, failures)
        await steps.mark_parked(step, self._retry)
        self._show(names.STATUS_PARKED, failure.failure_type)
        self._report(EnrichmentStatus.FAILED, f"parked: {failure.stage} failed")
        retries_itself = failure.failure_type is FailureType.TRANSIENT and failures <= _SELF_RETRIES
        with contextlib.suppress(TimeoutError):
            await workflow.wait_condition(
                lambda: self._mailbox.wake(step.version) is not None,
                timeout=_SELF_RETRY_AFTER * failures if retries_itself else None,
            )
        wake = self._mailbox.wake(step.version) or Wake.RETRY
        self._mailbox.take(wake)
        self._failure = None
        self._show(EnrichmentStatus.PROCESSING)
        return wake

    async def _discard(self, step: Step) -> EnrichmentOutcome:
        self._report(EnrichmentStatus.PROCESSING, "discarding")
        await steps.mark_discarded(step, self._retry)
        return await self._finish(step, Outcome.DISCARDED, workflow.now())

    def _step_of(self, request: EnrichmentRequest) -> Step:
        """The claimed step, or one made of the request where the claim itself failed."""
        if self._step is not None and self._step.request == request:
            return self._step
        version = request.document_version or 1
        return Step(request=request, version=version, workflow_id=workflow.info().workflow_id)

    def _show(self, status: str, failure_type: str | None = None) -> None:
        """Set the search attributes; each call is an event, so only when the state has changed."""
        reason = _FAILURE_TYPE.value_set(failure_type) if failure_type else _FAILURE_TYPE.value_unset()
        workflow.upsert_search_attributes([_STATUS.value_set(str(status)), reason])

    def _report(self, status: EnrichmentStatus, stage: str, summary: AnalysisSummary | None = None) -> None:
        """Set what the query and the Web UI show; costs no event."""
        self._status = status
        self._stage = stage
        version = self._step.version if self._step else None
        workflow.set_current_details(details.markdown(stage, version, self._failure, summary))
