"""In: what producers put on Kafka. Out: what the pipeline puts there: dead letters, completions, progress.

Every event is a JSON object keyed by document_id, with CloudEvents binary-mode headers (CloudEvents 1.0,
Kafka protocol binding) and a W3C traceparent. Within v1 fields are only ever added, and optional.
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
    """What a producer may say of a file. Sizes in bytes."""

    file_size_bytes: Count | None = None
    line_count: Count | None = None
    git_commit_hash: Text | None = None
    last_modified: Timestamp | None = None

    @classmethod
    def within(cls, metadata: Mapping[str, Any]) -> Self:
        """The part of a document's metadata that an event carries."""
        return cls(**{name: metadata.get(name) for name in cls.model_fields})


class EnrichmentRequest(ProducedModel):
    """An `enrich-document` event: which content is to be enriched, never the content itself."""

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
    """The graph's version, where the bridge wrote the event; a producer that bypasses it has none."""
    force: bool = False
    """Enrich again what is already enriched, without the analysis cache."""
    repair: bool = False
    """Write again what is already enriched; an analysis that is stored is used."""

    def covers(self, other: Self) -> bool:
        """Whether enriching this leaves nothing of `other`, a request for the same content, to be done."""
        kinds = {self.enrichment_type, other.enrichment_type}
        return self.project_name == other.project_name and (self.enrichment_type.whole or len(kinds) == 1)

    @property
    def again(self) -> bool:
        """Whether what is already enriched is to be written once more."""
        return self.force or self.repair

    @property
    def about(self) -> dict[str, str]:
        """What a log line says of the document."""
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
    """Health of each dependency when a failure happened: `healthy`, `unhealthy` or `unknown`."""

    intelligence_service: str = "unknown"
    memgraph: str = "unknown"
    qdrant: str = "unknown"


class ErrorDetails(Model):
    exception_type: str
    exception_message: str
    stack_trace: str = ""
    service_health: ServiceHealth = Field(default_factory=ServiceHealth)


class DeadLetter(OpenModel):
    """A terminal failure: the request's own fields (as far as they could be read) and why it failed."""

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
    """The message as it was: a JSON object, {base64, size, blake3, truncated} where it was none, or null."""
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
    """The end of a run, or of a version without one. `enrichment_results` is None unless the outcome is
    success."""

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
        """That of one request, at the version that it was given."""
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
    """A stage reached; `progress_percent` rises from stage to stage."""

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
    """CloudEvents headers and a traceparent whose trace id is the correlation id, so that one document's
    events share a trace (W3C Trace Context, version 00, sampled flag clear: nothing is recorded). A process
    that records spans puts that of the publish in its place.

    A correlation id that is no UUID, as a message that failed may have, leaves the event a trace of its own.
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
    """Tells apart the ends that one version may have: by outcome, part, wanted repetition, and the content of
    a request that came without a version of its own."""
    parts = [str(outcome)]
    if not request.enrichment_type.whole:
        parts.append(str(request.enrichment_type))
    if request.again:
        parts.append(request.correlation_id)
    if outcome is Outcome.SUPERSEDED and request.document_version is None:
        parts.append(request.content_hash)
    return ":".join(parts)
