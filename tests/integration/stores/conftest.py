"""In: the run's servers. Out: the graph as the stores' tests use it, with its schema."""

from collections.abc import AsyncIterator

import pytest

from archon.runtime.settings import Settings
from archon.stores.graph import GraphStore
from tests.conftest import TestServers


@pytest.fixture
async def graph(servers: TestServers, settings: Settings) -> AsyncIterator[GraphStore]:
    await servers.start("graph")
    async with GraphStore.connect(settings) as store:
        await store.ensure_schema()
        yield store
