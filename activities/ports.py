"""In: what the activities need. Out: the small Protocols that stores and clients implement.

Every write takes a Step and is conditional on its version: False means that a newer version has the
document and nothing was written. Stores raise StoreError, the analyser IntelligenceError.
"""

from collections.abc import Sequence
from typing import Protocol

from archon.contracts.analysis import AnalysisRequest, AnalysisResult, ServiceVersion
from archon.contracts.backfill import Candidate, CandidatePage, Criteria, UnenrichedCount
from archon.contracts.events import DeadLetter, EnrichmentCompleted, EnrichmentProgress, EnrichmentRequest
from archon.contracts.types import EnrichmentStatus
from archon.contracts.workflow import Claim, Step


class DocumentGraph(Protocol):
    """The authority on a document's version and status."""

    async def claim(self, request: EnrichmentRequest, workflow_id: str) -> Claim: ...

    async def write_enrichment(self, step: Step, result: AnalysisResult) -> bool: ...

    async def set_status(self, step: Step, status: EnrichmentStatus) -> bool: ...

    async def is_current(self, step: Step) -> bool: ...

    async def set_dead_lettered(self, step: Step, *, standing: bool) -> bool: ...

    async def first_to_tell(self, document_id: str, event_id: str, run_id: str) -> bool: ...


class VectorIndex(Protocol):
    """One point a document; it may have no vector yet."""

    async def write(self, step: Step, status: EnrichmentStatus, vector: Sequence[float] | None) -> bool: ...

    async def set_status(self, step: Step, status: EnrichmentStatus) -> bool: ...


class ContentStore(Protocol):
    """Texts by content hash, analyses by reference."""

    async def get_text(self, content_hash: str) -> str | None: ...

    async def get_analysis(self, reference: str) -> AnalysisResult | None: ...

    async def put_analysis(self, reference: str, result: AnalysisResult) -> None: ...


class Analyser(Protocol):
    """The intelligence service."""

    async def version(self) -> ServiceVersion: ...

    async def process(self, request: AnalysisRequest) -> AnalysisResult: ...

    async def ping(self) -> None: ...


class EventPublisher(Protocol):
    """Kafka, as the pipeline writes to it. Raises PublishError."""

    async def progress(self, event: EnrichmentProgress) -> None: ...

    async def completed(self, event: EnrichmentCompleted, what: str | None = None) -> None: ...

    async def dead_letter(self, event: DeadLetter) -> None: ...

    async def clear_dead_letter(self, document_id: str) -> None: ...


class AlertSink(Protocol):
    """People who want to know of dead letters. Never raises and never waits."""

    def notify(self, letter: DeadLetter) -> None: ...


class UnenrichedDocuments(Protocol):
    """Documents that are to be enriched after the fact."""

    async def page(self, criteria: Criteria, after: str, limit: int) -> CandidatePage: ...

    async def among(self, criteria: Criteria, document_ids: Sequence[str]) -> list[Candidate]: ...

    async def count(self, criteria: Criteria) -> UnenrichedCount: ...


class BackfillContent(Protocol):
    """Which texts there are, and lists of ids by name."""

    async def has_text(self, content_hash: str) -> bool: ...

    async def get_list(self, name: str) -> list[str] | None: ...

    async def delete_list(self, name: str) -> None: ...


class RequestPublisher(Protocol):
    """Kafka, as who asks for an enrichment writes to it. Raises PublishError."""

    async def request(self, event: EnrichmentRequest) -> None: ...


class Backlog(Protocol):
    """How many enrichments are not finished. Raises TopicUnavailableError, WorkflowUnavailableError."""

    async def open(self) -> int: ...
