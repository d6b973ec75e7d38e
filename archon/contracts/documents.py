"""In: what applications POST to the bridge. Out: what the bridge answers, and what the stores keep.

Field names on the way in are the platform's (project_id, full_text, source_path); ours are accepted too.
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

    Exactly one of `full_text` and `content_ref` is needed; of `source_path`, `document_id` and `title` at
    least one. Everything else is derived.
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
    """incremental: entities that have not changed are not written again."""
    correlation_id: CorrelationId | None = None
    metadata: RequestMetadata = Field(default_factory=RequestMetadata)


def _apart(given: Any, handler: ValidatorFunctionWrapHandler) -> Any:
    try:
        return handler(given)
    except ValidationError as error:
        return error


class BatchSubmission(Model):
    """Body of `POST /api/bridge/documents`. In place of a document that is refused stands its
    ValidationError, so that it does not refuse the others."""

    documents: Annotated[
        list[Annotated[DocumentSubmission, WrapValidator(_apart)]], Field(min_length=1, max_length=500)
    ]


class Document(Model):
    """A normalised document: what the bridge hands to its stores. `content` is not part of it."""

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
    """What the graph answers to an upsert: the version it assigned and whether work is left."""

    version: Version
    status: EnrichmentStatus
    changed: bool
    """The content is new to this document (or the document was created or revived)."""
    former: int = 0
    """Contents that the document had before, and still remembers."""


class Links(Model):
    document: str
    workflow: str | None = None


class IndexingStatus(StrEnum):
    """What has become of a submitted document. From `enriched` on: of a project that is enriched within the
    request."""

    INDEXED = "indexed"
    """All is stored, and the enrichment asked for."""
    PARTIAL = "partial"
    """The vector store was down; the enrichment creates the point."""
    DEFERRED = "deferred"
    """Kafka was down; the request is published later."""
    UNCHANGED = "unchanged"
    """Already enriched: nothing is done."""
    SKIPPED = "skipped"
    """Indexed alone: enrichment is switched off."""
    ENRICHED = "enriched"
    PARKED = "parked"
    """The enrichment failed and waits for a retry."""
    SUPERSEDED = "superseded"
    """A newer content has come meanwhile."""
    DISCARDED = "discarded"
    WAITING = "waiting"
    """The time limit has come first; the enrichment goes on."""


class DocumentAccepted(Model):
    """Answer to a POST. `enrichment`: what was found, where `status` is `enriched`; `failure`: why it is
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
    """One document of a batch: what was accepted, or the problem (RFC 9457) that prevented it."""

    document: DocumentAccepted | None = None
    problem: dict[str, Any] | None = None


class BatchAccepted(Model):
    accepted: int
    failed: int
    results: list[BatchItem]
