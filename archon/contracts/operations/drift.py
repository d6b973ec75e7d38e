"""In: what graph, vectors, content store and Temporal say of one document. Out: in which ways they disagree.

Never by counts: two errors of one document each would cancel out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from archon.contracts.events import EnrichmentRequest
from archon.contracts.types import WORKING, EnrichmentStatus


class Drift(StrEnum):
    """How the parts may disagree on a document."""

    STUCK = "stuck"
    """Pending or processing for too long, and no run is open."""
    UNPARKED = "unparked"
    """Failed, and no run waits for a retry."""
    UNMARKED = "unmarked"
    """A run waits for a retry, and the graph does not call its document failed."""
    OVERTAKEN = "overtaken"
    """A run waits for a retry, and its document is deleted or has a newer version."""
    LETTER_MISSING = "letter_missing"
    """A run waits for a retry, and no dead letter says so."""
    LETTER_ASTRAY = "letter_astray"
    """A dead letter of a document that is not parked any more."""
    UNFINISHED = "unfinished"
    """Completed, but not with its present content."""
    POINT_MISSING = "point_missing"
    POINT_BEHIND = "point_behind"
    """The point has an older version, or at this one another content or status."""
    POINT_AHEAD = "point_ahead"
    """The point has a version that the graph does not know: the graph is back from an earlier moment."""
    VECTOR_MISSING = "vector_missing"
    """The analysis had an embedding; the point has no vector, or one of other content."""
    CHUNKS_ASTRAY = "chunks_astray"
    """The document's chunks are not those of its point: some are missing, or of another version."""
    TEXT_MISSING = "text_missing"
    """The bridge has indexed it, and the content store does not have its text."""
    ORPHAN_POINT = "orphan_point"
    """A point whose document is deleted, or was never there."""
    FOREIGN_POINT = "foreign_point"
    """A point that names no document, or has another id: another program has written it."""
    UNREADABLE = "unreadable"
    """A node that lacks what every document has: somebody else has written to it."""


_POINTED: Final = frozenset({EnrichmentStatus.COMPLETED, EnrichmentStatus.SKIPPED})
"""Of these somebody has written the point. What no run completed may never have had one."""
OF_THE_POINT: Final = frozenset(
    {Drift.POINT_MISSING, Drift.POINT_BEHIND, Drift.VECTOR_MISSING, Drift.CHUNKS_ASTRAY}
)
"""What writing the point mends."""


@dataclass(frozen=True)
class Node:
    """A document as the graph has it. `embedded`: whether its analysis had an embedding, None where that was
    not noted; `previewed`: whether the bridge has indexed a text of it; `part_only`: whether nobody has asked
    for more than a part of its enrichment."""

    document_id: str
    status: EnrichmentStatus
    version: int
    content_hash: str
    indexed_at: datetime
    enrichment_content_hash: str | None = None
    embedded: bool | None = None
    previewed: bool = False
    part_only: bool = False

    def same_state(self, other: "Node | None") -> bool:
        """Whether nobody has written to it between two readings."""
        if other is None:
            return False
        return (self.version, self.content_hash, self.status) == (
            other.version,
            other.content_hash,
            other.status,
        )


@dataclass(frozen=True)
class Point:
    """A document's point in the vector store. `chunks`: how many it says there are, None where it was written
    before there were any; `chunks_there`: how many there are at its version, and `chunks_past` at others."""

    document_id: str
    version: int
    content_hash: str = ""
    status: str = ""
    embedded_hash: str | None = None
    has_vector: bool = False
    chunks: int | None = None
    chunks_there: int = 0
    chunks_past: int = 0

    @property
    def chunked(self) -> bool:
        """Whether its chunks are those that it speaks of."""
        return self.chunks is None or (self.chunks_there, self.chunks_past) == (self.chunks, 0)


@dataclass(frozen=True)
class Drifting:
    """A document on which the parts disagree. `request`: what enriches it, None where the node does not tell;
    `run_open`: a run has it, and may yet mend it. `workflow_id`: of the run that is parked; `version`: the
    document's in the graph, 0 where it has none."""

    document_id: str
    kinds: Sequence[Drift]
    node: Node | None = None
    point: Point | None = None
    request: EnrichmentRequest | None = None
    run_open: bool = False
    workflow_id: str = ""
    version: int = 0


def drift_of(
    node: Node, point: Point | None, *, has_text: bool, run_open: bool, indexed_before: datetime
) -> list[Drift]:
    """Empty for a well document. One that was indexed after `indexed_before` may be pending without a run."""
    found = [*_of_run(node, run_open=run_open, indexed_before=indexed_before), *_of_point(node, point)]
    if node.previewed and not has_text:
        found.append(Drift.TEXT_MISSING)
    return found


def _of_run(node: Node, *, run_open: bool, indexed_before: datetime) -> list[Drift]:
    if node.status is EnrichmentStatus.COMPLETED and node.enrichment_content_hash != node.content_hash:
        return [Drift.UNFINISHED]
    if run_open or node.part_only:
        return []
    if node.status in WORKING and node.indexed_at < indexed_before:
        return [Drift.STUCK]
    return [Drift.UNPARKED] if node.status is EnrichmentStatus.FAILED else []


def _of_point(node: Node, point: Point | None) -> list[Drift]:
    if point is not None and point.version > node.version:
        return [Drift.POINT_AHEAD]
    if node.status in WORKING:
        return []  # its run writes the point when it ends
    if point is None:
        return [Drift.POINT_MISSING] if node.status in _POINTED else []
    if (point.version, point.content_hash, point.status) != (node.version, node.content_hash, node.status):
        return [Drift.POINT_BEHIND]
    if node.status is not EnrichmentStatus.COMPLETED:
        return []
    embedded = point.has_vector and point.embedded_hash == node.content_hash
    found = [] if embedded or not node.embedded else [Drift.VECTOR_MISSING]
    return found if point.chunked else [*found, Drift.CHUNKS_ASTRAY]
