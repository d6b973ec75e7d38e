"""In: graph and vector store. Out: their constraints, indexes and collections, as soon as they can be
created."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from archon.contracts.errors import StoreError, StoreUnavailableError
from archon.runtime.flow.backoff import Backoff
from archon.runtime.logs import get_logger
from archon.stores.graph.store import GraphStore
from archon.stores.vectors.store import VectorStore

_RETRY_SECONDS: Final = 1.0
_log = get_logger(__name__)


class Preparation:
    """Prepares the stores once; waits for a store that is unavailable or has another schema."""

    def __init__(self, graph: GraphStore, vectors: VectorStore) -> None:
        self._graph = graph
        self._vectors = vectors
        self._done = False
        self._problems: dict[str, StoreError] = {}

    async def run(self) -> None:
        """Returns when both stores are ready."""
        await asyncio.gather(
            self._until_done("graph", self._graph.ensure_schema),
            self._until_done("vectors", self._vectors.ensure_collections),
        )
        await self._until_done("graph", self._graph.warm)
        self._done = True

    async def check(self) -> None:
        """Raises StoreError until then: the last failure."""
        for problem in self._problems.values():
            raise problem
        if not self._done:
            raise StoreUnavailableError("graph", "constraints and collections are not created yet")

    async def _until_done(self, store: str, ensure: Callable[[], Awaitable[None]]) -> None:
        async for _ in Backoff(_RETRY_SECONDS):
            try:
                await ensure()
            except StoreError as error:
                _log.warning("store_not_prepared", error=str(error))
                self._problems[store] = error
            else:
                self._problems.pop(store, None)
                return
