"""In: the needs of the activities. Out: small Protocols that stores and clients implement.

Every write takes a Step and is conditional on its version: False means that a newer version has replaced the
document and nothing was written. Stores raise StoreError, the analyser IntelligenceError.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from archon.contracts.analysis import AnalysisRequest, AnalysisResult, Chunk, ServiceVersion
from archon.contracts.events import DeadLetter, EnrichmentCompleted, EnrichmentProgress, EnrichmentRequest
from archon.contracts.operations.backfill import Candidate, CandidatePage, Criteria, UnenrichedCount
from archon.contracts.operations.dead_letters import DeadLetterFilter, DeadLetterRow
from archon.contracts.operations.deletion import DeletionCounts, DeletionScope, Marked, Tombstone
from archon.contracts.operations.drift import Drifting, Point
from archon.contracts.types import EnrichmentStatus, Projects
from archon.contracts.workflow import Claim, Step
from archon.runtime.contents import References


class DocumentGraph(Protocol):
    """The authority on a document's version and status."""

    async def claim(self, request: EnrichmentRequest, workflow_id: str) -> Claim: ...

    async def write_enrichment(self, step: Step, result: AnalysisResult) -> bool: ...

    async def set_status(self, step: Step, status: EnrichmentStatus) -> bool: ...

    async def is_current(self, step: Step) -> bool: ...

    async def set_dead_lettered(self, step: Step, *, standing: bool) -> bool: ...

    async def first_to_tell(self, document_id: str, event_id: str, teller: str) -> bool: ...

    async def former_contents(self, document_id: str) -> list[str]: ...

    async def forget_contents(self, document_id: str, hashes: Sequence[str]) -> None: ...


class VectorIndex(Protocol):
    """One point per document, possibly without a vector, and its chunks."""

    async def write(
        self,
        step: Step,
        status: EnrichmentStatus,
        vector: Sequence[float] | None,
        chunks: Sequence[Chunk] = (),
    ) -> bool: ...

    async def set_status(self, step: Step, status: EnrichmentStatus) -> bool: ...


class ContentStore(Protocol):
    """Texts by content hash, analyses by reference."""

    async def get_text(self, content_hash: str) -> str | None: ...

    async def get_analysis(self, reference: str) -> AnalysisResult | None: ...

    async def put_analysis(self, reference: str, result: AnalysisResult) -> None: ...


class Tombstones(References, Protocol):
    """Which documents are deleted, and which contents live documents use."""

    async def tombstone_of(self, document_id: str) -> int | None: ...

    async def tombstones_of(self, document_ids: Sequence[str]) -> Mapping[str, int | None]: ...


class DeletedDocuments(Tombstones, Protocol):
    """The authority on deletions. In contrast to other ports, a write skips revived documents."""

    async def mark(self, scope: DeletionScope, limit: int) -> Marked: ...

    async def marked(self, scope: DeletionScope, limit: int) -> list[Tombstone]: ...

    async def unlink(self, tombstones: Sequence[Tombstone]) -> tuple[int, int]: ...

    async def strip(self, tombstones: Sequence[Tombstone]) -> int: ...


class PointRemoval(Protocol):
    """Points and chunks, up to a version of each document."""

    async def delete(self, versions: Mapping[str, int]) -> DeletionCounts: ...

    def of_project(self, project_name: str) -> AsyncIterator[Mapping[str, int]]: ...


class Runs(Protocol):
    """Runs of EnrichDocument. Raises WorkflowUnavailableError."""

    async def open_of(self, document_ids: Sequence[str]) -> Mapping[str, str]: ...

    async def supersede(self, workflow_id: str, version: int) -> bool: ...

    async def parked(self, workflow_id: str) -> bool | None: ...

    async def cancel(self, workflow_id: str) -> None: ...


class DeadLetters(Protocol):
    """The current dead letters. Raises TopicUnavailableError."""

    async def rows(self, wanted: DeadLetterFilter, projects: Projects) -> list[DeadLetterRow]: ...


