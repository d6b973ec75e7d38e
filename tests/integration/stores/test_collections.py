"""Existing collections: which are accepted, and how the others are described."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from qdrant_client import AsyncQdrantClient, models

from archon.contracts import names
from archon.contracts.analysis import Terms
from archon.contracts.errors import StoreMismatchError
from archon.runtime.settings import Settings
from archon.stores.vectors.search import Mode, Query, Wanted
from archon.stores.vectors.store import VectorStore, qdrant
from tests.stacks import TestServers

COSINE = models.Distance.COSINE
IDF = {names.VECTOR_TERMS: models.SparseVectorParams(modifier=models.Modifier.IDF)}


@pytest.fixture
async def client(servers: TestServers, settings: Settings) -> AsyncIterator[AsyncQdrantClient]:
    await servers.start("vectors")
    client = qdrant(settings)
    yield client
    await client.close()


@pytest.fixture
async def store(client: AsyncQdrantClient, settings: Settings) -> AsyncIterator[VectorStore]:
    async with VectorStore.connect(settings) as store:
        yield store


def named(size: int = 256, distance: models.Distance = COSINE, name: str = names.VECTOR_CONTENT) -> Any:
    return {name: models.VectorParams(size=size, distance=distance)}


async def test_what_is_missing_is_made_and_told_until_then(store: VectorStore, settings: Settings) -> None:
    with pytest.raises(StoreMismatchError) as raised:
        await store.check()
    for name in (settings.qdrant_collection, settings.qdrant_symbols_collection):
        assert f"collection {name} is missing" in str(raised.value)
    await store.ensure_collections()
    await store.check()


async def test_payload_indexes_that_are_missing_are_made_and_told_until_then(
    client: AsyncQdrantClient, store: VectorStore, settings: Settings
) -> None:
    await client.create_collection(settings.qdrant_collection, named())
    await client.create_collection(settings.qdrant_symbols_collection, named(), IDF)
    with pytest.raises(
        StoreMismatchError, match=f"{settings.qdrant_collection} has no payload index on version"
    ):
        await store.check()
    await store.ensure_collections()
    await store.check()


DIFFERENT = [
    ((named(384), IDF), ["content of size 384, and wants 256"]),
    (
        (named(384, models.Distance.DOT), {}),
        ["size 384", "distance Dot, and wants Cosine", "no sparse vector terms"],
    ),
    ((models.VectorParams(size=256, distance=COSINE), IDF), ["one vector without a name, and wants content"]),
    ((named(name="text"), IDF), ["has the vectors text, and wants content of size 256"]),
    (({}, IDF), ["has the vectors none, and wants content of size 256"]),
    ((named(), {names.VECTOR_TERMS: models.SparseVectorParams()}), ["modifier none on terms, and wants idf"]),
    ((named(), {"words": IDF[names.VECTOR_TERMS]}), ["no sparse vector terms"]),
]


@pytest.mark.parametrize(("there", "expected"), DIFFERENT, ids=lambda value: str(value)[:40])
async def test_a_difference_is_named_and_nothing_written(
    client: AsyncQdrantClient,
    store: VectorStore,
    settings: Settings,
    there: tuple[Any, Any],
    expected: list[str],
) -> None:
    symbols = settings.qdrant_symbols_collection
    await client.create_collection(symbols, *there)
    for act in (store.ensure_collections, store.check):
        with pytest.raises(StoreMismatchError) as raised:
            await act()
        assert all(part in str(raised.value) for part in [f"collection {symbols} has", *expected])
    assert (await client.get_collection(symbols)).payload_schema == {}


async def test_vectors_beside_ours_are_nobodys_matter(
    client: AsyncQdrantClient, store: VectorStore, settings: Settings
) -> None:
    await client.create_collection(
        settings.qdrant_symbols_collection, {**named(), **named(8, name="other")}, IDF
    )
    await store.ensure_collections()
    await store.check()


async def test_an_index_of_another_type_is_named(
    client: AsyncQdrantClient, store: VectorStore, settings: Settings
) -> None:
    symbols = settings.qdrant_symbols_collection
    await client.create_collection(symbols, named(), IDF)
    await client.create_payload_index(symbols, "version", models.PayloadSchemaType.KEYWORD)
    await client.create_payload_index(symbols, "document_id", models.PayloadSchemaType.UUID)
    with pytest.raises(StoreMismatchError, match="index of keyword on version, and wants integer") as raised:
        await store.ensure_collections()
    assert "document_id" not in str(raised.value)


async def test_a_search_of_a_collection_that_differs_says_how(
    client: AsyncQdrantClient, store: VectorStore, settings: Settings
) -> None:
    name = settings.qdrant_symbols_collection
    terms = Terms(indices=[1], values=[1.0])
    query = Query([1.0] * 256, terms)
    with pytest.raises(StoreMismatchError, match=f"collection {name} is missing"):
        await store.search.nearest(query, Wanted(), 1, Mode.COMBINED)
    await client.create_collection(name, named(name="another"))
    wanted = f"collection {name} has the vectors another, and wants content of size 256"
    with pytest.raises(StoreMismatchError, match=wanted):
        await store.search.nearest(query, Wanted(), 1, Mode.COMBINED)
