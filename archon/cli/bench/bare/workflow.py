"""In: a `submit` signal. Out: the activities of one enrichment, scheduled as in the product, without any
work.

Measures the cost of Temporal alone. `workflows.steps` schedules the activities, so names, kinds, options,
summaries and payloads are the product's. Only the analysis has another name, because its task queue is
another one.
"""

from typing import Final

from temporalio import activity, workflow

from activities.analysis import AnalysisActivities
from archon.contracts import names
from archon.contracts.analysis import AnalysisSummary
from archon.contracts.events import EnrichmentRequest
from archon.contracts.types import EnrichmentStatus, Outcome
from archon.contracts.workflow import (
    AnalyseInput,
    ClaimInput,
    ClaimResult,
    Decision,
    EnrichDocumentInput,
    EnrichmentOutcome,
    RetrySettings,
    Step,
    WriteInput,
    WriteResult,
)
from workflows import policies
from workflows.display import Display
from workflows.steps import Steps

WORKFLOW: Final = "BenchBaseline"
_SUMMARY: Final = AnalysisSummary(
    result_ref="0" * 64,
    entities_extracted=20,
    quality_score=0.9167,
    complexity_score=0.1333,
    patterns_detected=["data-class", "factory"],
    anti_patterns_detected=["long-function"],
    analyser_version="0.1.0+000000000000",
    has_embedding=True,
)
"""As large as the summary of an analysis."""


def analysis_queue(queue: str) -> str:
    """The second task queue; the product has one for the analysis only, too."""
    return f"{queue}-analysis"


@workflow.defn(name=WORKFLOW)
class Bare:
    def __init__(self) -> None:
        self._request: EnrichmentRequest | None = None

    @workflow.signal(name=names.SIGNAL_SUBMIT)
    def submit(self, request: EnrichmentRequest) -> None:
        self._request = request

    @workflow.run
    async def run(self, start: EnrichDocumentInput) -> EnrichmentOutcome:
        await workflow.wait_condition(lambda: self._request is not None)
        assert self._request is not None
        started_at, steps = workflow.now(), Steps(local=start.local_steps, joint=start.joint_write)
        claim = await steps.claim(self._request, started_at)
        step = Step(
            request=self._request,
            version=claim.version,
            workflow_id=f"{start.document_id}-{start.content_hash}",
        )
        summary = await _analyse(step, claim.retry)
        await steps.write(step, summary, started_at)
        Display().file(EnrichmentStatus.COMPLETED)
        return EnrichmentOutcome(
            outcome=Outcome.SUCCESS, decision=Decision.PROCEED, version=step.version, summary=summary
        )


async def _analyse(step: Step, retry: RetrySettings) -> AnalysisSummary:
    options = policies.analysis(retry, wait_for_cancellation=True)
    options["task_queue"] = analysis_queue(workflow.info().task_queue)
    return await workflow.execute_activity_method(
        AnalysisActivities.analyse,
        AnalyseInput(step=step, max_attempts=retry.max_attempts),
        summary=f"{step.request.resolved_language or 'text'} · {step.request.file_path}",
        **options,
    )


@activity.defn
async def claim(given: ClaimInput) -> ClaimResult:
    version = given.request.document_version or 1
    return ClaimResult(decision=Decision.PROCEED, version=version, retry=RetrySettings())


@activity.defn
async def analyse(_: AnalyseInput) -> AnalysisSummary:
    return _SUMMARY


@activity.defn
async def write(_: WriteInput) -> WriteResult:
    return WriteResult(applied=True)


STORE: Final = (claim, write)
"""Local activities of the product's worker."""
