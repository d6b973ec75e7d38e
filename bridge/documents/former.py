"""In: a document that has changed often. Out: its oldest contents removed from the content store."""

from typing import Final

from archon.contracts.documents import Indexed
from archon.contracts.errors import StoreError
from archon.runtime.contents import Contents
from archon.runtime.logs import get_logger
from archon.stores.content import ContentStore
from archon.stores.graph.store import GraphStore

MOST: Final = 64
"""Number of former contents that triggers a removal; concurrent posts may exceed it."""
KEPT: Final = 32
"""Number of former contents after a removal: far more than runs may still work on."""
_log = get_logger(__name__)


class FormerContents:
    """A deletion removes the contents that a document remembers, so contents must be removed before they are
    forgotten."""

    def __init__(self, graph: GraphStore, content: ContentStore) -> None:
        self._graph = graph
        self._contents = Contents(graph.deletions, content)
        self._limited: set[str] = set()

    async def limit(self, document_id: str, indexed: Indexed) -> None:
        """If a store is unavailable nothing is forgotten; the document's next change tries again."""
        if indexed.former <= MOST or document_id in self._limited:
            return
        self._limited.add(document_id)
        try:
            oldest = (await self._graph.former_contents(document_id))[:-KEPT]
            await self._contents.remove(oldest)
            await self._graph.forget_contents(document_id, oldest)
        except StoreError as error:
            _log.warning("former_contents_kept", document_id=document_id, error=str(error))
        finally:
            self._limited.discard(document_id)
