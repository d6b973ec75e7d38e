"""In: what Temporal, the graph and the dead-letter topic say about parked documents. Out: the differences."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Self

from archon.contracts.events import DeadLetter
from archon.contracts.operations.drift import Drift
from archon.contracts.types import (
    WORKING,
    ContentHash,
    DocumentId,
    EnrichmentStatus,
    FailureType,
    Model,
    Timestamp,
)


@dataclass(frozen=True)
class ParkedRun:
    """A run that waits for an operator, as Temporal lists it. `version`: None if the run never claimed one
    and its request has none."""

    workflow_id: str
    document_id: str
    content_hash: str
    project_name: str
    file_path: str
    version: int | None
    failure_type: FailureType | None
    started_at: Timestamp


@dataclass(frozen=True)
class ParkedRuns:
    """A page of parked runs. `next`: start of the following page, None at the end."""

    runs: Sequence[ParkedRun]
    next: str | None


@dataclass(frozen=True)
class Letter:
    """The fields of a run's dead letter that a comparison needs."""

    workflow_id: str
    project_name: str | None

    @classmethod
    def of(cls, letter: DeadLetter | None) -> Self | None:
        """None for a tombstone, and for a message that never became a run."""
        if letter is None or letter.workflow_id is None:
            return None
        return cls(letter.workflow_id, letter.project_name)


@dataclass(frozen=True)
class Standing:
    """A document's state in the graph; a tombstone has no hash and no project."""

    version: int
    status: str | None
    content_hash: str | None
    project_name: str | None

    @property
    def deleted(self) -> bool:
        return self.status == EnrichmentStatus.DELETED


def drift_of_run(run: ParkedRun, standing: Standing | None, *, lettered: bool) -> list[Drift]:
    """The drift of a parked run; empty if graph and topic agree with it. `lettered`: a dead letter exists, or
    this cannot be checked.

    An enriched document stays completed while a repetition of its enrichment is parked. A document that
    belongs to another project is not this run's to mark.
    """
    if standing is not None and run.version is not None and run.version < standing.version:
        return [Drift.OVERTAKEN]
    found = [] if lettered else [Drift.LETTER_MISSING]
    if standing is None or standing.deleted or standing.project_name != run.project_name:
        return found
    mine = standing.content_hash == run.content_hash and run.version in {None, standing.version}
    known = standing.status in {EnrichmentStatus.FAILED, EnrichmentStatus.COMPLETED}
    return [Drift.UNMARKED, *found] if mine and not known else found


def is_astray(standing: Standing | None) -> bool:
    """Whether a dead letter without an open run is out of date. The next run of a document clears its letter;
    reconciliation starts a run for a document that the graph calls failed."""
    if standing is None or standing.status is None:
        return True
    return standing.status not in {*WORKING, EnrichmentStatus.FAILED}


class ParkedDocument(Model):
    """A document whose run waits for a retry or a discard. `version`: None if the run never claimed one;
    `enrichment_status`: the status in the graph, None if the graph does not have the document; `started_at`:
    start of the run."""

    document_id: DocumentId
    project_name: str
    file_path: str
    content_hash: ContentHash
    version: int | None
    failure_type: FailureType | None
    enrichment_status: EnrichmentStatus | None
    started_at: Timestamp
    workflow_id: str

    @classmethod
    def of(cls, run: ParkedRun, standing: Standing | None) -> Self:
        """`standing` may be that of another content of the document."""
        mine = standing is not None and standing.content_hash == run.content_hash
        status = standing.status if standing is not None and mine else None
        return cls(**asdict(run), enrichment_status=status)


class ParkedPage(Model):
    """Answer of `GET /api/bridge/parked`. `next` is the `after` of the following page, None at the end."""

    parked: list[ParkedDocument]
    next: str | None
