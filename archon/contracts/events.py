"""In: events that producers put on Kafka. Out: events of the pipeline: dead letters, completions, progress.

Every event is a JSON object keyed by document_id, with CloudEvents binary-mode headers (CloudEvents 1.0,
Kafka protocol binding) and a W3C traceparent. Within v1, changes only add optional fields.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import Field

from archon.contracts import identity
from archon.contracts.identity import Language
from archon.contracts.types import (
    ContentHash,
    CorrelationId,
    Count,
    DocumentId,
    DocumentType,
    EnrichmentType,
    FailureType,
    FilePath,
    Integer,
    Model,
    OpenModel,
    Outcome,
    Priority,
    ProducedModel,
    ProjectName,
    Text,
    Timestamp,
    Version,
)


class RequestMetadata(ProducedModel):
    """Facts about a file that a producer may send. Sizes in bytes."""

    file_size_bytes: Count | None = None
    line_count: Count | None = None
    git_commit_hash: Text | None = None
    last_modified: Timestamp | None = None

    @classmethod
    def within(cls, metadata: Mapping[str, Any]) -> Self:
        """The fields of a document's metadata that an event carries."""
        return cls(**{name: metadata.get(name) for name in cls.model_fields})


class EnrichmentRequest(ProducedModel):
    """An `enrich-document` event: identifies the content to enrich, without the content itself."""

    document_id: DocumentId
    project_name: ProjectName
    content_hash: ContentHash
    file_path: FilePath
    indexed_at: Timestamp
    correlation_id: CorrelationId
    document_type: DocumentType | None = None
    language: Language | None = None
    enrichment_type: EnrichmentType = EnrichmentType.FULL
    priority: Priority = Priority.NORMAL
    metadata: RequestMetadata = Field(default_factory=RequestMetadata)
    retry_count: Annotated[Integer, Field(ge=0, le=3)] = 0
    document_version: Version | None = None
    """The version that the graph assigned; None in events of producers that bypass the bridge."""
    force: bool = False
    """Enrich again, without the analysis cache, even if already enriched."""
    repair: bool = False
    """Write again, from the stored analysis if there is one, even if already enriched."""

    def covers(self, other: Self) -> bool:
        """Whether enriching this request also does everything that `other`, a request for the same content,
        needs."""
        kinds = {self.enrichment_type, other.enrichment_type}
        return self.project_name == other.project_name and (self.enrichment_type.whole or len(kinds) == 1)

    @property
    def again(self) -> bool:
        """Whether to write again even if already enriched."""
        return self.force or self.repair

    @property
    def about(self) -> dict[str, str]:
        """The fields that identify the document in a log line."""
        return {
            "document_id": self.document_id,
            "correlation_id": self.correlation_id,
            "project_name": self.project_name,
        }

    @property
    def resolved_language(self) -> str | None:
        return self.language or identity.language_of(self.file_path)

    @property
    def resolved_type(self) -> DocumentType:
        return self.document_type or identity.document_type_of(self.file_path, self.resolved_language)


class ServiceHealth(Model):
    """Health of each dependency at the time of a failure: `healthy`, `unhealthy` or `unknown`."""

    intelligence_service: str = "unknown"
    memgraph: str = "unknown"
    qdrant: str = "unknown"


class ErrorDetails(Model):
    exception_type: str
    exception_message: str
    stack_trace: str = ""
    service_health: ServiceHealth = Field(default_factory=ServiceHealth)


class DeadLetter(OpenModel):
    """A terminal failure: the request's fields, as far as they could be read, and the reason."""

    document_id: str | None = None
    project_name: str | None = None
    content_hash: str | None = None
    file_path: str | None = None
    correlation_id: str | None = None
    document_version: int | None = None
    failure_reason: str
    failure_timestamp: Timestamp
    failure_count: Annotated[int, Field(ge=1)] = 1
    failure_type: FailureType
    original_message: Any = None
    """The original message: the JSON object, {base64, size, blake3, truncated} if it is not one, or null."""
    error_details: ErrorDetails
    workflow_id: str | None = None
    source: str | None = None
    """`topic:partition:offset` of a message that never became a workflow."""


class EnrichmentResults(Model):
    entities_extracted: int = 0
    quality_score: float | None = None
    complexity_score: float | None = None
    patterns_detected: list[str] = Field(default_factory=list)
    anti_patterns_detected: list[str] = Field(default_factory=list)


class EnrichmentCompleted(Model):
    """The end of a run, or of a version that never had a run. `enrichment_results` is None unless the outcome
    is success."""

    document_id: DocumentId
    project_name: ProjectName
    enrichment_status: Outcome
    completed_at: Timestamp
    processing_time_ms: Annotated[int, Field(ge=0)]
    correlation_id: CorrelationId
    enrichment_results: EnrichmentResults | None = None
    content_hash: ContentHash
    document_version: Version

    @classmethod
    def of(
        cls,
        request: EnrichmentRequest,
        version: int,
        outcome: Outcome,
        completed_at: datetime,
        *,
        processing_time_ms: int = 0,
        results: EnrichmentResults | None = None,
    ) -> Self:
        """The event of one request, at the version assigned to it."""
        return cls(
            document_id=request.document_id,
            project_name=request.project_name,
            enrichment_status=outcome,
            completed_at=completed_at,
            processing_time_ms=processing_time_ms,
            correlation_id=request.correlation_id,
            enrichment_results=results,
            content_hash=request.content_hash,
            document_version=version,
        )


class EnrichmentProgress(Model):
    """A stage that a run has reached; `progress_percent` rises from stage to stage."""

    document_id: DocumentId
    correlation_id: CorrelationId
    stage: str
    progress_percent: Annotated[int, Field(ge=0, le=100)]
    updated_at: Timestamp
    estimated_completion: Timestamp | None = None
    document_version: Version | None = None
    project_name: ProjectName | None = None


def event_headers(
    event_type: str, event_id: str, correlation_id: str, *, source: str, time: datetime | None = None
) -> list[tuple[str, bytes]]:
    """CloudEvents headers and a traceparent.

    The trace id is the correlation id, so all events of a document share a trace (W3C Trace Context, version
    00, sampled flag clear: nothing is recorded). A process that records spans replaces the traceparent by
    that of its publish span. If the correlation id is not a UUID, which a failed message may have, the event
    gets its own trace.
    """
    try:
        trace = UUID(correlation_id)
    except ValueError:
        trace = UUID(event_id)
    values = {
        "ce_specversion": "1.0",
        "ce_id": event_id,
        "ce_source": source,
        "ce_type": event_type,
        "ce_time": (time or datetime.now(UTC)).isoformat(),
        "content-type": "application/json",
        "traceparent": f"00-{trace.hex}-{UUID(event_id).hex[:16]}-00",
    }
    return [(name, value.encode()) for name, value in values.items()]


def ending(outcome: Outcome, request: EnrichmentRequest) -> str:
    """A key that distinguishes the possible ends of one version: the outcome, the part, the correlation id of
    a repetition, and the content of a request that came without a version."""
    parts = [str(outcome)]
    if not request.enrichment_type.whole:
        parts.append(str(request.enrichment_type))
    if request.again:
        parts.append(request.correlation_id)
    if outcome is Outcome.SUPERSEDED and request.document_version is None:
        parts.append(request.content_hash)
    return ":".join(parts)