class Analyser(Protocol):
    """The intelligence service."""

    async def version(self) -> ServiceVersion: ...

    async def process(self, request: AnalysisRequest) -> AnalysisResult: ...

    async def ping(self) -> None: ...


class ProgressSink(Protocol):
    """Kafka, for events that nobody waits for. Never raises."""

    def progress(self, event: EnrichmentProgress) -> None: ...


class EventPublisher(Protocol):
    """Kafka, for the pipeline's events. Raises PublishError."""

    async def completed(self, event: EnrichmentCompleted, what: str | None = None) -> None: ...

    async def dead_letter(self, event: DeadLetter) -> None: ...

    async def clear_dead_letter(self, document_id: str) -> None: ...


class AlertSink(Protocol):
    """Alerts about dead letters. Never raises and never waits."""

    def notify(self, letter: DeadLetter) -> None: ...


class SurveyPage(Protocol):
    """`checked`: number of documents checked; `next`: start of the following page, None at the end."""

    @property
    def checked(self) -> int: ...

    @property
    def drifting(self) -> Sequence[Drifting]: ...

    @property
    def next(self) -> str | None: ...


class DriftSurvey(Protocol):
    """Graph, vectors, content store and Temporal, compared document by document."""

    async def documents(
        self, after: str | None, limit: int, project: str | None, older_than: float
    ) -> SurveyPage: ...

    async def points(self, after: str | None, limit: int, project: str | None) -> SurveyPage: ...

    async def holds_documents(self) -> bool: ...


class ParkedSurveyPage(SurveyPage, Protocol):
    """`letters_known`: whether the dead-letter topic could be read."""

    @property
    def letters_known(self) -> bool: ...


class ParkedDrift(Protocol):
    """Temporal, graph and dead-letter topic, compared by parked runs and by dead letters."""

    async def runs(self, after: str | None, limit: int, project: str | None) -> ParkedSurveyPage: ...

    async def letters(self, after: str | None, limit: int, project: str | None) -> ParkedSurveyPage: ...

    async def holds_documents(self) -> bool: ...


class ParkedRepair(Protocol):
    """Parked runs. Raises NotFoundError, WorkflowUnavailableError."""

    async def supersede(self, workflow_id: str, version: int) -> bool: ...

    async def signal(self, workflow_id: str, signal: str) -> None: ...


class Submitter(Protocol):
    """Temporal, without Kafka in between. Raises WorkflowUnavailableError."""

    async def submit(self, request: EnrichmentRequest) -> str: ...


class PointRepair(Protocol):
    """Repairs points that no run will repair; each write is conditional on the state that was read."""

    async def restate(self, drifting: Drifting) -> None: ...

    async def remove(self, seen: Point) -> None: ...


class Consumption(Protocol):
    """The ingress's progress. Raises TopicUnavailableError."""

    async def behind(self, moment: datetime) -> bool: ...


class UnenrichedDocuments(Protocol):
    """Documents without enrichment, for a backfill."""

    async def page(self, criteria: Criteria, after: str, limit: int) -> CandidatePage: ...

    async def among(self, criteria: Criteria, document_ids: Sequence[str]) -> list[Candidate]: ...

    async def unknown(self, document_ids: Sequence[str]) -> list[str]: ...

    async def count(self, criteria: Criteria) -> UnenrichedCount: ...


class BackfillContent(Protocol):
    """Which texts exist, and lists of ids by name."""

    async def has_text(self, content_hash: str) -> bool: ...

    async def get_list(self, name: str) -> list[str] | None: ...

    async def delete_list(self, name: str) -> None: ...


class RequestPublisher(Protocol):
    """Kafka, for enrichment requests. Raises PublishError."""

    async def request(self, event: EnrichmentRequest) -> None: ...


class Backlog(Protocol):
    """Number of unfinished enrichments. Raises TopicUnavailableError, WorkflowUnavailableError."""

    async def open(self) -> int: ...
