"""In: a claimed request. Out: a stored analysis and its summary; the only caller of the intelligence service.

An analysis stored under the same key is reused.
"""

from typing import Final

from blake3 import blake3
from temporalio import activity

from activities.failures import Attempts, as_application_errors, patiently
from activities.heartbeat import heartbeating
from activities.ports import Analyser, ContentStore
from archon.contracts.analysis import (
    ROWS_AT_ONCE,
    AnalysisRequest,
    AnalysisResult,
    AnalysisSummary,
    ServiceVersion,
)
from archon.contracts.errors import ContentMissingError, IntelligenceError, IntelligenceUnavailableError
from archon.contracts.events import EnrichmentRequest
from archon.contracts.text.entity_hashes import hashed
from archon.contracts.workflow import AnalyseInput
from archon.runtime.crash import crash_point
from archon.runtime.flow.breaker import BreakerState, CircuitBreaker

LARGE_CHUNKS: Final = 100
"""Number of chunks above which a request to the vector store takes so long that the analysis counts as
large."""


class AnalysisActivities:
    """`outage_budget`: seconds that a store may be unavailable; `share_across_projects`: share analyses of
    equal content between projects."""

    def __init__(
        self,
        analyser: Analyser,
        content: ContentStore,
        breaker: CircuitBreaker,
        *,
        outage_budget: float,
        share_across_projects: bool,
    ) -> None:
        self._analyser = analyser
        self._content = content
        self._breaker = breaker
        self._outage_budget = outage_budget
        self._share_across_projects = share_across_projects

    @activity.defn(name="analyse")
    async def analyse(self, given: AnalyseInput) -> AnalysisSummary:
        """Analyses the request's content, or finds the stored analysis.

        While the service or a store is unavailable, this waits in its slot, with heartbeats, and spends no
        attempt.
        """
        attempts = Attempts(given.max_attempts)
        with attempts.counted(), as_application_errors():
            async with heartbeating(lambda: (self._waiting_for(), attempts.failed)):
                return await patiently(lambda: self._attempt(given, attempts), self._outage_budget)

    async def _attempt(self, given: AnalyseInput, attempts: Attempts) -> AnalysisSummary:
        while True:
            try:
                return await self._analyse(given.step.request)
            except IntelligenceUnavailableError as error:
                # The last attempt must not be spent on a service that fails for all documents.
                if not attempts.last or await self._serves() or not self._breaker.trip(error):
                    raise

    async def _analyse(self, request: EnrichmentRequest) -> AnalysisSummary:
        version = await self._breaker.run(self._analyser.version, evidence=False)
        reference = self.reference(request, version)
        if not request.force:
            stored = await self._content.get_analysis(reference)
            if stored is not None:
                return summarise(stored, reference, cached=True)
        body = await self._analysis_request(request)
        result = await self._result(body)
        crash_point("analysis-answered")
        if body.content is not None:
            result = result.model_copy(update={"entities": hashed(result.entities, body.content)})
        # If the document was deleted meanwhile, the write that loses the fence removes the analysis.
        await self._content.put_analysis(reference, result)
        return summarise(result, reference, cached=False)

    async def _result(self, body: AnalysisRequest) -> AnalysisResult:
        try:
            return await self._breaker.run(lambda: self._analyser.process(body))
        except ContentMissingError as error:
            if body.content is not None:
                raise
            # The service's message is about the text, which its caller should send; our request only has the
            # hash.
            reason = "the content store holds no text under this hash, and the intelligence service has none"
            raise ContentMissingError(f"content_hash: {reason}; post the document to the bridge") from error

    async def _serves(self) -> bool:
        try:
            await self._analyser.ping()
        except IntelligenceError:
            return False
        return True

    def _waiting_for(self) -> str | None:
        """Heartbeat detail for the Web UI."""
        status = self._breaker.status
        if status.state is BreakerState.CLOSED:
            return None
        return f"the intelligence service is down since {status.opened_at}: {status.last_failure}"

    def reference(self, request: EnrichmentRequest, version: ServiceVersion) -> str:
        """The content's hash, and a digest of everything else that the result may depend on; includes the
        path only if the service uses it."""
        parts = [
            request.resolved_language or "",
            str(request.resolved_type),
            str(request.enrichment_type),
            version.analyser_version,
            "" if self._share_across_projects else request.project_name,
        ]
        if not version.path_free:
            parts += [request.document_id, request.file_path]
        digest = blake3("\0".join(parts).encode()).hexdigest()
        return f"{request.content_hash}/{digest}"

    async def _analysis_request(self, request: EnrichmentRequest) -> AnalysisRequest:
        return AnalysisRequest(
            document_id=request.document_id,
            project_name=request.project_name,
            file_path=request.file_path,
            document_type=request.resolved_type,
            language=request.resolved_language,
            enrichment_type=request.enrichment_type,
            content_hash=request.content_hash,
            content=await self._content.get_text(request.content_hash),
            metadata=request.metadata.model_dump(mode="json", exclude_none=True),
        )


def summarise(result: AnalysisResult, reference: str, *, cached: bool) -> AnalysisSummary:
    """The part of an analysis for workflows and events."""
    return AnalysisSummary(
        result_ref=reference,
        entities_extracted=result.entities_extracted,
        quality_score=result.quality_score,
        complexity_score=result.complexity_score,
        patterns_detected=result.patterns_detected,
        anti_patterns_detected=result.anti_patterns_detected,
        analyser_version=result.analyser_version,
        has_embedding=result.embedding is not None,
        cached=cached,
        large=len(result.entities) + len(result.relationships) > ROWS_AT_ONCE
        or len(result.chunks) > LARGE_CHUNKS,
    )
