"""In: graph and vector store. Out: their constraints, indexes and collection, as soon as they can be made."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from archon.contracts.errors import StoreError
from archon.runtime.logs import get_logger
from archon.stores.graph import GraphStore
from archon.stores.vectors import VectorStore

_RETRY_SECONDS: Final = 1.0
_log = get_logger(__name__)


async def prepare(graph: GraphStore, vectors: VectorStore) -> None:
    """Returns when both are ready; a store that is down is waited for."""
    await asyncio.gather(_until_done(graph.ensure_schema), _until_done(vectors.ensure_collection))


async def _until_done(ensure: Callable[[], Awaitable[None]]) -> None:
    while True:
        try:
            await ensure()
        except StoreError as error:
            _log.warning("store_not_prepared", error=str(error))
            await asyncio.sleep(_RETRY_SECONDS)
        else:
            return
