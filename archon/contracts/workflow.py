"""In: submissions and signals. Out: the typed inputs and outputs of EnrichDocument and its activities.

References and summaries only: no document text and no analysis result travels through Temporal.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import Any, Literal, Self

from pydantic import ConfigDict, Field

from archon.contracts.analysis import AnalysisSummary
from archon.contracts.events import EnrichmentRequest
from archon.contracts.types import (
    ContentHash,
    DocumentId,
    EnrichmentStatus,
    FailureType,
    Model,
    Outcome,
    Timestamp,
    Version,
)


class Carried(Model):
    """What a run that continues as new hands on: submissions not settled yet, the correlation ids it knows,
    wishes not followed yet, and how far it has come with the first submission."""

    submissions: list[EnrichmentRequest] = Field(default_factory=list)
    seen: list[str] = Field(default_factory=list)
    retries: int = 0
    discards: int = 0
    superseded_by: int = 0
    failures: int = 0
    dead_lettered: bool = False
    summary: AnalysisSummary | None = None


class EnrichDocumentInput(Model):
    """Start of a run. What is to be done arrives as `submit` signals, or is `carried`."""

    document_id: DocumentId
    content_hash: ContentHash
    carried: Carried = Field(default_factory=Carried)
    local_steps: bool = False
    """Whether each short step is first tried as a local activity. Part of the input, so that a run goes the
    same way from its first task to its last: one that an older release began has none."""
    joint_write: bool = False
    """With local steps: whether vectors, graph and completed event are first tried in one local activity."""
    marked_while_parked: bool = False
    """Whether a run is parked as soon as its dead letter is published, and marks its document while it waits,
    instead of before: a graph that is away then hides nothing."""

    @classmethod
    def of(cls, request: EnrichmentRequest) -> Self:
        """As runs begin now."""
        return cls(
            document_id=request.document_id,
            content_hash=request.content_hash,
            local_steps=True,
            joint_write=True,
            marked_while_parked=True,
        )


class Decision(StrEnum):
    PROCEED = "proceed"
    DUPLICATE = "duplicate"
    SUPERSEDED = "superseded"


class ClaimInput(Model):
    """`progress_since`: when the run took the submission up, for the progress that the step reports; None
    where the run reports it by an activity of its own, as those without local steps do."""

    request: EnrichmentRequest
    workflow_id: str
    progress_since: Timestamp | None = None


class RetrySettings(Model):
    """How activities are retried; handed out by the claim, so that a history carries its own rules.

    Durations are in seconds. `outage_budget`: how long a store may be down before a run gives up.
    """

    max_attempts: int = 3
    first_delay: float = 2.0
    backoff: float = 2.0
    max_delay: float = 60.0
    outage_budget: float = 3600.0


class Claim(Model):
    """What the graph decided. `previous_workflow_id`: the run that worked on the content this replaces.
    `version` is the node's, whatever the decision. `dead_lettered`: a dead letter of this document stands.
    """

    decision: Decision
    version: Version
    previous_workflow_id: str | None = None
    dead_lettered: bool = False


class ClaimResult(Claim):
    retry: RetrySettings


class Step(Model):
    """A claimed request: what every later activity needs."""

    request: EnrichmentRequest
    version: Version
    workflow_id: str


class AnalyseInput(Model):
    """`max_attempts`: of those that fail by themselves; one that is lost with its worker is not counted."""

    step: Step
    max_attempts: int


class WriteInput(Model):
    """`progress_since` as in ClaimInput."""

    step: Step
    summary: AnalysisSummary
    progress_since: Timestamp | None = None


class WriteResult(Model):
    """`applied` is False when nothing was written: a newer version has the document or, of a status,
    `enriched`: the document is enriched at this very version already."""

    applied: bool
    enriched: bool = False

    @property
    def past(self) -> bool:
        """Of a status: whether a newer version has the document."""
        return not self.applied and not self.enriched


class Stage(StrEnum):
    """Stages in their order; the workflow reports each when it is reached."""

    CLAIMED = "claimed"
    ANALYSED = "analysed"
    VECTORS_WRITTEN = "vectors_written"
    COMPLETED = "completed"

    @property
    def percent(self) -> int:
        return {"claimed": 10, "analysed": 60, "vectors_written": 80, "completed": 100}[self.value]


class ProgressInput(Model):
    step: Step
    stage: Stage
    started_at: Timestamp
    updated_at: Timestamp


class CompletedInput(Model):
    """`started_at`: when the run took the submission up; `progress_since` as in ClaimInput."""

    step: Step
    outcome: Outcome
    started_at: Timestamp
    completed_at: Timestamp
    summary: AnalysisSummary | None = None
    progress_since: Timestamp | None = None


class Failure(Model):
    """Why a run cannot go on by itself."""

    # Activities that an older release has scheduled still carry a field that nobody ever set.
    model_config = ConfigDict(extra="ignore")

    stage: str
    failure_type: FailureType
    error_type: str
    message: str
    stack_trace: str = ""


class ParkInput(Model):
    """`claimed`: whether the graph has granted `step`'s version; if not, it is only what the request says."""

    step: Step
    claimed: bool
    failure: Failure
    failure_count: int
    failed_at: Timestamp


class EnrichmentOutcome(Model):
    """Result of a run, as the Web UI shows it. `decision` duplicate means nothing was missing."""

    outcome: Outcome | None
    decision: Decision
    version: Version
    summary: AnalysisSummary | None = None


class Settlement(Model):
    """Answer of the `settled` update: how a submission has ended, or that it is parked, and why. `open`: the
    run that was asked is not the one that will know."""

    state: Literal["completed", "superseded", "discarded", "parked", "open"]
    failure_type: FailureType | None = None
    reason: str | None = None

    @classmethod
    def of(cls, outcome: EnrichmentOutcome) -> Self:
        if outcome.outcome in {None, Outcome.SUCCESS}:
            return cls(state="completed")
        return cls(state="superseded" if outcome.outcome is Outcome.SUPERSEDED else "discarded")

    @classmethod
    def parked(cls, failure: Failure) -> Self:
        reason = f"{failure.stage}: {failure.message}"
        return cls(state="parked", failure_type=failure.failure_type, reason=reason[:1000])


class WorkflowStatus(Model):
    """Answer of the `status` query."""

    status: EnrichmentStatus
    parked: bool
    stage: str
    version: int | None
    failure: Failure | None
    retries: int
    submissions: int
    duplicates: int


def request_in(arguments: Sequence[Any]) -> EnrichmentRequest | None:
    """The request that a submission or an activity is about: its first argument, or that one's, or its
    step's."""
    first = arguments[0] if arguments else None
    if isinstance(first, EnrichmentRequest):
        return first
    found = getattr(getattr(first, "step", first), "request", None)
    return found if isinstance(found, EnrichmentRequest) else None
