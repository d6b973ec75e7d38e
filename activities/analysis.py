"""In: a claimed request. Out: a stored analysis and its summary; the intelligence service's only caller.

An analysis that is stored under the same key is not paid for again.
"""

from blake3 import blake3
from temporalio import activity

from activities.failures import told_to_temporal
from activities.heartbeat import heartbeating
from activities.ports import Analyser, ContentStore
from archon.contracts.analysis import AnalysisRequest, AnalysisResult, AnalysisSummary, ServiceVersion
from archon.contracts.events import EnrichmentRequest
from archon.contracts.workflow import Step


class AnalysisActivities:
    """`share_across_projects`: let equal content of different projects use one analysis."""

    def __init__(self, analyser: Analyser, content: ContentStore, *, share_across_projects: bool) -> None:
        self._analyser = analyser
        self._content = content
        self._share_across_projects = share_across_projects

    @activity.defn(name="analyse")
    async def analyse(self, step: Step) -> AnalysisSummary:
        """Analyse the request's content, or find the analysis already stored."""
        with told_to_temporal():
            async with heartbeating():
                version = await self._analyser.version()
                reference = self.reference(step.request, version)
                if not step.request.force:
                    stored = await self._content.get_analysis(reference)
                    if stored is not None:
                        return summarise(stored, reference, cached=True)
                result = await self._analyser.process(await self._analysis_request(step.request))
                await self._content.put_analysis(reference, result)
                return summarise(result, reference, cached=False)

    def reference(self, request: EnrichmentRequest, version: ServiceVersion) -> str:
        """Everything a result may depend on, as one digest; the path only where the service reads it."""
        parts = [
            request.content_hash,
            request.resolved_language or "",
            str(request.resolved_type),
            str(request.enrichment_type),
            version.analyser_version,
            "" if self._share_across_projects else request.project_name,
        ]
        if not version.path_free:
            parts += [request.document_id, request.file_path]
        return blake3("\0".join(parts).encode()).hexdigest()

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
    )
