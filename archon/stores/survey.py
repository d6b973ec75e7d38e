"""In: graph, vectors, content store and Temporal, page by page. Out: documents on which they disagree.

Work in progress is not drift. A suspected document is checked again, its node last, and must not have been
written to between the two checks.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import uuid4

from archon.contracts import names
from archon.contracts.events import EnrichmentRequest
from archon.contracts.operations.drift import OF_THE_POINT, Drift, Drifting, Node, Point, drift_of
from archon.contracts.operations.parked import Standing
from archon.contracts.types import EnrichmentStatus
from archon.runtime.tasks import answers
from archon.runtime.temporal.client import EnrichmentClient
from archon.stores.content import ContentStore
from archon.stores.graph import nodes
from archon.stores.graph.survey import GraphSurvey, node_of
from archon.stores.vectors.survey import SurveyedPoints

_AT_ONCE: Final = 16
"""Maximum number of open calls of one survey to the content store, or to Temporal."""
POINT_LAG: Final = 0.5
"""Seconds within which a point follows its node, if the node is written first."""


@dataclass(frozen=True)
class DocumentsPage:
    """`nodes`: all nodes of the page by id, None for an unreadable one; `next`: the last id, None at the
    end."""

    nodes: Mapping[str, Node | None]
    drifting: Sequence[Drifting]
    next: str | None

    @property
    def checked(self) -> int:
        return len(self.nodes)


@dataclass(frozen=True)
class PointsPage:
    checked: int
    drifting: Sequence[Drifting]
    next: str | None


class Survey:
    """Compares, and changes nothing. Raises StoreError, WorkflowUnavailableError."""

    def __init__(
        self, graph: GraphSurvey, points: SurveyedPoints, content: ContentStore, runs: EnrichmentClient
    ) -> None:
        self._graph = graph
        self._points = points
        self._content = content
        self._runs = runs

    async def documents(
        self, after: str | None, limit: int, project: str | None, older_than: float
    ) -> DocumentsPage:
        """A page of documents after `after`. `older_than`: seconds that a document may wait without a run."""
        before = datetime.now(UTC) - timedelta(seconds=older_than)
        page = await self._graph.page(after, limit, project)
        readable = [node for node in page.values() if node is not None]
        suspects = await self._compared(readable, dict.fromkeys(page, False), before)
        drifting = await self._confirmed(suspects, before)
        drifting += [Drifting(each, [Drift.UNREADABLE]) for each, node in page.items() if node is None]
        return DocumentsPage(page, drifting, list(page)[-1] if len(page) == limit else None)

    async def points(self, after: str | None, limit: int, project: str | None) -> PointsPage:
        """A page of points, and later of chunks, whose documents are gone."""
        page = await self._points.page(after, limit, project)
        orphans = await self._orphans(page.points)
        if orphans:
            await asyncio.sleep(POINT_LAG)  # a deletion in progress removes the point last
            orphans = await self._orphans(await self._points.again(orphans))
        return PointsPage(
            page.seen,
            [
                *(Drifting(each, [Drift.FOREIGN_POINT]) for each in page.foreign),
                *(Drifting(point.document_id, [Drift.ORPHAN_POINT], point=point) for point in orphans),
            ],
            page.next,
        )

    async def holds_documents(self) -> bool:
        """Whether the graph has any document; if not, it may be the wrong graph."""
        return await self._graph.holds_documents()

    async def standings(self, document_ids: Sequence[str]) -> Mapping[str, Standing]:
        """Only documents that the graph knows, including deleted ones."""
        return await self._graph.standings(document_ids)

    async def _orphans(self, points: Sequence[Point]) -> list[Point]:
        known = await self._graph.standings([point.document_id for point in points])
        gone = [p for p in points if p.document_id not in known or known[p.document_id].deleted]
        # The point of a revived document is newer than the tombstone.
        return [p for p in gone if p.document_id not in known or p.version <= known[p.document_id].version]

    async def _compared(
        self, found: Sequence[Node], open_runs: Mapping[str, bool], before: datetime
    ) -> list[Drifting]:
        """The documents with drift in a single check of each store."""
        points = await self._points.read([node.document_id for node in found])
        hashes = {node.content_hash for node in found if node.previewed}
        texts = await answers(sorted(hashes), self._content.has_text, _AT_ONCE)
        kinds = {
            node.document_id: drift_of(
                node,
                points.get(node.document_id),
                has_text=texts.get(node.content_hash, True),
                run_open=open_runs[node.document_id],
                indexed_before=before,
            )
            for node in found
        }
        return [
            Drifting(node.document_id, kinds[node.document_id], node, points.get(node.document_id))
            for node in found
            if kinds[node.document_id]
        ]

    async def _confirmed(self, suspects: Sequence[Drifting], before: datetime) -> list[Drifting]:
        """The documents that still drift with an unchanged node, with their runs and requests."""
        if not suspects:
            return []
        if any(_may_be_on_its_way(suspect) for suspect in suspects):
            await asyncio.sleep(POINT_LAG)
        first = {suspect.document_id: suspect.node for suspect in suspects if suspect.node is not None}
        runs = await answers(list(first.values()), self._has_run, _AT_ONCE)
        open_runs = {node.document_id: is_open for node, is_open in runs.items()}
        found = await self._compared(list(first.values()), open_runs, before)
        properties = await self._graph.properties([each.document_id for each in found])
        return [
            Drifting(
                each.document_id,
                each.kinds,
                each.node,
                each.point,
                request_of(properties[each.document_id]),
                open_runs[each.document_id],
            )
            for each in found
            if each.document_id in properties
            and first[each.document_id].same_state(node_of(properties[each.document_id]))
        ]

    async def _has_run(self, node: Node) -> bool:
        workflow_id = names.enrichment_workflow_id(node.document_id, node.content_hash)
        return await self._runs.parked(workflow_id) is not None


def _may_be_on_its_way(suspect: Drifting) -> bool:
    """An enrichment writes the point first; parking, discarding and indexing write the node first."""
    completed = suspect.node is not None and suspect.node.status is EnrichmentStatus.COMPLETED
    return not completed and not OF_THE_POINT.isdisjoint(suspect.kinds)


def request_of(properties: Mapping[str, Any]) -> EnrichmentRequest | None:
    """A request that enriches the document; the submitter sets a correlation id with the reason."""
    try:
        return nodes.request_of(properties, str(uuid4()))
    except (ValueError, KeyError):
        return None
