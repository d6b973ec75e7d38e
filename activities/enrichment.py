"""In: claims and analyses. Out: graph and vectors at the claimed version, or the answer that it is past.

The graph decides; every write is conditional on the claimed version.
"""

from temporalio import activity

from activities.heartbeat import unbroken
from activities.ports import DocumentGraph, PointRemoval, Tombstones, VectorIndex
from activities.progress import Progress
from archon.contracts.analysis import AnalysisResult
from archon.contracts.errors import ContentMissingError, StoreConflictError
from archon.contracts.text.chunks import searchable
from archon.contracts.types import EnrichmentStatus
from archon.contracts.workflow import (
    ClaimInput,
    ClaimResult,
    Decision,
    RetrySettings,
    Stage,
    Step,
    WriteInput,
    WriteResult,
)
from archon.runtime.contents import ContentRemoval, Contents, FormerContents
from archon.runtime.crash import crash_point


def as_read(step: Step, analysis: AnalysisResult) -> Step:
    """The step with the language in which its text was read, which may differ from that of the file name."""
    request = step.request
    if analysis.language is None or analysis.language == request.resolved_language:
        return step
    # The document type in the graph stays: a missing one would be derived from the language.
    update = {"language": analysis.language, "document_type": request.resolved_type}
    return step.model_copy(update={"request": request.model_copy(update=update)})


class EnrichmentActivities:
    """`retry` is given to every run with its claim."""

    def __init__(
        self,
        graph: DocumentGraph,
        tombstones: Tombstones,
        vectors: VectorIndex,
        points: PointRemoval,
        content: ContentRemoval,
        *,
        progress: Progress,
        retry: RetrySettings,
    ) -> None:
        self._graph = graph
        self._tombstones = tombstones
        self._points = points
        self._vectors = vectors
        self._content = content
        self._contents = Contents(tombstones, content)
        self._former = FormerContents(graph, self._contents)
        self._progress = progress
        self._retry = retry

    @activity.defn(name="claim")
    @unbroken
    async def claim(self, claim: ClaimInput) -> ClaimResult:
        """Whether to enrich this content, and at which version, by the graph's decision."""
        decided = await self._graph.claim(claim.request, claim.workflow_id)
        if decided.decision is Decision.PROCEED:
            self._progress.report(claim.request, decided.version, Stage.CLAIMED, claim.progress_since)
            await self._former.limit(claim.request.document_id, decided.former)
        return ClaimResult(**decided.model_dump(), retry=self._retry)

    @activity.defn(name="write_vectors")
    @unbroken
    async def write_vectors(self, write: WriteInput) -> WriteResult:
        self._report_analysed(write)
        analysis = await self._analysis(write)
        chunks = searchable(analysis, write.step.request.metadata.line_count)
        step = as_read(write.step, analysis)
        applied = await self._vectors.write(step, EnrichmentStatus.COMPLETED, analysis.embedding, chunks)
        if not applied and not await self._removed(write.step) and await self._graph.is_current(write.step):
            raise StoreConflictError("qdrant", "the point is at a version that the graph does not know")
        crash_point("vectors-written")
        if applied:
            self._report(write, Stage.VECTORS_WRITTEN)
        return WriteResult(applied=applied)

    @activity.defn(name="write_graph")
    @unbroken
    async def write_graph(self, write: WriteInput) -> WriteResult:
        """Writes entities, relationships and scores; a complete enrichment also completes the document."""
        if not write.step.request.enrichment_type.whole:
            self._report_analysed(write)
        analysis = await self._analysis(write)
        applied = await self._graph.write_enrichment(as_read(write.step, analysis), analysis)
        if not applied:
            await self._removed(write.step)
        crash_point("graph-written")
        return WriteResult(applied=applied)

    @activity.defn(name="mark_parked")
    @unbroken
    async def mark_parked(self, step: Step) -> WriteResult:
        return await self._mark(step, EnrichmentStatus.FAILED)

    @activity.defn(name="mark_discarded")
    @unbroken
    async def mark_discarded(self, step: Step) -> WriteResult:
        return await self._mark(step, EnrichmentStatus.DISCARDED)

    async def _removed(self, step: Step) -> bool:
        """Whether the document is deleted; if so, removes what this run has stored.

        A write may bring back data that a deletion has removed: Qdrant inserts a missing point whatever the
        filter, and the analysis is stored without the graph's consent. So every writer that loses the version
        fence ends here. A writer with the fence cannot have been overtaken by a deletion.
        """
        request = step.request
        version = await self._tombstones.tombstone_of(request.document_id)
        if version is None:
            return False
        await self._points.delete({request.document_id: version})
        await self._contents.remove([request.content_hash])
        return True

    async def _mark(self, step: Step, status: EnrichmentStatus) -> WriteResult:
        applied = await self._graph.set_status(step, status)
        if applied:
            await self._vectors.set_status(step, status)
        return WriteResult(applied=applied, enriched=not applied and await self._graph.is_current(step))

    def _report_analysed(self, write: WriteInput) -> None:
        """Only on the first attempt: an outage would repeat the event."""
        if activity.info().attempt == 1:
            self._report(write, Stage.ANALYSED)

    def _report(self, write: WriteInput, stage: Stage) -> None:
        self._progress.report(write.step.request, write.step.version, stage, write.progress_since)

    async def _analysis(self, write: WriteInput) -> AnalysisResult:
        analysis = await self._content.get_analysis(write.summary.result_ref)
        if analysis is None:
            raise ContentMissingError(f"the analysis {write.summary.result_ref} is no longer stored")
        return analysis
