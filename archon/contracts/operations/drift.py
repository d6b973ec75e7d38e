"""In: what graph, vectors, content store and Temporal say about one document. Out: the differences between
them.

Compares documents, never counts: two opposite errors would cancel out in a count.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from archon.contracts.events import EnrichmentRequest
from archon.contracts.types import WORKING, EnrichmentStatus


class Drift(StrEnum):
    """A kind of difference between the parts."""

    STUCK = "stuck"
    """Pending or processing for too long, and no run is open."""
    UNPARKED = "unparked"
    """Failed, and no run waits for a retry."""
    UNMARKED = "unmarked"
    """A run waits for a retry, but the document is not failed in the graph."""
    OVERTAKEN = "overtaken"
    """A run waits for a retry, but its document is deleted or has a newer version."""
    LETTER_MISSING = "letter_missing"
    """A run waits for a retry, but has no dead letter."""
    LETTER_ASTRAY = "letter_astray"
    """A dead letter of a document that is no longer parked."""
    UNFINISHED = "unfinished"
    """Completed, but not with its current content."""
    POINT_MISSING = "point_missing"
    POINT_BEHIND = "point_behind"
    """The point has an older version, or the same version with another content or status."""
    POINT_AHEAD = "point_ahead"
    """The point has a version that the graph does not know: the graph was restored from a backup."""
    VECTOR_MISSING = "vector_missing"
    """The analysis had an embedding, but the point has no vector, or the vector of another content."""
    CHUNKS_ASTRAY = "chunks_astray"
    """The document's chunks do not match its point: some are missing, or belong to another version."""
    TEXT_MISSING = "text_missing"
    """The bridge has indexed the document, but the content store does not have its text."""
    ORPHAN_POINT = "orphan_point"
    """A point whose document is deleted or never existed."""
    FOREIGN_POINT = "foreign_point"
    """A point that names no document, or has the wrong id: another program wrote it."""
    UNREADABLE = "unreadable"
    """A node without mandatory fields: another program wrote to it."""


_POINTED: Final = frozenset({EnrichmentStatus.COMPLETED, EnrichmentStatus.SKIPPED})
"""Documents in these states must have a point. Before a run completes, a document may have none."""
OF_THE_POINT: Final = frozenset(
    {Drift.POINT_MISSING, Drift.POINT_BEHIND, Drift.VECTOR_MISSING, Drift.CHUNKS_ASTRAY}
)
"""The kinds that a write of the point repairs."""


@dataclass(frozen=True)
class Node:
    """A document in the graph. `embedded`: whether its analysis had an embedding, None if unknown;
    `previewed`: whether the bridge has indexed its text; `part_only`: whether all requests were for a part of
    the enrichment."""

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
        """Whether nobody has written to it between two reads."""
        if other is None:
            return False
        return (self.version, self.content_hash, self.status) == (
            other.version,
            other.content_hash,
            other.status,
        )


@dataclass(frozen=True)
class Point:
    """A document's point in the vector store. `chunks`: the number of chunks that it records, None if it
    predates chunks; `chunks_there`: number of chunks at its version, `chunks_past`: at other versions."""

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
        """Whether its chunks are exactly those that it records."""
        return self.chunks is None or (self.chunks_there, self.chunks_past) == (self.chunks, 0)


@dataclass(frozen=True)
class Drifting:
    """A document with drift. `request`: a request that enriches it, None if the node cannot provide one;
    `run_open`: an open run may still repair it. `workflow_id`: of the parked run; `version`: the document's
    version in the graph, 0 if it has none."""

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
    """The drift of a document; empty if there is none. A document indexed after `indexed_before` may be
    pending without a run."""
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
