"""In: settings. Out: the connected stores and clients a bridge process uses, closed in reverse order."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

from archon.runtime.at_work import AtWork
from archon.runtime.settings import Settings
from archon.stores.content import ContentStore
from archon.stores.graph import GraphStore
from archon.stores.intelligence import IntelligenceClient
from archon.stores.vectors import VectorStore


@dataclass(frozen=True)
class Stores:
    """Everything the bridge reads and writes, but for Kafka."""

    graph: GraphStore
    vectors: VectorStore
    content: ContentStore
    intelligence: IntelligenceClient
    at_work: AtWork
    """Indexings under way."""


@contextlib.asynccontextmanager
async def connected(settings: Settings) -> AsyncIterator[Stores]:
    """Connects lazily: a store that is down is found out at the first call, not here."""
    at_work = AtWork()
    async with (
        GraphStore.connect(settings, at_work) as graph,
        VectorStore.connect(settings, at_work) as vectors,
        IntelligenceClient.connect(settings) as intelligence,
    ):
        yield Stores(graph, vectors, ContentStore.open(settings), intelligence, at_work)
