"""In: the planned collections. Out: the collections and their payload indexes, created if missing; an error
that describes how existing ones differ.

A collection's vectors are fixed at its creation, so only its operator can replace one that differs.
"""

import contextlib
import re
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final

from qdrant_client import AsyncQdrantClient, models
from qdrant_client.http.exceptions import UnexpectedResponse

from archon.contracts import names
from archon.contracts.errors import StoreMismatchError, StoreUnavailableError
from archon.stores.vectors.points import refused, translated

OLDEST_SERVER: Final = (1, 15, 4)
"""The first version with `update_filter`. Older ones ignore it, and overwrite newer versions."""
_OF_THE_COLLECTION: Final = frozenset({400, 404})
"""Statuses of requests to a collection that differs or is missing."""
_SAME_AS: Final = {"keyword": {"keyword", "uuid"}, "integer": {"integer"}}
"""Types of payload index that also support the filters of the planned type."""


@dataclass(frozen=True)
class Collection:
    """`keywords`: payload fields for filters, in addition to project and version; `sparse`: vectors in
    addition to the dense one."""

    name: str
    dimensions: int
    keywords: Sequence[str]
    sparse: Mapping[str, models.SparseVectorParams] = field(default_factory=dict)

    @property
    def indexes(self) -> Mapping[str, models.KeywordIndexParams | models.IntegerIndexParams]:
        """By payload field."""
        keyword = models.KeywordIndexParams(type=models.KeywordIndexType.KEYWORD)
        return {
            "project_name": keyword.model_copy(update={"is_tenant": True}),
            **dict.fromkeys(self.keywords, keyword),
            "version": models.IntegerIndexParams(type=models.IntegerIndexType.INTEGER),
        }


async def ensure(client: AsyncQdrantClient, wanted: Sequence[Collection]) -> None:
    """Safe to repeat, also from two processes at once. Raises StoreMismatchError, which names every
    difference, before it writes to an existing collection; otherwise StoreError."""
    with translated():
        await _require_version(client)
        for each in wanted:
            if await _there(client, each) is None:
                await _create(client, each)
        found = [(each, await client.get_collection(each.name)) for each in wanted]
        _raise_if_any(line for each, info in found for line in (*_vectors(each, info), *_types(each, info)))
        for each, info in found:
            await _index(client, each, info)


async def check(client: AsyncQdrantClient, wanted: Sequence[Collection]) -> str:
    """The server's version. Creates nothing. Raises StoreMismatchError, which also names missing objects;
    otherwise StoreError."""
    differences: list[str] = []
    with translated():
        for each in wanted:
            if (info := await _there(client, each)) is None:
                differences.append(f"collection {each.name} is missing")
                continue
            differences += (*_vectors(each, info), *_types(each, info))
            lacks = each.indexes.keys() - info.payload_schema.keys()
            differences += (f"collection {each.name} has no payload index on {key}" for key in sorted(lacks))
        version = (await client.info()).version
    _raise_if_any(differences)
    return version


@contextlib.asynccontextmanager
async def explained(client: AsyncQdrantClient, wanted: Sequence[Collection]) -> AsyncIterator[None]:
    """If the server refuses a request of the block and a collection is not the planned one, raises
    StoreMismatchError with the difference; otherwise the refusal."""
    try:
        yield
    except StoreUnavailableError as error:
        refusal = error.__cause__
        if isinstance(refusal, UnexpectedResponse) and refusal.status_code in _OF_THE_COLLECTION:
            await check(client, wanted)
        raise


async def _there(client: AsyncQdrantClient, wanted: Collection) -> models.CollectionInfo | None:
    try:
        return await client.get_collection(wanted.name)
    except UnexpectedResponse as error:
        if error.status_code == HTTPStatus.NOT_FOUND:
            return None
        raise


def _raise_if_any(differences: Iterable[str]) -> None:
    if found := "; ".join(differences):
        raise StoreMismatchError("qdrant", found)


async def _require_version(client: AsyncQdrantClient) -> None:
    version = (await client.info()).version
    found = re.match(r"v?(\d+)\.(\d+)\.(\d+)", version)
    if found and tuple(map(int, found.groups())) < OLDEST_SERVER:
        oldest = ".".join(map(str, OLDEST_SERVER))
        raise StoreMismatchError("qdrant", f"the server is version {version}; {oldest} or newer is required")


async def _create(client: AsyncQdrantClient, wanted: Collection) -> None:
    dense = models.VectorParams(size=wanted.dimensions, distance=models.Distance.COSINE)
    try:
        await client.create_collection(
            wanted.name,
            vectors_config={names.VECTOR_CONTENT: dense},
            sparse_vectors_config=dict(wanted.sparse) or None,
        )
    except UnexpectedResponse as error:
        if await _there(client, wanted) is None:
            raise refused(error, f"collection {wanted.name} is missing and cannot be created") from error


async def _index(client: AsyncQdrantClient, wanted: Collection, info: models.CollectionInfo) -> None:
    for key, schema in wanted.indexes.items():
        if key not in info.payload_schema:
            try:
                await client.create_payload_index(wanted.name, key, schema)
            except UnexpectedResponse as error:
                lacks = f"collection {wanted.name} has no payload index on {key}, and none can be created"
                raise refused(error, lacks) from error


def _vectors(wanted: Collection, info: models.CollectionInfo) -> Iterator[str]:
    """How the vectors differ. Storage, datatype and quantization are the operator's choice."""
    of = f"collection {wanted.name}"
    dense, name = info.config.params.vectors or {}, names.VECTOR_CONTENT
    if isinstance(dense, models.VectorParams):
        yield f"{of} has one vector without a name, and wants {name} of size {wanted.dimensions}"
    elif name not in dense:
        there = ", ".join(sorted(dense)) or "none"
        yield f"{of} has the vectors {there}, and wants {name} of size {wanted.dimensions}"
    else:
        found = dense[name]
        if found.size != wanted.dimensions:
            has = f"{of} has vectors {name} of size {found.size}"
            yield f"{has}, and wants {wanted.dimensions} (EMBEDDING_DIMENSIONS)"
        if found.distance != models.Distance.COSINE:
            yield f"{of} has vectors {name} of distance {found.distance.value}, and wants Cosine"
        if found.multivector_config is not None:
            yield f"{of} has several vectors {name} a point, and wants one"
    sparse = info.config.params.sparse_vectors or {}
    for name, params in wanted.sparse.items():
        if name not in sparse:
            yield f"{of} has no sparse vector {name}"
        elif sparse[name].modifier != params.modifier:
            modifier = sparse[name].modifier
            yield f"{of} has modifier {modifier.value if modifier else 'none'} on {name}, and wants idf"


def _types(wanted: Collection, info: models.CollectionInfo) -> Iterator[str]:
    """Payload indexes of another type, and limits of strict mode, that would make the server refuse our
    requests."""
    for key, schema in wanted.indexes.items():
        found = info.payload_schema.get(key)
        if found is not None and found.data_type.value not in _SAME_AS[schema.type.value]:
            has = found.data_type.value
            yield f"collection {wanted.name} has an index of {has} on {key}, and wants {schema.type.value}"
    strict = info.config.strict_mode_config
    if strict is not None and strict.enabled and strict.search_allow_exact is False:
        yield f"collection {wanted.name} forbids exact counts (strict mode's search_allow_exact)"
