"""In: graph and vector store. Out: their constraints, indexes and collections, once they can be made."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from archon.contracts.errors import StoreError, StoreUnavailableError
from archon.runtime.logs import get_logger
from archon.stores.graph import GraphStore
from archon.stores.vectors import VectorStore

_RETRY_SECONDS: Final = 1.0
_log = get_logger(__name__)


class Preparation:
    """Makes what the stores need, once; a store that is down is waited for."""

    def __init__(self, graph: GraphStore, vectors: VectorStore) -> None:
        self._graph = graph
        self._vectors = vectors
        self._done = False

    async def run(self) -> None:
        """Returns when both stores are ready."""
        await asyncio.gather(
            _until_done(self._graph.ensure_schema), _until_done(self._vectors.ensure_collections)
        )
        await _until_done(self._graph.warm)
        self._done = True

    async def check(self) -> None:
        """Raises StoreUnavailableError until then."""
        if not self._done:
            raise StoreUnavailableError("graph", "constraints and collections are not made yet")


async def _until_done(ensure: Callable[[], Awaitable[None]]) -> None:
    while True:
        try:
            await ensure()
        except StoreError as error:
            _log.warning("store_not_prepared", error=str(error))
            await asyncio.sleep(_RETRY_SECONDS)
        else:
            return
