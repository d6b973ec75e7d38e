"""In: marks that indexing leaves on nodes. Out: the requests that Kafka has not acknowledged yet."""

from collections.abc import Sequence
from datetime import datetime

from neo4j import AsyncManagedTransaction

from archon.contracts.events import EnrichmentRequest
from archon.runtime.logs import get_logger
from archon.stores.bolt.session import Bolt, run
from archon.stores.graph import nodes

_log = get_logger(__name__)


class Outbox:
    """Raises StoreError."""

    def __init__(self, bolt: Bolt) -> None:
        self._bolt = bolt

    async def requests(self, older_than: datetime, limit: int) -> list[EnrichmentRequest]:
        """Unacknowledged requests of documents indexed before `older_than`, the oldest first.

        A damaged node must not hold up the rest: it is logged, and skipped from then on.
        """
        rows = await self._bolt.rows("outbox", older_than=nodes.timestamp(older_than), limit=limit)
        found, spoilt = [], []
        for node in (row["document"] for row in rows):
            try:
                found.append(nodes.outbox_request(node))
            except (ValueError, KeyError) as error:  # a model's ValidationError is a ValueError
                _log.error("outbox_unreadable", document_id=node.get("entity_id"), error=str(error))
                spoilt.append((node.get("entity_id", ""), node.get("version", 0)))
        if spoilt:
            await self._mark(spoilt, "unreadable")
        return found

    async def holds(self, document_id: str) -> bool:
        """Whether this document's request is unacknowledged."""
        rows = await self._bolt.rows("outbox_holds", id=document_id)
        return any(row["holds"] for row in rows)

    async def clear(self, published: Sequence[tuple[str, int]]) -> None:
        """Removes the marks of these (document, version) pairs, whose requests Kafka has."""
        await self._mark(published, "published")

    async def _mark(self, versions: Sequence[tuple[str, int]], mark: str) -> None:
        rows = [{"id": document_id, "version": version} for document_id, version in sorted(set(versions))]

        async def work(transaction: AsyncManagedTransaction) -> None:
            await run(transaction, "mark_outbox", rows=rows, mark=mark)

        await self._bolt.write(work)
