"""In: what is to be compared. Out: the typed inputs and outputs of ReconcileEnrichment and its activities.

Counts, and a few ids as examples: an estate's documents do not travel through Temporal.
"""

from collections import Counter
from enum import StrEnum
from typing import Annotated, Final

from pydantic import Field

from archon.contracts.operations.drift import Drift
from archon.contracts.types import Model, ProjectName, Timestamp

EXAMPLES: Final = 5
"""Ids that a report names for each kind of drift."""
OLDER_THAN: Final = 900.0
"""Seconds after which a document is expected to have a run."""


class ReconcileReport(Model):
    """What was found and done so far. `waiting`: documents that drift and are left to a run that is open, or
    to a request that is still in Kafka; they are in no other count. `points`: looked at for orphans;
    `parked`: runs that wait for a retry; `letters`: dead letters."""

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
        """How many times something was found and not repaired."""
        return sum(self.found.values()) - sum(self.repaired.values())

    def checked(self, phase: "Phase", count: int) -> None:
        """So many more of what this phase looks at."""
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
        """Take a page's counts in."""
        self.waiting += page.waiting
        self.found = dict(Counter(self.found) + Counter(page.found))
        self.repaired = dict(Counter(self.repaired) + Counter(page.repaired))
        for kind, ids in page.examples.items():
            self.examples[kind] = [*self.examples.get(kind, []), *ids][:EXAMPLES]


class Phase(StrEnum):
    """In their order: documents are compared, points are looked at for documents that are gone, parked runs
    are compared with graph and topic, and dead letters with runs."""

    DOCUMENTS = "documents"
    POINTS = "points"
    PARKED = "parked"
    LETTERS = "letters"


class ReconcileInput(Model):
    """Start of a run. `older_than`: seconds; also the window within which a document is submitted once.
    `parked`: whether parked runs and dead letters are compared too, which a run that an older release began
    does not do. The rest is what the run before in the same chain has handed on."""

    apply: bool = False
    older_than: Annotated[float, Field(gt=0)] = OLDER_THAN
    page_size: Annotated[int, Field(ge=1, le=500)] = 200
    project: ProjectName | None = None
    parked: bool = False
    phase: Phase = Phase.DOCUMENTS
    after: str | None = None
    report: ReconcileReport | None = None


class PageInput(Model):
    """One page: what comes after the key `after`. `started_at` is the whole reconciliation's."""

    apply: bool
    older_than: float
    limit: int
    project: ProjectName | None
    after: str | None
    started_at: Timestamp


class PageReport(Model):
    """`checked`: documents or points looked at; `next`: the following page's `after`, None at the end."""

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
