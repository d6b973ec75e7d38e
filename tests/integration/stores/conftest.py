"""In: the run's servers. Out: graph and vectors for the tests of stores, ready for writes."""

from collections.abc import AsyncIterator

import pytest

from archon.runtime.settings import Settings
from archon.stores.graph.store import GraphStore
from archon.stores.vectors.store import VectorStore
from tests.stacks import TestServers


@pytest.fixture
async def graph(servers: TestServers, settings: Settings) -> AsyncIterator[GraphStore]:
    await servers.start("graph")
    async with GraphStore.connect(settings) as store:
        await store.ensure_schema()
        yield store


@pytest.fixture
async def vectors(servers: TestServers, settings: Settings) -> AsyncIterator[VectorStore]:
    await servers.start("vectors")
    async with VectorStore.connect(settings) as store:
        await store.ensure_collections()
        yield store
