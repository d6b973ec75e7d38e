"""In: documents that applications POST to the bridge. Out: the bridge's answers, and the stored form.

Input accepts the platform's field names (project_id, full_text, source_path) as well as ours.
"""

from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import (
    AliasChoices,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)

from archon.contracts.events import EnrichmentResults, RequestMetadata
from archon.contracts.identity import GivenLanguage
from archon.contracts.types import (
    ContentHash,
    CorrelationId,
    DocumentId,
    DocumentType,
    EnrichmentStatus,
    EnrichmentType,
    FilePath,
    Model,
    Name,
    Priority,
    ProjectName,
    Text,
    Timestamp,
    Version,
)


class DocumentSubmission(BaseModel):
    """Body of `POST /api/bridge/document` and value of a `tree.index` event.

    Requires exactly one of `full_text` and `content_ref`, and at least one of `source_path`, `document_id`
    and `title`. The bridge derives everything else.
    """

    model_config = ConfigDict(extra="allow", populate_by_name=True, hide_input_in_errors=True)

    project_id: ProjectName = Field(validation_alias=AliasChoices("project_id", "project_name"))
    document_id: Annotated[Name, StringConstraints(min_length=1, max_length=512, pattern=r"\S")] | None = None
    title: Annotated[Name, StringConstraints(max_length=4096)] | None = None
    full_text: Text | None = Field(default=None, validation_alias=AliasChoices("full_text", "content"))
    content_ref: ContentHash | None = None
    """Hash of a text that is already in the content store."""
    source_path: FilePath | None = Field(
        default=None, validation_alias=AliasChoices("source_path", "file_path")
    )
    document_type: DocumentType | None = None
    language: GivenLanguage | None = None
    content_hash: ContentHash | None = None
    priority: Priority = Priority.NORMAL
    enrichment_type: Literal[EnrichmentType.FULL, EnrichmentType.INCREMENTAL] = EnrichmentType.FULL
    """incremental: unchanged entities are not written again."""
    correlation_id: CorrelationId | None = None
    metadata: RequestMetadata = Field(default_factory=RequestMetadata)


def _apart(given: Any, handler: ValidatorFunctionWrapHandler) -> Any:
    try:
        return handler(given)
    except ValidationError as error:
        return error


class BatchSubmission(Model):
    """Body of `POST /api/bridge/documents`. An invalid document becomes its ValidationError, so it does not
    invalidate the batch."""

    documents: Annotated[
        list[Annotated[DocumentSubmission, WrapValidator(_apart)]], Field(min_length=1, max_length=500)
    ]


class Document(Model):
    """A normalised document, as the stores receive it. It does not include `content`."""

    entity_id: DocumentId
    external_id: str | None
    name: str
    project_name: ProjectName
    file_path: FilePath
    document_type: DocumentType
    language: str | None
    content_hash: ContentHash
    indexed_at: Timestamp
    content_preview: str
    metadata: dict[str, Any]


class Indexed(Model):
    """The graph's answer to an upsert: the version that it assigned, and whether work is left."""

    version: Version
    status: EnrichmentStatus
    changed: bool
    """The document was created or revived, or this content is new to it."""
    former: int = 0
    """Number of earlier contents that the document still references."""


class Links(Model):
    document: str
    workflow: str | None = None


class IndexingStatus(StrEnum):
    """The state of a submitted document. The values from `enriched` on apply to projects in synchronous
    mode, `superseded` also to batches."""

    INDEXED = "indexed"
    """Everything is stored, and the enrichment is requested."""
    PARTIAL = "partial"
    """The vector store was down; the enrichment creates the point."""
    DEFERRED = "deferred"
    """Kafka was down; the request is published later."""
    UNCHANGED = "unchanged"
    """Already enriched: nothing is done."""
    SKIPPED = "skipped"
    """Indexed only: enrichment is switched off."""
    ENRICHED = "enriched"
    PARKED = "parked"
    """The enrichment failed and waits for a retry."""
    SUPERSEDED = "superseded"
    """A newer content replaced it; if that was in the same batch, this one was not stored."""
    DISCARDED = "discarded"
    WAITING = "waiting"
    """The time limit expired; the enrichment continues."""


class DocumentAccepted(Model):
    """Answer to a POST. `enrichment`: the results if `status` is `enriched`; `failure`: the reason if it is
    `parked`."""

    document_id: DocumentId
    external_id: str | None = None
    project_name: ProjectName
    content_hash: ContentHash
    document_version: Version
    status: IndexingStatus
    enrichment_status: EnrichmentStatus
    workflow_id: str
    correlation_id: str
    links: Links
    enrichment: EnrichmentResults | None = None
    failure: str | None = None


class BatchItem(Model):
    """One document of a batch: the accepted document, or the problem (RFC 9457) that prevented it."""

    document: DocumentAccepted | None = None
    problem: dict[str, Any] | None = None


class BatchAccepted(Model):
    accepted: int
    failed: int
    results: list[BatchItem]
