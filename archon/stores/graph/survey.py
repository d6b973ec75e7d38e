"""In: the graph. Out: its documents page by page, with the data for a comparison with the other stores."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from archon.contracts.operations.drift import Node
from archon.contracts.operations.parked import Standing
from archon.contracts.types import EnrichmentStatus, Timestamp
from archon.stores.bolt.session import Bolt


class GraphSurvey:
    """Raises StoreError. A foreign or damaged node is None."""

    def __init__(self, bolt: Bolt) -> None:
        self._bolt = bolt

    async def page(self, after: str | None, limit: int, project: str | None) -> Mapping[str, Node | None]:
        """Documents with ids after `after` that are not deleted, in the order of ids."""
        rows = await self._bolt.rows("survey_page", after=after or "", limit=limit, project=project)
        return {row["document_id"]: _node(row) for row in rows}

    async def properties(self, document_ids: Sequence[str]) -> Mapping[str, Mapping[str, Any]]:
        """All properties of the nodes, by id."""
        rows = await self._bolt.rows("nodes", ids=list(document_ids))
        return {row["document"]["entity_id"]: row["document"] for row in rows}

    async def standings(self, document_ids: Sequence[str]) -> Mapping[str, Standing]:
        """States by id; documents that are not in the graph are omitted."""
        rows = await self._bolt.rows("standings", ids=list(document_ids))
        return {
            row["document_id"]: Standing(
                row["version"] or 0, row["status"], row["content_hash"], row["project_name"]
            )
            for row in rows
        }

    async def holds_documents(self) -> bool:
        """Whether there is any document, including deleted ones."""
        return bool(await self._bolt.rows("any_document"))


def node_of(properties: Mapping[str, Any]) -> Node | None:
    """From all properties of a node."""
    preview = properties.get("content_preview") or ""
    return _node(
        {
            **properties,
            "document_id": properties["entity_id"],
            "status": properties.get("enrichment_status"),
            "previewed": preview != "",
        }
    )


def _node(row: Mapping[str, Any]) -> Node | None:
    try:
        UUID(row["document_id"])  # no other id is possible for a point
        content_hash, status = row["content_hash"], EnrichmentStatus(row["status"])
        part = content_hash in {row.get("quality_content_hash"), row.get("entities_content_hash")}
        return Node(
            document_id=row["document_id"],
            status=status,
            version=int(row["version"]),
            content_hash=str(content_hash),
            indexed_at=_moment(row["indexed_at"]),
            enrichment_content_hash=row.get("enrichment_content_hash"),
            embedded=row.get("embedded"),
            previewed=bool(row["previewed"]),
            part_only=status is EnrichmentStatus.PENDING and part and row.get("outbox") is None,
        )
    except (ValueError, TypeError, KeyError, AttributeError):
        return None


def _moment(text: str) -> Timestamp:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a time without a zone")
    return moment
