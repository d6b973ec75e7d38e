"""In: the scope of a deletion. Out: its documents marked, unlinked, and reduced to tombstones.

A bare tombstone has id, version, status, time and changed_key. Every step is conditional on the tombstone's
version, so a document revived meanwhile stays. Steps may be repeated."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final
from uuid import uuid4

from neo4j import AsyncManagedTransaction

from archon.contracts.operations.deletion import DeletionScope, Marked, Tombstone
from archon.contracts.types import EnrichmentStatus
from archon.stores.bolt.session import Bolt, Row, run
from archon.stores.changes.keys import changed_key
from archon.stores.graph import links, nodes

_MARKED_AT_ONCE: Final = 50
"""Maximum number of nodes that a transaction locks while others write."""
_ENTITIES: Final = 500
"""Maximum number of entities that a transaction deletes."""


class Deletions:
    """Raises StoreError."""

    def __init__(self, bolt: Bolt) -> None:
        self._bolt = bolt

    async def mark(self, scope: DeletionScope, limit: int) -> Marked:
        """Marks the document, or up to `limit` of the project's, as deleted, and increases the version by
        one."""
        if scope.document_id is not None:
            await self._mark(scope, [scope.document_id])
            found = await self.marked(scope, 1)
            if found:
                return Marked(version=found[0].version)
            standing = await self.tombstones_of([scope.document_id])
            return Marked(lives=scope.document_id in standing and standing[scope.document_id] is None)
        rows = await self._bolt.rows(
            "live_to_delete",
            project_name=scope.project_name,
            requested_at=nodes.timestamp(scope.requested_at),
            limit=limit,
        )
        ids = [row["id"] for row in rows]
        for start in range(0, len(ids), _MARKED_AT_ONCE):
            await self._mark(scope, ids[start : start + _MARKED_AT_ONCE])
        return Marked(more=len(rows) == limit)

    async def any_live(self, project_name: str, until: datetime) -> bool:
        """Whether the project has a document that was indexed before that time."""
        parameters = {"project_name": project_name, "requested_at": nodes.timestamp(until), "limit": 1}
        return bool(await self._bolt.rows("live_to_delete", **parameters))

    async def _mark(self, scope: DeletionScope, document_ids: Sequence[str]) -> None:
        parameters = {
            "rows": [{"id": each} for each in sorted(document_ids)],
            "project_name": scope.project_name,
            "requested_at": nodes.timestamp(scope.requested_at),
            "now": nodes.timestamp(datetime.now(UTC)),
            "lock": str(uuid4()),
        }

        async def work(transaction: AsyncManagedTransaction) -> None:
            key = changed_key(scope.project_name)
            await run(transaction, "mark_deleted", **parameters, changed_key=key)

        await self._bolt.write(work)

    async def marked(self, scope: DeletionScope, limit: int) -> list[Tombstone]:
        """Up to `limit` documents that are marked, but not yet stripped."""
        name, key = (
            ("marked_documents", {"limit": limit})
            if scope.document_id is None
            else ("marked_document", {"id": scope.document_id})
        )
        rows = await self._bolt.rows(name, project_name=scope.project_name, **key)
        return [nodes.tombstone(row["document"]) for row in rows]

    async def unlink(self, tombstones: Sequence[Tombstone]) -> tuple[int, int]:
        """Deletes their entities, and modules without other importers; returns the number of each."""
        rows = _rows(tombstones)
        entities = deleted = await self._delete_entities(rows)
        while deleted == _ENTITIES:
            deleted = await self._delete_entities(rows)
            entities += deleted
        return entities, await self._delete_imports(rows)

    async def _delete_entities(self, rows: Sequence[Row]) -> int:
        async def work(transaction: AsyncManagedTransaction) -> int:
            locked = await run(transaction, "lock_tombstones", rows=rows, lock=str(uuid4()))
            found = await run(transaction, "tombstones_entities", rows=locked, limit=_ENTITIES)
            await run(transaction, "delete_entities", rows=found)
            return len(found)

        return int(await self._bolt.write(work))

    async def _delete_imports(self, rows: Sequence[Row]) -> int:
        async def work(transaction: AsyncManagedTransaction) -> int:
            locked = await run(transaction, "lock_tombstones", rows=rows, lock=str(uuid4()))
            await links.unlink(transaction, locked)
            modules = await run(transaction, "tombstones_modules", rows=locked)
            if not modules:
                return 0
            await run(transaction, "delete_tombstones_imports", rows=locked)
            unused = await run(transaction, "delete_unused_modules", rows=modules)
            return sum(row["modules"] for row in unused)

        return int(await self._bolt.write(work))

    async def strip(self, tombstones: Sequence[Tombstone]) -> int:
        """Reduces the documents to bare tombstones; returns the number of tombstones."""

        async def work(transaction: AsyncManagedTransaction) -> int:
            lock = str(uuid4())
            locked = await run(transaction, "lock_tombstones", rows=_rows(tombstones), lock=lock)
            await run(transaction, "strip", rows=[_bare(row, lock) for row in locked])
            return len(locked)

        return int(await self._bolt.write(work))

    async def referenced(self, hashes: Sequence[str]) -> set[str]:
        """The subset of these contents that a live document has."""
        return {row["hash"] for row in await self._bolt.rows("referenced", hashes=list(hashes))}

    async def tombstone_of(self, document_id: str) -> int | None:
        """The version at which a document is deleted; None if it is not deleted."""
        found = await self.tombstones_of([document_id])
        return found.get(document_id)

    async def tombstones_of(self, document_ids: Sequence[str]) -> Mapping[str, int | None]:
        """For each known document the version of its tombstone, or None if it is not deleted."""
        rows = await self._bolt.rows("standings", ids=list(document_ids))
        return {
            row["document_id"]: row["version"] if row["status"] == EnrichmentStatus.DELETED else None
            for row in rows
        }


def _rows(tombstones: Sequence[Tombstone]) -> list[dict[str, Any]]:
    """Sorted by key, so that writers lock in one order."""
    rows = [{"id": each.document_id, "version": each.version} for each in tombstones]
    return sorted(rows, key=lambda row: str(row["id"]))


def _bare(locked: Row, lock: str) -> dict[str, Any]:
    return {
        "entity_id": locked["id"],
        "version": locked["version"],
        "deleted_at": locked["deleted_at"],
        "changed_key": locked["changed_key"],
        "enrichment_status": str(EnrichmentStatus.DELETED),
        "lock": lock,
    }
