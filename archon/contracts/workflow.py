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
    """The state that continue-as-new passes on: open submissions, known correlation ids, pending retries and
    discards, and the progress of the first submission."""

    submissions: list[EnrichmentRequest] = Field(default_factory=list)
    seen: list[str] = Field(default_factory=list)
    retries: int = 0
    discards: int = 0
    superseded_by: int = 0
    failures: int = 0
    dead_lettered: bool = False
    summary: AnalysisSummary | None = None


class EnrichDocumentInput(Model):
    """Start of a run. Submissions arrive as `submit` signals, or in `carried`."""

    document_id: DocumentId
    content_hash: ContentHash
    carried: Carried = Field(default_factory=Carried)
    local_steps: bool = False
    """Try each short step as a local activity first. Part of the input, so a run behaves the same from start
    to end; runs of older releases have False."""
    joint_write: bool = False
    """With local steps: try vectors, graph and completed event in one local activity first."""
    marked_while_parked: bool = False
    """Park as soon as the dead letter is published and mark the document afterwards, instead of before: an
    outage of the graph then hides nothing."""

    @classmethod
    def of(cls, request: EnrichmentRequest) -> Self:
        """The input of a new run."""
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
    """`progress_since`: when the run took up the submission, for the step's progress event; None if the run
    reports progress by a separate activity, as runs without local steps do."""

    request: EnrichmentRequest
    workflow_id: str
    progress_since: Timestamp | None = None


class RetrySettings(Model):
    """Retry policy of the activities. The claim returns it, so a history contains its own rules.

    Durations are in seconds. `outage_budget`: how long a store may be unavailable before a run gives up.
    """

    max_attempts: int = 3
    first_delay: float = 2.0
    backoff: float = 2.0
    max_delay: float = 60.0
    outage_budget: float = 3600.0


class Claim(Model):
    """The graph's decision. `previous_workflow_id`: the run of the content that this one replaces. `version`
    is the node's version, whatever the decision. `dead_lettered`: this document has a dead letter. `former`:
    number of its earlier contents."""

    decision: Decision
    version: Version
    previous_workflow_id: str | None = None
    dead_lettered: bool = False
    former: int = 0


class ClaimResult(Claim):
    retry: RetrySettings


class Step(Model):
    """A claimed request: the common input of all later activities."""

    request: EnrichmentRequest
    version: Version
    workflow_id: str


class AnalyseInput(Model):
    """`max_attempts`: limit for attempts that fail by themselves; attempts lost with their worker do not
    count."""

    step: Step
    max_attempts: int


class WriteInput(Model):
    """`progress_since` as in ClaimInput."""

    step: Step
    summary: AnalysisSummary
    progress_since: Timestamp | None = None


class WriteResult(Model):
    """`applied` is False if nothing was written: a newer version replaced the document or, for a status
    write, the document is already enriched at this version (`enriched`)."""

    applied: bool
    enriched: bool = False

    @property
    def past(self) -> bool:
        """For a status write: whether a newer version replaced the document."""
        return not self.applied and not self.enriched


class Stage(StrEnum):
    """Stages in order; the workflow reports each one when it reaches it."""

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
    """`started_at`: when the run took up the submission; `progress_since` as in ClaimInput."""

    step: Step
    outcome: Outcome
    started_at: Timestamp
    completed_at: Timestamp
    summary: AnalysisSummary | None = None
    progress_since: Timestamp | None = None


class Failure(Model):
    """Why a run cannot continue without an operator."""

    # Activities scheduled by an older release still have a field that was never set.
    model_config = ConfigDict(extra="ignore")

    stage: str
    failure_type: FailureType
    error_type: str
    message: str
    stack_trace: str = ""


class ParkInput(Model):
    """`claimed`: whether the graph has confirmed `step`'s version; otherwise it is the request's."""

    step: Step
    claimed: bool
    failure: Failure
    failure_count: int
    failed_at: Timestamp


class EnrichmentOutcome(Model):
    """Result of a run, as the Web UI shows it. The decision `duplicate` means that nothing was left to do."""

    outcome: Outcome | None
    decision: Decision
    version: Version
    summary: AnalysisSummary | None = None


class SubmissionAnswer(Model):
    """Answer of the `settled` update: how a submission ended, or that it is parked and why. `open`: this run
    cannot answer, another run handles the submission."""

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
    """The request of a submission or an activity: its first argument, or the `request` of that argument or of
    its step."""
    first = arguments[0] if arguments else None
    if isinstance(first, EnrichmentRequest):
        return first
    found = getattr(getattr(first, "step", first), "request", None)
    return found if isinstance(found, EnrichmentRequest) else None
