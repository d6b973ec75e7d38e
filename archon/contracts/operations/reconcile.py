"""In: what to compare. Out: the typed inputs and outputs of ReconcileEnrichment and its activities.

Counts, and a few ids as examples: lists of documents do not travel through Temporal.
"""

from collections import Counter
from enum import StrEnum
from typing import Annotated, Final

from pydantic import Field

from archon.contracts.operations.drift import Drift
from archon.contracts.types import Model, ProjectName, Timestamp

EXAMPLES: Final = 5
"""Maximum number of example ids for each kind of drift in a report."""
OLDER_THAN: Final = 900.0
"""Age in seconds from which a document must have a run."""


class ReconcileReport(Model):
    """Findings and repairs so far. `waiting`: documents with drift that are left to an open run or to a
    request in Kafka, and appear in no other count. `points`: points checked for orphans; `parked`: runs that
    wait for a retry; `letters`: dead letters."""

    apply: bool
    project: ProjectName | None = None
    started_at: Timestamp | None = None
    documents: int = 0
    points: int = 0
    parked: int = 0
    letters: int = 0
    waiting: int = 0
    found: dict[Drift, int] = Field(default_factory=dict)
    repaired: dict[Drift, int] = Field(default_factory=dict)
    examples: dict[Drift, list[str]] = Field(default_factory=dict)

    @property
    def left(self) -> int:
        """Number of findings that were not repaired."""
        return sum(self.found.values()) - sum(self.repaired.values())

    def checked(self, phase: "Phase", count: int) -> None:
        """Adds to the number of items checked in this phase."""
        match phase:
            case Phase.DOCUMENTS:
                self.documents += count
            case Phase.POINTS:
                self.points += count
            case Phase.PARKED:
                self.parked += count
            case Phase.LETTERS:
                self.letters += count

    def add(self, page: "PageReport") -> None:
        """Adds the counts of a page."""
        self.waiting += page.waiting
        self.found = dict(Counter(self.found) + Counter(page.found))
        self.repaired = dict(Counter(self.repaired) + Counter(page.repaired))
        for kind, ids in page.examples.items():
            self.examples[kind] = [*self.examples.get(kind, []), *ids][:EXAMPLES]


class Phase(StrEnum):
    """In order: compare documents; search points whose document is gone; compare parked runs with graph and
    topic; compare dead letters with runs."""

    DOCUMENTS = "documents"
    POINTS = "points"
    PARKED = "parked"
    LETTERS = "letters"


class ReconcileInput(Model):
    """Start of a run. `older_than`: seconds; also the window within which a document is submitted only once.
    `parked`: whether to compare parked runs and dead letters; False in runs that an older release began. The
    other fields are the state that continue-as-new passes on."""

    apply: bool = False
    older_than: Annotated[float, Field(gt=0)] = OLDER_THAN
    page_size: Annotated[int, Field(ge=1, le=500)] = 200
    project: ProjectName | None = None
    parked: bool = False
    phase: Phase = Phase.DOCUMENTS
    after: str | None = None
    report: ReconcileReport | None = None


class PageInput(Model):
    """One page: the items after the key `after`. `started_at` is the start of the whole reconciliation."""

    apply: bool
    older_than: float
    limit: int
    project: ProjectName | None
    after: str | None
    started_at: Timestamp


class PageReport(Model):
    """`checked`: number of documents or points checked; `next`: the `after` of the following page, None at
    the end."""

    checked: int = 0
    waiting: int = 0
    found: dict[Drift, int] = Field(default_factory=dict)
    repaired: dict[Drift, int] = Field(default_factory=dict)
    examples: dict[Drift, list[str]] = Field(default_factory=dict)
    next: str | None = None

    def count(self, kind: Drift, document_id: str, *, repaired: bool) -> None:
        self.found[kind] = self.found.get(kind, 0) + 1
        if repaired:
            self.repaired[kind] = self.repaired.get(kind, 0) + 1
        examples = self.examples.setdefault(kind, [])
        if len(examples) < EXAMPLES:
            examples.append(document_id)
