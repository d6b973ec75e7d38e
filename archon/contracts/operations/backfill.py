"""In: which documents are to be enriched after the fact. Out: a backfill's typed inputs, pages and progress.

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
"""Documents of a page, and ids of a chunk, at most."""
LISTED: Final = 20
"""Documents that could not be requested and are told one by one."""


class Reason(StrEnum):
    """Why a document is to be enriched: its content never was; an older analyser did it; or its node was
    written by an older product, without what a request needs."""

    UNENRICHED = "unenriched"
    OLDER_ANALYSER = "older_analyser"
    OLDER_SHAPE = "older_shape"


class Criteria(Model):
    """Documents without enrichment, of one project or of all (None); with `analyser_older_than` also those
    that an analyser of a lower version has enriched."""

    project_name: ProjectName | None = None
    analyser_older_than: Name | None = None


class Candidate(Model):
    """A document to be enriched, as its node tells it.

    `request` is None where none can be made: of the older shape, or spoilt, which is told in `problem`. Its
    correlation id and priority are for whoever asks to set.
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
    """Documents that can be requested, and those that wait parked for a retry instead."""

    documents: int
    parked: int


class Position(Model):
    """Where the next page begins: after an id, or at an offset within a chunk of the list."""

    after: str = ""
    chunk: int = 0
    offset: int = 0


class PageInput(Model):
    """`chunks`: how many the list has; None where the whole graph is searched. `limit`: documents."""

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
    """Of the documents `examined`: `requested`; `without_text`, whose text is in no store; `older_shape`, to
    be indexed from their source first; `unusable`, as others have left their nodes; `settled`, on the list
    but with nothing left to do, or not a backfill's to do; `unknown`, on the list, and no document."""

    examined: int = 0
    requested: int = 0
    without_text: int = 0
    older_shape: int = 0
    unusable: int = 0
    settled: int = 0
    unknown: int = 0
    listed: list[Listed] = Field(default_factory=list)
    """The first LISTED that could not be requested."""

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
    """`next` is None when this was the last page."""

    next: Position | None = None


class ForgetInput(Model):
    backfill_id: str
    chunks: int


class BackfillState(StrEnum):
    """`waiting`: the pipeline has enough to do without it; `failed`: ended otherwise than by itself."""

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
    """Answer of the `progress` query, and result of the run. `total`: documents to be requested, counted at
    the start; `parked_before`: those parked then. `next` is None once all were examined."""

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
    """Start of a backfill, or what one that continues as new hands on.

    `rate`: documents requested a second, 0 for no limit. `max_backlog`: enrichments of whatever priority that
    may be open, in Kafka and in Temporal, while this one asks for more; 0 for no limit. `chunks` and `total`
    belong to a list.
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
    """What the content store calls a chunk of a list."""
    return f"{backfill_id}/{number}"


def chunked(ids: Sequence[str], size: int = PAGE_LIMIT) -> list[Sequence[str]]:
    return [ids[start : start + size] for start in range(0, len(ids), size)]
