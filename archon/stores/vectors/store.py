"""In: documents and embeddings. Out: one Qdrant point per document, never moved back to an older version, and
the chunks that search finds.

A document's point names the content of its vector and the number of chunks; the other data of a hit comes
from the graph.
"""

import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from qdrant_client import AsyncQdrantClient, models

from archon.contracts import names
from archon.contracts.analysis import Chunk
from archon.contracts.documents import Document, Indexed
from archon.contracts.errors import StoreRejectedError
from archon.contracts.types import EnrichmentStatus
from archon.contracts.workflow import Step
from archon.runtime.flow.at_work import NOBODY, Count
from archon.runtime.flow.grouping import SHORT_LINGER, Grouped
from archon.runtime.http.clients import Transport
from archon.runtime.settings import Settings
from archon.runtime.telemetry import tracing
from archon.stores.vectors.chunks import CHUNKS_AT_ONCE, Chunks
from archon.stores.vectors.collections import Collection, check, ensure
from archon.stores.vectors.points import NEVER, numbers, payload, translated, version_up_to
from archon.stores.vectors.removal import Removal
from archon.stores.vectors.retry_after import RespectingRetryAfter
from archon.stores.vectors.search import ChunkSearch
from archon.stores.vectors.survey import SurveyedPoints

_KEYWORDS: Final = ("document_id", "language", "document_type", "enrichment_status")
_TIMEOUT_SECONDS: Final = 10


def qdrant(settings: Settings, **options: Any) -> AsyncQdrantClient:
    """A client of the server in the settings."""
    key = settings.qdrant_api_key.get_secret_value()
    # As a header: with `api_key` the client prints a warning about plain HTTP, a plain line in a JSON log.
    headers = {"api-key": key} if key else {}
    return AsyncQdrantClient(url=settings.qdrant_url, check_compatibility=False, metadata=headers, **options)


