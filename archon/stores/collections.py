"""In: what a collection is to hold. Out: the collection and its payload indexes, made where missing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from qdrant_client import AsyncQdrantClient, models
from qdrant_client.http.exceptions import UnexpectedResponse

from archon.contracts import names
from archon.stores.points import translated


@dataclass(frozen=True)
class Collection:
    """`keywords`: payload fields to filter by, beside project and version; `sparse`: vectors beside the
    dense one."""

    name: str
    dimensions: int
    keywords: Sequence[str]
    sparse: Mapping[str, models.SparseVectorParams] = field(default_factory=dict)


async def ensure(client: AsyncQdrantClient, wanted: Collection) -> None:
    """Safe to repeat, and to do from two processes at once. Raises StoreError."""
    with translated():
        if not await client.collection_exists(wanted.name):
            await _create(client, wanted)
        tenant = models.KeywordIndexParams(type=models.KeywordIndexType.KEYWORD, is_tenant=True)
        await client.create_payload_index(wanted.name, "project_name", tenant)
        for key in wanted.keywords:
            await client.create_payload_index(wanted.name, key, models.PayloadSchemaType.KEYWORD)
        await client.create_payload_index(wanted.name, "version", models.PayloadSchemaType.INTEGER)


async def _create(client: AsyncQdrantClient, wanted: Collection) -> None:
    dense = models.VectorParams(size=wanted.dimensions, distance=models.Distance.COSINE)
    try:
        await client.create_collection(
            wanted.name,
            vectors_config={names.VECTOR_CONTENT: dense},
            sparse_vectors_config=dict(wanted.sparse) or None,
        )
    except UnexpectedResponse:
        if not await client.collection_exists(wanted.name):
            raise
