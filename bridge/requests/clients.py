"""In: settings. Out: the connected stores and clients of a bridge process, closed in reverse order."""

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
    """All data sources of the bridge except Kafka."""

    graph: GraphStore
    vectors: VectorStore
    content: ContentStore
    intelligence: IntelligenceClient
    at_work: AtWork
    """Number of indexings in progress."""

    @property
    def checks(self) -> Mapping[PartName, HealthCheck]:
        """Whether each store answers and is set up correctly."""
        return {
            PartName.GRAPH: self.graph.ping,
            PartName.QDRANT: self.vectors.check,
            PartName.CONTENT: self.content.ping,
        }


@contextlib.asynccontextmanager
async def connected(settings: Settings) -> AsyncIterator[Stores]:
    """Connects lazily: the first call notices an unavailable store."""
    at_work = AtWork()
    async with (
        GraphStore.connect(settings, at_work) as graph,
        VectorStore.connect(settings, at_work) as vectors,
        IntelligenceClient.connect(settings) as intelligence,
    ):
        yield Stores(graph, vectors, ContentStore.open(settings), intelligence, at_work)
