"""In: settings. Out: the connected stores and clients a bridge process uses, closed in reverse order."""

import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

from archon.clients.intelligence import IntelligenceClient
from archon.contracts.estate import PartName
from archon.runtime.flow.at_work import AtWork
from archon.runtime.http.health import HealthCheck
from archon.runtime.settings import Settings
from archon.stores.content import ContentStore
from archon.stores.graph.store import GraphStore
from archon.stores.vectors.store import VectorStore


@dataclass(frozen=True)
class Stores:
    """Everything the bridge reads and writes, but for Kafka."""

    graph: GraphStore
    vectors: VectorStore
    content: ContentStore
    intelligence: IntelligenceClient
    at_work: AtWork
    """Indexings under way."""

    @property
    def checks(self) -> Mapping[PartName, HealthCheck]:
        """Whether each store answers, and is as is wanted."""
        return {
            PartName.GRAPH: self.graph.ping,
            PartName.QDRANT: self.vectors.check,
            PartName.CONTENT: self.content.ping,
        }


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