class VectorStore:
    """Points of both collections. Raises StoreError."""

    def __init__(self, client: AsyncQdrantClient, settings: Settings, at_work: Count = NOBODY) -> None:
        documents, symbols = settings.qdrant_collection, settings.qdrant_symbols_collection
        self._client = client
        self._collection = documents
        self._dimensions = settings.embedding_dimensions
        self._chunks = Chunks(client, symbols, settings.embedding_dimensions)
        self._updates: Grouped[_Update, None] = Grouped(
            self._update,
            key=_id_of_update,
            tenant=lambda each: each.project_name,
            lanes=1,
            at_work=at_work,
            linger=SHORT_LINGER,
        )
        self._writes: Grouped[_Write, bool] = Grouped(
            self._write,
            key=_id_of_write,
            tenant=lambda each: each.step.request.project_name,
            lanes=1,
            weight=_chunks_of,
            limit=CHUNKS_AT_ONCE,
            at_work=at_work,
        )
        self._span = tracing.client("qdrant", "qdrant", settings.qdrant_url)
        self.search = ChunkSearch(client, self._chunks.wanted, settings.qdrant_url)
        self.removal = Removal(client, documents, symbols, self._chunks)
        self.surveyed = SurveyedPoints(client, documents, symbols)
        self._wanted = (Collection(documents, self._dimensions, _KEYWORDS), self._chunks.wanted)
        client.http.client.add_middleware(RespectingRetryAfter())

    @classmethod
    @contextlib.asynccontextmanager
    async def connect(cls, settings: Settings, at_work: Count = NOBODY) -> AsyncIterator["VectorStore"]:
        """Connects at the first call; ensure_collections creates the collections. `at_work`: see Grouped."""
        client = qdrant(settings, timeout=_TIMEOUT_SECONDS, transport=Transport())
        try:
            yield cls(client, settings, at_work)
        finally:
            await client.close()

    async def ping(self) -> None:
        with translated():
            await self._client.collection_exists(self._collection)

    async def check(self) -> str:
        """The server's version. Raises StoreMismatchError if a collection is missing, or not the planned
        one."""
        return await check(self._client, self._wanted)

    async def ensure_collections(self) -> None:
        """Creates both with their payload indexes; safe to repeat, also from two processes at once."""
        await ensure(self._client, self._wanted)

    async def index(self, document: Document, indexed: Indexed) -> None:
        """Creates the point without a vector, or moves it to this version, keeping its vector."""
        data = {
            "document_id": document.entity_id,
            "project_name": document.project_name,
            "file_path": document.file_path,
            "document_type": str(document.document_type),
            "language": document.language,
            "content_hash": document.content_hash,
            "version": indexed.version,
            "enrichment_status": str(indexed.status),
        }
        operations: list[Any] = [self._upsert(document.entity_id, data, None, NEVER)]
        if indexed.version > 1 or not indexed.changed:
            # The enrichment has already written a point at this version, with better data.
            older = _unless_newer(
                document.entity_id, indexed.version - 1 if indexed.changed else indexed.version
            )
            if not indexed.changed:
                # The enrichment has better values.
                del data["enrichment_status"], data["language"]
            operations.append(
                models.SetPayloadOperation(set_payload=models.SetPayload(payload=data, filter=older))
            )
        with self._span("index"):
            await self._updates.ask(_Update(document.entity_id, document.project_name, operations))

    async def write(
        self,
        step: Step,
        status: EnrichmentStatus,
        vector: Sequence[float] | None,
        chunks: Sequence[Chunk] = (),
    ) -> bool:
        """Stores an enrichment's vector, or none, and replaces the chunks; False if the document is at a
        newer version, and then nothing of this write remains."""
        self._require_dimensions([vector, *(chunk.embedding for chunk in chunks)])
        request = step.request
        data = {
            **payload(request, step.version, status),
            "embedded_hash": request.content_hash if vector is not None else None,
            "chunks": len(chunks),
        }
        upsert = self._upsert(request.document_id, data, vector, version_up_to(step.version))
        with self._span("upsert"):
            applied = await self._writes.ask(_Write(step, upsert, chunks))
        if not applied:
            await self._chunks.delete({request.document_id: step.version})
        return applied

    def _require_dimensions(self, vectors: Sequence[Sequence[float] | None]) -> None:
        """The collections are known to have the configured dimensions, so the analysis is wrong."""
        others = {len(each) for each in vectors if each is not None} - {self._dimensions}
        if others:
            given = ", ".join(map(str, sorted(others)))
            reason = f"a vector of dimension {given}; EMBEDDING_DIMENSIONS is {self._dimensions}"
            raise StoreRejectedError("qdrant", reason)

    async def set_status(self, step: Step, status: EnrichmentStatus) -> bool:
        """Changes only a point's status; False if it is at a newer version."""
        change = models.SetPayload(
            payload={"enrichment_status": str(status)},
            filter=_unless_newer(step.request.document_id, step.version),
        )
        with self._span("set_payload"):
            operation = models.SetPayloadOperation(set_payload=change)
            request = step.request
            await self._updates.ask(_Update(request.document_id, request.project_name, [operation]))
            return (await self._at([step]))[0]

    async def get(self, document_id: str) -> models.Record | None:
        """The point with its vector."""
        with translated():
            found = await self._client.retrieve(self._collection, [document_id], with_vectors=True)
        return found[0] if found else None

    async def _write(self, writes: Sequence["_Write"]) -> list[bool]:
        """Writes the points, then their chunks, then checks the points, which fence the chunks."""
        await self._send([write.upsert for write in writes])
        await self._chunks.replace([(write.step, write.chunks) for write in writes])
        return await self._at([write.step for write in writes])

    async def _update(self, updates: Sequence["_Update"]) -> list[None]:
        await self._send([operation for update in updates for operation in update.operations])
        return [None for _ in updates]

    async def _send(self, operations: Sequence[Any]) -> None:
        with translated():
            await self._client.batch_update_points(self._collection, operations, wait=True)

    def _upsert(
        self, document_id: str, data: dict[str, Any], vector: Sequence[float] | None, only: models.Filter
    ) -> models.UpsertOperation:
        vectors: Any = {names.VECTOR_CONTENT: numbers(vector)} if vector is not None else {}
        point = models.PointStruct(id=document_id, vector=vectors, payload=data)
        return models.UpsertOperation(upsert=models.PointsList(points=[point], update_filter=only))

    async def _at(self, steps: Sequence[Step]) -> list[bool]:
        """For each step, whether its document's point is at its version."""
        with translated():
            found = await self._client.retrieve(
                self._collection, [step.request.document_id for step in steps], with_payload=["version"]
            )
        versions = {str(each.id): (each.payload or {}).get("version") for each in found}
        return [versions.get(step.request.document_id) == step.version for step in steps]


@dataclass(frozen=True)
class _Update:
    """Operations on one document's point, in order."""

    document_id: str
    project_name: str
    operations: Sequence[Any]


@dataclass(frozen=True)
class _Write:
    """An enrichment of one document."""

    step: Step
    upsert: models.UpsertOperation
    chunks: Sequence[Chunk]


def _id_of_update(update: _Update) -> str:
    return update.document_id


def _id_of_write(write: _Write) -> str:
    return write.step.request.document_id


def _chunks_of(write: _Write) -> int:
    return len(write.chunks)


def _unless_newer(document_id: str, version: int) -> models.Filter:
    return models.Filter(
        must=[
            models.HasIdCondition(has_id=[document_id]),
            models.FieldCondition(key="version", range=models.Range(lte=version)),
        ]
    )
