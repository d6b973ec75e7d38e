"""In: the selection of documents to enrich. Out: a backfill's typed inputs, pages and progress.

Ids and counts only; a list of documents is kept in the content store and read chunk by chunk.
"""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Final

from pydantic import Field

from archon.contracts.events import EnrichmentRequest
from archon.contracts.types import Model, Name, ProjectName, Timestamp

PAGE_LIMIT: Final = 500
"""Maximum number of documents in a page and of ids in a chunk."""
LISTED: Final = 20
"""Maximum number of documents that a report lists individually because they could not be requested."""


class Reason(StrEnum):
    """Why a document needs enrichment: its content was never enriched, an older analyser enriched it, or an
    older product wrote its node without the fields that a request needs."""

    UNENRICHED = "unenriched"
    OLDER_ANALYSER = "older_analyser"
    OLDER_SHAPE = "older_shape"


class Criteria(Model):
    """Documents without enrichment, in one project or in all (None). `analyser_older_than` adds documents
    that an analyser of a lower version has enriched."""

    project_name: ProjectName | None = None
    analyser_older_than: Name | None = None


class Candidate(Model):
    """A document to enrich, read from its node.

    `request` is None if none can be built: the node has the older shape, or is damaged (then `problem` gives
    the reason). The caller sets the request's correlation id and priority.
    """

    document_id: str
    project_name: str | None
    file_path: str | None
    content_hash: str | None
    version: int | None
    reason: Reason
    problem: str | None = None
    request: EnrichmentRequest | None = None


class CandidatePage(Model):
    """`next`: the `after` of the following page, None at the end."""

    candidates: list[Candidate]
    next: str | None


class UnenrichedCount(Model):
    """Number of documents that can be requested, and of parked documents that wait for a retry instead."""

    documents: int
    parked: int


class Position(Model):
    """Start of the next page: after an id, or at an offset within a chunk of the list."""

    after: str = ""
    chunk: int = 0
    offset: int = 0


class PageInput(Model):
    """`chunks`: number of chunks in the list; None if the whole graph is searched. `limit`: documents."""

    backfill_id: str
    criteria: Criteria
    position: Position
    limit: Annotated[int, Field(ge=1, le=PAGE_LIMIT)]
    chunks: int | None = None
    dry_run: bool = False


class Listed(Model):
    """A document that could not be requested, and why."""

    document_id: str
    project_name: str | None
    file_path: str | None
    why: str


class Counts(Model):
    """Counts of the `examined` documents.

    `requested`; `without_text`: no store has the text; `older_shape`: must be indexed from the source first;
    `unusable`: another program has changed the node; `settled`: on the list, but already done or outside a
    backfill's scope; `unknown`: on the list, but not a document.
    """

    examined: int = 0
    requested: int = 0
    without_text: int = 0
    older_shape: int = 0
    unusable: int = 0
    settled: int = 0
    unknown: int = 0
    listed: list[Listed] = Field(default_factory=list)
    """The first LISTED documents that could not be requested."""

    def add(self, other: "Counts") -> None:
        self.examined += other.examined
        self.requested += other.requested
        self.without_text += other.without_text
        self.older_shape += other.older_shape
        self.unusable += other.unusable
        self.settled += other.settled
        self.unknown += other.unknown
        self.listed = [*self.listed, *other.listed][:LISTED]


class PageResult(Counts):
    """`next` is None after the last page."""

    next: Position | None = None


class ForgetInput(Model):
    backfill_id: str
    chunks: int


class BackfillState(StrEnum):
    """`waiting`: the backlog is at its limit; `failed`: the run failed or somebody ended it."""

    RUNNING = "running"
    PAUSED = "paused"
    WAITING = "waiting"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    FAILED = "failed"

    @property
    def ended(self) -> bool:
        return self in {BackfillState.COMPLETED, BackfillState.CANCELLED, BackfillState.FAILED}


class BackfillProgress(Counts):
    """Answer of the `progress` query, and result of the run. `total`: documents to request, counted at the
    start; `parked_before`: documents parked at that time. `next` is None after the last page."""

    state: BackfillState = BackfillState.RUNNING
    criteria: Criteria
    dry_run: bool
    rate: float
    total: int | None = None
    parked_before: int = 0
    of_list: bool = False
    started_at: Timestamp
    ended_at: Timestamp | None = None
    next: Position | None = Field(default_factory=Position)


class BackfillInput(Model):
    """Start of a backfill, or the state that continue-as-new passes on.

    `rate`: documents requested per second, 0 for no limit. `max_backlog`: maximum number of open enrichments
    of any priority, in Kafka and in Temporal, at which the backfill requests more; 0 for no limit. `chunks`
    and `total` belong to a list.
    """

    backfill_id: str
    criteria: Criteria = Field(default_factory=Criteria)
    rate: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 20.0
    batch_size: Annotated[int, Field(ge=1, le=PAGE_LIMIT)] = 100
    max_backlog: Annotated[int, Field(ge=0)] = 200
    dry_run: bool = False
    chunks: int | None = None
    total: int | None = None
    pages_a_run: Annotated[int, Field(ge=1)] = 200
    progress: BackfillProgress | None = None
    paused: bool = False

    def begun(self, now: datetime) -> BackfillProgress:
        return BackfillProgress(
            criteria=self.criteria,
            dry_run=self.dry_run,
            rate=self.rate,
            total=self.total,
            of_list=self.chunks is not None,
            started_at=now,
        )


def chunk_name(backfill_id: str, number: int) -> str:
    """Name of a list's chunk in the content store."""
    return f"{backfill_id}/{number}"


def chunked(ids: Sequence[str], size: int = PAGE_LIMIT) -> list[Sequence[str]]:
    return [ids[start : start + size] for start in range(0, len(ids), size)]
