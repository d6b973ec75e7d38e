"""In: documents and embeddings. Out: one Qdrant point a document, never moved back to an older version.

A point holds what search filters by and what tells which content its vector is of; what a hit shows comes
from the graph.
"""

import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from qdrant_client import AsyncQdrantClient, models
from qdrant_client.http.exceptions import UnexpectedResponse

from archon.contracts import names
from archon.contracts.documents import Document, Indexed
from archon.contracts.types import EnrichmentStatus, Projects
from archon.contracts.workflow import Step
from archon.runtime import tracing
from archon.runtime.settings import Settings
from archon.stores.batching import Batcher
from archon.stores.points import NEVER, Points, payload, translated
from archon.stores.surveyed_points import SurveyedPoints

_KEYWORDS: Final = ("document_id", "language", "document_type", "enrichment_status")
_TIMEOUT_SECONDS: Final = 10


@dataclass(frozen=True)
class Hit:
    """A point near a vector. `embedded_hash`: the content its vector is of."""

    document_id: str
    score: float
    payload: dict[str, Any]


class VectorStore:
    """Points of one collection. Raises StoreError."""

    def __init__(self, client: AsyncQdrantClient, collection: str, dimensions: int, url: str = "") -> None:
        self._client = client
        self._collection = collection
        self._dimensions = dimensions
        self.points = Points(client, collection)
        self._updates: Batcher[Any] = Batcher(self._update)
        self._span = tracing.client("qdrant", "qdrant", url)
        self.surveyed = SurveyedPoints(client, collection)

    @classmethod
    @contextlib.asynccontextmanager
    async def connect(cls, settings: Settings) -> AsyncIterator["VectorStore"]:
        """Connects at the first call; the collection is ensure_collection's."""
        client = AsyncQdrantClient(
            url=settings.qdrant_url,
            api_key=settings.qdrant_api_key.get_secret_value() or None,
            timeout=_TIMEOUT_SECONDS,
            check_compatibility=False,
        )
        try:
            yield cls(client, settings.qdrant_collection, settings.embedding_dimensions, settings.qdrant_url)
        finally:
            await client.close()

    async def ping(self) -> None:
        with translated():
            await self._client.collection_exists(self._collection)

    async def ensure_collection(self) -> None:
        """The collection and its payload indexes; safe to repeat, and to do from two processes at once."""
        with translated():
            if not await self._client.collection_exists(self._collection):
                await self._create_collection()
            tenant = models.KeywordIndexParams(type=models.KeywordIndexType.KEYWORD, is_tenant=True)
            await self._client.create_payload_index(self._collection, "project_name", tenant)
            for field in _KEYWORDS:
                keyword = models.PayloadSchemaType.KEYWORD
                await self._client.create_payload_index(self._collection, field, keyword)
            await self._client.create_payload_index(
                self._collection, "version", models.PayloadSchemaType.INTEGER
            )

    async def _create_collection(self) -> None:
        vector = models.VectorParams(size=self._dimensions, distance=models.Distance.COSINE)
        try:
            await self._client.create_collection(
                self._collection, vectors_config={names.VECTOR_CONTENT: vector}
            )
        except UnexpectedResponse:
            if not await self._client.collection_exists(self._collection):
                raise

    async def index(self, document: Document, indexed: Indexed) -> None:
        """Create the point without a vector, or move it to this version, keeping the vector it has."""
        told = {
            "document_id": document.entity_id,
            "project_name": document.project_name,
            "file_path": document.file_path,
            "document_type": str(document.document_type),
            "language": document.language,
            "content_hash": document.content_hash,
            "version": indexed.version,
            "enrichment_status": str(indexed.status),
        }
        operations: list[Any] = [self._upsert(document.entity_id, told, None, NEVER)]
        if indexed.version > 1 or not indexed.changed:
            # A point that is at this version already has been written by the enrichment, which knows better.
            older = _unless_newer(
                document.entity_id, indexed.version - 1 if indexed.changed else indexed.version
            )
            if not indexed.changed:
                told.pop("enrichment_status")
            operations.append(
                models.SetPayloadOperation(set_payload=models.SetPayload(payload=told, filter=older))
            )
        with self._span("index"):
            await self._updates.write(operations)

    async def write(self, step: Step, status: EnrichmentStatus, vector: Sequence[float] | None) -> bool:
        """Store an enrichment's vector, or none; False when the point is at a newer version."""
        request = step.request
        told = {
            **payload(request, step.version, status),
            "embedded_hash": request.content_hash if vector is not None else None,
        }
        upsert = self._upsert(request.document_id, told, vector, _version_up_to(step.version))
        with self._span("upsert"):
            await self._updates.write([upsert])
        return await self._is_at(step)

    async def set_status(self, step: Step, status: EnrichmentStatus) -> bool:
        """Change a point's status and nothing else; False when it is at a newer version."""
        change = models.SetPayload(
            payload={"enrichment_status": str(status)},
            filter=_unless_newer(step.request.document_id, step.version),
        )
        with self._span("set_payload"):
            await self._updates.write([models.SetPayloadOperation(set_payload=change)])
        return await self._is_at(step)

    async def get(self, document_id: str) -> models.Record | None:
        """The point with its vector."""
        with translated():
            found = await self._client.retrieve(self._collection, [document_id], with_vectors=True)
        return found[0] if found else None

    async def search(
        self, vector: Sequence[float], *, projects: Projects, language: str | None, limit: int
    ) -> list[Hit]:
        """The nearest points by cosine, best first."""
        conditions: list[models.Condition] = []
        if projects is not None:
            any_of = models.MatchAny(any=list(projects))
            conditions.append(models.FieldCondition(key="project_name", match=any_of))
        if language is not None:
            same = models.MatchValue(value=language)
            conditions.append(models.FieldCondition(key="language", match=same))
        with self._span("query"), translated():
            response = await self._client.query_points(
                self._collection,
                query=list(vector),
                using=names.VECTOR_CONTENT,
                query_filter=models.Filter(must=conditions) if conditions else None,
                limit=limit,
                with_payload=True,
            )
        return [Hit(str(point.id), point.score, point.payload or {}) for point in response.points]

    async def _update(self, operations: Sequence[Any]) -> None:
        with translated():
            await self._client.batch_update_points(self._collection, operations, wait=True)

    def _upsert(
        self, document_id: str, told: dict[str, Any], vector: Sequence[float] | None, only: models.Filter
    ) -> models.UpsertOperation:
        vectors: Any = {names.VECTOR_CONTENT: list(vector)} if vector is not None else {}
        point = models.PointStruct(id=document_id, vector=vectors, payload=told)
        return models.UpsertOperation(upsert=models.PointsList(points=[point], update_filter=only))

    async def _is_at(self, step: Step) -> bool:
        with self._span("retrieve"), translated():
            found = await self._client.retrieve(
                self._collection, [step.request.document_id], with_payload=["version"]
            )
        return bool(found) and (found[0].payload or {}).get("version") == step.version


def _version_up_to(version: int) -> models.Filter:
    return models.Filter(must=[models.FieldCondition(key="version", range=models.Range(lte=version))])


def _unless_newer(document_id: str, version: int) -> models.Filter:
    return models.Filter(
        must=[
            models.HasIdCondition(has_id=[document_id]),
            models.FieldCondition(key="version", range=models.Range(lte=version)),
        ]
    )
