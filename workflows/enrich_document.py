"""In: `submit` signals for one document's content. Out: its enrichment in both stores, and events.

A run handles every accepted submission before it returns. A failure that retries cannot fix is dead-lettered;
the run then waits here for `retry`, `discard`, a newer version, or a new submission.
"""

import asyncio
from contextlib import nullcontext
from datetime import datetime
from typing import Final

from temporalio import workflow
from temporalio.exceptions import FailureError, is_cancelled_exception

from archon.contracts import names
from archon.contracts.analysis import AnalysisSummary
from archon.contracts.errors import ContentMissingError, ProjectConflictError
from archon.contracts.events import EnrichmentRequest
from archon.contracts.types import EnrichmentStatus, Outcome
from archon.contracts.workflow import (
    Decision,
    EnrichDocumentInput,
    EnrichmentOutcome,
    Failure,
    ParkInput,
    Stage,
    Step,
)
from workflows import parking
from workflows.cancellation import forget, meanwhile, raise_if_cancelled, uncancelled
from workflows.failures import failure_of
from workflows.handlers import Handlers
from workflows.mailbox import Wake
from workflows.steps import Steps

_ENDED: Final = {
    Outcome.SUCCESS: EnrichmentStatus.COMPLETED,
    Outcome.SUPERSEDED: EnrichmentStatus.COMPLETED,
    Outcome.DISCARDED: EnrichmentStatus.DISCARDED,
}


