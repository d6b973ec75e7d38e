"""In: chunks of a document at a version. Out: one point for each in a separate collection.

The document's point is the fence: a writer of chunks checks it afterwards, and removes its own chunks if it
has lost. Qdrant inserts a new point whatever the update filter; the filter only protects existing points from
a late writer.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Final

from qdrant_client import AsyncQdrantClient, models

from archon.contracts import names
from archon.contracts.analysis import Chunk
from archon.contracts.identity import chunk_id
from archon.contracts.types import EnrichmentStatus
from archon.contracts.workflow import Step
from archon.stores.vectors.collections import Collection
from archon.stores.vectors.points import numbers, of_documents, payload, sparse, translated, version_up_to

KEYWORDS: Final = ("document_id", "language", "document_type", "kind")
CHUNKS_AT_ONCE: Final = 200
"""Maximum number of points per request; each has about 5 KB, and Qdrant accepts 32 MB."""


class Chunks:
    """Raises StoreError."""

    def __init__(self, client: AsyncQdrantClient, collection: str, dimensions: int) -> None:
        self._client = client
        self._collection = collection
        idf = models.SparseVectorParams(modifier=models.Modifier.IDF)
        self.wanted = Collection(collection, dimensions, KEYWORDS, sparse={names.VECTOR_TERMS: idf})

    async def replace(self, documents: Sequence[tuple[Step, Sequence[Chunk]]]) -> None:
        """For each document, writes these chunks and deletes all others, except those of a newer version."""
        operations: list[Any] = []
        for step, chunks in documents:
            whole, left = divmod(len(chunks), CHUNKS_AT_ONCE)
            cut = whole * CHUNKS_AT_ONCE
            for start in range(0, cut, CHUNKS_AT_ONCE):  # a document that fills its own requests
                await self._update([_upsert(step, chunks[start : start + CHUNKS_AT_ONCE])])
            if left:
                operations.append(_upsert(step, chunks[cut:]))
            operations.append(_delete_others(step, chunks))
        await self._update(operations)

    async def delete(self, versions: Mapping[str, int]) -> int:
        """Deletes the chunks of these documents up to the given version; returns their number."""
        by_version = defaultdict(list)
        for document_id, version in versions.items():
            by_version[version].append(document_id)
        deleted = 0
        for version, document_ids in by_version.items():
            doomed = of_documents(document_ids, version)
            with translated():
                deleted += (await self._client.count(self._collection, doomed, exact=True)).count
            await self._update([models.DeleteOperation(delete=models.FilterSelector(filter=doomed))])
        return deleted

    async def _update(self, operations: Sequence[Any]) -> None:
        with translated():
            await self._client.batch_update_points(self._collection, operations, wait=True)


def _upsert(step: Step, chunks: Sequence[Chunk]) -> models.UpsertOperation:
    points = [_point(step, chunk) for chunk in chunks]
    return models.UpsertOperation(
        upsert=models.PointsList(points=points, update_filter=version_up_to(step.version))
    )


def _delete_others(step: Step, chunks: Sequence[Chunk]) -> models.DeleteOperation:
    others = of_documents([step.request.document_id], step.version)
    if chunks:
        others.must_not = [models.HasIdCondition(has_id=[_id(step, chunk) for chunk in chunks])]
    return models.DeleteOperation(delete=models.FilterSelector(filter=others))


def _id(step: Step, chunk: Chunk) -> str:
    return chunk_id(step.request.document_id, chunk.kind, chunk.symbol, chunk.ordinal)


def _point(step: Step, chunk: Chunk) -> models.PointStruct:
    vectors: dict[str, Any] = {}
    if chunk.embedding is not None:
        vectors[names.VECTOR_CONTENT] = numbers(chunk.embedding)
    if chunk.terms is not None and chunk.terms.indices:
        vectors[names.VECTOR_TERMS] = sparse(chunk.terms)
    data = payload(step.request, step.version, EnrichmentStatus.COMPLETED)
    del data["enrichment_status"]  # the graph's, not a chunk's
    data |= chunk.model_dump(include={"symbol", "kind", "start_line", "end_line"})
    data |= chunk.model_dump(include={"start_column", "body_hash"}, exclude_none=True)
    return models.PointStruct(id=_id(step, chunk), vector=vectors, payload=data)
