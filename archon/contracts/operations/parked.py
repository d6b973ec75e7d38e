"""In: what Temporal, the graph and the dead-letter topic say of what is parked. Out: where they disagree."""

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
    """A run that waits for an operator, as Temporal lists it. `version`: None where it was never claimed, and
    its request names none."""

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
    """A page of them. `next`: where the following page begins, None at the end."""

    runs: Sequence[ParkedRun]
    next: str | None


@dataclass(frozen=True)
class Letter:
    """What a comparison needs of the dead letter of a run."""

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
    """Where a document stands in the graph; a tombstone has no hash, and is of no project."""

    version: int
    status: str | None
    content_hash: str | None
    project_name: str | None

    @property
    def deleted(self) -> bool:
        return self.status == EnrichmentStatus.DELETED


def drift_of_run(run: ParkedRun, standing: Standing | None, *, lettered: bool) -> list[Drift]:
    """Empty for a run of which graph and topic know. `lettered`: whether a dead letter says that its document
    is parked, or nobody can tell.

    A document that is enriched already stays completed while a repetition of its enrichment is parked; and
    one that another project has is not this run's to mark.
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
    """Whether a dead letter without an open run says what is no longer so. That of a document that is to be
    worked on is cleared by its next run; one that the graph calls failed is given a run."""
    if standing is None or standing.status is None:
        return True
    return standing.status not in {*WORKING, EnrichmentStatus.FAILED}


class ParkedDocument(Model):
    """A document whose run waits for a retry or a discard. `version`: None where it was never claimed;
    `enrichment_status`: what the graph calls the document, None where it does not have it; `started_at`: when
    the run began."""

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
        """`standing`: of any content of the document."""
        mine = standing is not None and standing.content_hash == run.content_hash
        status = standing.status if standing is not None and mine else None
        return cls(**asdict(run), enrichment_status=status)


class ParkedPage(Model):
    """Answer of `GET /api/bridge/parked`. `next` is the `after` of the following page, None at the end."""

    parked: list[ParkedDocument]
    next: str | None