@workflow.defn(name=names.WORKFLOW_ENRICH_DOCUMENT)
class EnrichDocument(Handlers):
    @workflow.init
    def __init__(self, start: EnrichDocumentInput) -> None:
        super().__init__(start.carried)
        self._step: Step | None = None
        self._summary = start.carried.summary
        self._failures = start.carried.failures
        self._dead_lettered = start.carried.dead_lettered
        self._steps = Steps(local=start.local_steps, joint=start.joint_write)
        self._marked_while_parked = start.marked_while_parked
        self._refused = False

    @workflow.run
    async def run(self, start: EnrichDocumentInput) -> EnrichmentOutcome:
        await workflow.wait_condition(lambda: self._mailbox.waiting)
        while True:
            outcome = await self._settle(self._mailbox.next(), start)
            if not self._mailbox.waiting:
                await self._let_go()
            if not self._mailbox.waiting:
                return outcome
            self._answers.leaving = False
            self._failures, self._summary = 0, None
            await self._renew(start)

    async def _settle(self, request: EnrichmentRequest, start: EnrichDocumentInput) -> EnrichmentOutcome:
        """Enriches, or parks and continues as the end of the wait decides; returns when the request is
        settled.

        A cancellation discards the document, whatever it interrupts.
        """
        wake: Wake | None = None
        while True:
            try:
                try:
                    return await self._attempt(wake, request)
                except FailureError as error:
                    if is_cancelled_exception(error):
                        raise
                    wake = await self._park(request, failure_of(error, self._display.stage))
            except (asyncio.CancelledError, FailureError) as error:
                if not is_cancelled_exception(error):
                    raise
                forget()
                self._display.failure, wake = None, self._given_up(request)
            if wake is Wake.RESUBMITTED:
                request = self._take_over(request)
            if wake in {Wake.RETRY, Wake.RESUBMITTED}:
                await self._renew(start, request)

    def _given_up(self, request: EnrichmentRequest) -> Wake:
        """The meaning of a cancellation: a deleted document is superseded, any other is discarded."""
        past = self._mailbox.superseded_by > self._step_of(request).version
        return Wake.SUPERSEDED if past and workflow.patched("cancelled-when-past") else Wake.DISCARD

    def _take_over(self, parked: EnrichmentRequest) -> EnrichmentRequest:
        """The submission that woke the run. If it does not cover the parked one, that one is done after
        it."""
        request = self._mailbox.next()
        if not request.covers(parked) and not self._refused:
            self._mailbox.put_back(parked)
        return request

    async def _attempt(self, wake: Wake | None, request: EnrichmentRequest) -> EnrichmentOutcome:
        """Enriches the request, or ends it as `wake` demands; None is the first attempt."""
        if wake is Wake.SUPERSEDED:
            outcome = await self._finish(self._step_of(request), Outcome.SUPERSEDED, workflow.now())
        elif wake is Wake.DISCARD:
            outcome = await self._discard(self._step_of(request))
        else:
            outcome = await self._enrich(request)
        self._answers.end(request.correlation_id, outcome)
        return outcome

    async def _enrich(self, request: EnrichmentRequest) -> EnrichmentOutcome:
        """Claims the request, and does what the graph still needs."""
        started_at = workflow.now()
        self._display.report(EnrichmentStatus.PROCESSING, "claiming")
        claim = await self._steps.claim(request, started_at)
        self._steps.retry = claim.retry
        self._dead_lettered = self._dead_lettered or claim.dead_lettered
        raise_if_cancelled()
        step = Step(request=request, version=claim.version, workflow_id=workflow.info().workflow_id)
        if claim.decision is Decision.DUPLICATE and self._has_analysed(request):
            # Already written by an attempt of this run that counted as failed, because its answer was lost.
            finishing = self._finish(step, Outcome.SUCCESS, started_at, self._summary)
            return await uncancelled(finishing, self.discard)
        if claim.decision is Decision.DUPLICATE:
            await self._clear_dead_letter(step)
            self._display.file(EnrichmentStatus.COMPLETED)
            self._display.report(EnrichmentStatus.COMPLETED, "nothing to do: already settled")
            return EnrichmentOutcome(outcome=None, decision=Decision.DUPLICATE, version=claim.version)
        if claim.decision is Decision.SUPERSEDED:
            past = step.model_copy(update={"version": request.document_version or claim.version})
            return await self._finish(past, Outcome.SUPERSEDED, started_at)
        if self._step is not None and (self._step.version != step.version or self._step.request != request):
            self._summary = None
        self._step, self._display.version = step, step.version
        if claim.previous_workflow_id is not None:
            await self._steps.tell_superseded(claim.previous_workflow_id, step.version)
        await self._steps.publish_progress(step, Stage.CLAIMED, started_at)
        return await self._work(step, started_at)

    async def _work(self, step: Step, started_at: datetime) -> EnrichmentOutcome:
        """Analyses and writes; ends as superseded as soon as the run knows of a newer version."""
        # An analysis of this run survives a failed write and its retry.
        summary = self._summary or await self._analyse(step)
        if summary is None:
            return await self._finish(step, Outcome.SUPERSEDED, started_at)
        await self._steps.publish_progress(step, Stage.ANALYSED, started_at)
        # A dead letter is cleared before the completed event. A large write would occupy its workflow task.
        if self._steps.joint and not self._dead_lettered and not summary.large:
            self._display.report(EnrichmentStatus.PROCESSING, "writing")
            applied = await self._steps.write(step, summary, started_at)
            if applied is not None:
                if not applied:
                    return await self._finish(step, Outcome.SUPERSEDED, started_at)
                forget()  # too late for a cancellation: the write has completed the document
                return self._ended(step, Outcome.SUCCESS, summary)
            raise_if_cancelled()
        if step.request.enrichment_type.whole:
            self._display.report(EnrichmentStatus.PROCESSING, "writing vectors")
            applied = await self._steps.write_vectors(step, summary, started_at)
            raise_if_cancelled()
            if not applied or self._is_past(step):
                return await self._finish(step, Outcome.SUPERSEDED, started_at)
            await self._steps.publish_progress(step, Stage.VECTORS_WRITTEN, started_at)
        self._display.report(EnrichmentStatus.PROCESSING, "writing the graph")
        if not await self._steps.write_graph(step, summary, started_at):
            return await self._finish(step, Outcome.SUPERSEDED, started_at)
        forget()  # too late for a cancellation: the write has completed the document
        finishing = self._finish(step, Outcome.SUCCESS, started_at, summary)
        return await uncancelled(finishing, self.discard)

    async def _analyse(self, step: Step) -> AnalysisSummary | None:
        """None if a newer version has replaced the document, so the analysis is useless.

        The activity has then ended: a deletion waits for this run and removes everything that it has stored.
        """
        self._display.report(EnrichmentStatus.PROCESSING, "analysing")
        analysing = self._steps.analyse(step)
        if self._steps.local:
            try:
                await workflow.wait_condition(lambda: analysing.done() or self._is_past(step))
            except asyncio.CancelledError:
                analysing.cancel()
            if self._is_past(step):
                analysing.cancel()
        try:
            self._summary = await analysing
        except (asyncio.CancelledError, FailureError) as error:
            if not (is_cancelled_exception(error) and self._steps.local and self._is_past(step)):
                raise
            return None
        raise_if_cancelled()
        return None if self._steps.local and self._is_past(step) else self._summary

    def _is_past(self, step: Step) -> bool:
        return self._mailbox.superseded_by > step.version

    async def _finish(
        self, step: Step, outcome: Outcome, started_at: datetime, summary: AnalysisSummary | None = None
    ) -> EnrichmentOutcome:
        """Publishes the end, and clears the dead letter."""
        if outcome is Outcome.SUCCESS:
            await self._steps.publish_progress(step, Stage.COMPLETED, started_at)
        if outcome is not Outcome.SUPERSEDED:
            await self._clear_dead_letter(step)
        self._display.report(self._display.status, "publishing the completed event", summary)
        await self._steps.publish_completed(step, outcome, started_at, summary)
        return self._ended(step, outcome, summary)

    def _ended(self, step: Step, outcome: Outcome, summary: AnalysisSummary | None) -> EnrichmentOutcome:
        """Shows the end."""
        self._display.file(_ENDED[outcome] if outcome is not Outcome.SUPERSEDED else outcome)
        self._display.report(_ENDED[outcome], str(outcome), summary)
        decision = Decision.SUPERSEDED if outcome is Outcome.SUPERSEDED else Decision.PROCEED
        return EnrichmentOutcome(outcome=outcome, decision=decision, version=step.version, summary=summary)

    async def _park(self, request: EnrichmentRequest, failure: Failure) -> Wake:
        """Publishes one dead letter, marks the document as failed, and waits for the reason to continue."""
        raise_if_cancelled()
        self._failures += 1
        self._display.failure = failure
        self._refused = failure.error_type == ProjectConflictError.__name__
        if failure.error_type == ContentMissingError.__name__:
            self._summary = None
        step = self._step_of(request)
        park = ParkInput(
            step=step,
            claimed=step == self._step,
            failure=failure,
            failure_count=self._failures,
            failed_at=workflow.now(),
        )
        if not await self._dead_letter(park):
            self._display.failure = None
            return Wake.SUPERSEDED
        marked = await self._marked(park)
        raise_if_cancelled()
        self._display.file(names.STATUS_PARKED, failure.failure_type)
        self._display.report(EnrichmentStatus.FAILED, f"parked: {failure.stage} failed")
        self._answers.park(request.correlation_id, failure)
        async with nullcontext() if marked else meanwhile(self._mark_at_last(park), self.discard):
            wake = await parking.wait(self._mailbox, park, lambda: self._dead_letter(park))
        self._answers.wake()
        self._display.failure = None
        self._display.file(EnrichmentStatus.PROCESSING)
        return wake

    async def _marked(self, park: ParkInput) -> bool:
        """False if the graph is unavailable: the document is then marked while the run waits."""
        if not self._marked_while_parked:
            await self._steps.mark_parked(park.step)
            return True
        marked = await self._steps.mark_parked_at_once(park.step)
        parking.note(self._mailbox, park, marked)
        return marked is not None

    async def _mark_at_last(self, park: ParkInput) -> None:
        parking.note(self._mailbox, park, await self._steps.mark_parked_at_last(park.step))

    async def _dead_letter(self, park: ParkInput) -> bool:
        """False if a newer version has replaced the document."""
        published = await uncancelled(self._steps.publish_dead_letter(park), self.discard)
        self._dead_lettered = self._dead_lettered or published
        return published

    async def _discard(self, step: Step) -> EnrichmentOutcome:
        self._display.report(EnrichmentStatus.PROCESSING, "discarding")
        marked = await self._steps.mark_discarded(step)
        if marked.enriched and self._steps.local:
            # Enriched by an attempt whose workflow task was not accepted, because the cancellation came
            # first.
            finishing = self._finish(step, Outcome.SUCCESS, workflow.now(), self._summary)
        else:
            finishing = self._finish(step, Outcome.DISCARDED, workflow.now())
        return await uncancelled(finishing, self.discard)

    async def _clear_dead_letter(self, step: Step) -> None:
        if self._dead_lettered:
            await self._steps.clear_dead_letter(step)
            self._dead_lettered = False

    async def _renew(self, start: EnrichDocumentInput, request: EnrichmentRequest | None = None) -> None:
        """Continues as new if the history is long; `request` is an unsettled submission."""
        if not workflow.info().is_continue_as_new_suggested():
            return
        await self._let_go()
        carried = self._mailbox.carried()
        if request is not None:
            carried.submissions.insert(0, request)
        carried.failures, carried.summary = self._failures, self._summary
        carried.dead_lettered = self._dead_lettered
        workflow.continue_as_new(start.model_copy(update={"carried": carried}))

    def _has_analysed(self, request: EnrichmentRequest) -> bool:
        return self._step is not None and self._step.request == request and self._summary is not None

    def _step_of(self, request: EnrichmentRequest) -> Step:
        """The claimed step, or one built from the request if the claim itself failed."""
        if self._step is not None and self._step.request == request:
            return self._step
        version = request.document_version or 1
        return Step(request=request, version=version, workflow_id=workflow.info().workflow_id)
