"""In: a claimed request. Out: a stored analysis and its summary; the intelligence service's only caller.

An analysis that is stored under the same key is not paid for again.
"""

from typing import Final

from blake3 import blake3
from temporalio import activity

from activities.failures import Attempts, patiently, told_to_temporal
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
"""Chunks beyond which a request to the vector store is so long that an analysis is large."""


class AnalysisActivities:
    """`outage_budget`: seconds that a store may be down; `share_across_projects`: let equal content of
    different projects use one analysis."""

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
    async def analyse(self, asked: AnalyseInput) -> AnalysisSummary:
        """Analyse the request's content, or find the analysis already stored.

        While the service or a store is down this waits in its slot, heartbeating, and spends no attempt.
        """
        attempts = Attempts(asked.max_attempts)
        with attempts.counted(), told_to_temporal():
            async with heartbeating(lambda: (self._waiting_for(), attempts.failed)):
                return await patiently(lambda: self._attempt(asked, attempts), self._outage_budget)

    async def _attempt(self, asked: AnalyseInput, attempts: Attempts) -> AnalysisSummary:
        while True:
            try:
                return await self._analyse(asked.step.request)
            except IntelligenceUnavailableError as error:
                # The last attempt is not spent on a service that is down for every document.
                if not attempts.last or await self._serves() or not self._breaker.trip(error):
                    raise

    async def _analyse(self, request: EnrichmentRequest) -> AnalysisSummary:
        version = await self._breaker.run(self._analyser.version, evidence=False)
        reference = self.reference(request, version)
        if not request.force:
            stored = await self._content.get_analysis(reference)
            if stored is not None:
                return summarise(stored, reference, cached=True)
        asked = await self._analysis_request(request)
        result = await self._result(asked)
        crash_point("analysis-answered")
        if asked.content is not None:
            result = result.model_copy(update={"entities": hashed(result.entities, asked.content)})
        # Where its document was deleted meanwhile, the write that loses the fence removes it again.
        await self._content.put_analysis(reference, result)
        return summarise(result, reference, cached=False)

    async def _result(self, asked: AnalysisRequest) -> AnalysisResult:
        try:
            return await self._breaker.run(lambda: self._analyser.process(asked))
        except ContentMissingError as error:
            if asked.content is not None:
                raise
            # The service tells of the text, which its caller is to send; the request has its hash alone.
            reason = "the content store holds no text under this hash, and the intelligence service has none"
            raise ContentMissingError(f"content_hash: {reason}; post the document to the bridge") from error

    async def _serves(self) -> bool:
        try:
            await self._analyser.ping()
        except IntelligenceError:
            return False
        return True

    def _waiting_for(self) -> str | None:
        """What the Web UI shows with the heartbeat."""
        status = self._breaker.status
        if status.state is BreakerState.CLOSED:
            return None
        return f"the intelligence service is down since {status.opened_at}: {status.last_failure}"

    def reference(self, request: EnrichmentRequest, version: ServiceVersion) -> str:
        """The content's hash, and everything else a result may depend on as one digest; the path only where
        the service reads it."""
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
    """The part of an analysis that a workflow and its events carry."""
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
