"""In: what graph and vectors hold. Out: how the bridge shows it: documents, listings, hits and counts."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from archon.contracts.estate import WaitingFor
from archon.contracts.types import (
    ContentHash,
    DocumentId,
    EnrichmentStatus,
    FilePath,
    Model,
    ProjectName,
    Timestamp,
    Version,
)


class EntityView(BaseModel):
    """An entity as the graph keeps it. Lines count from 1."""

    model_config = ConfigDict(extra="ignore")

    entity_id: str
    kind: str
    name: str
    qualified_name: str
    start_line: int
    end_line: int
    signature: str | None = None
    documentation: str | None = None
    inherits: list[str] = Field(default_factory=list)


class LinkView(Model):
    """A document at the other end of an import, and the module that is named there."""

    document_id: DocumentId
    file_path: FilePath
    module: str


class StoredDocument(Model):
    """A document as the graph has it, with its entities in order of appearance. `modules` are those imports
    that lead to no document of the project; `imports` those that do."""

    document_id: DocumentId
    external_id: str | None
    name: str
    project_name: ProjectName
    file_path: FilePath
    document_type: str
    language: str | None = None
    content_hash: ContentHash
    version: Version
    enrichment_status: EnrichmentStatus
    indexed_at: Timestamp
    posted_at: Timestamp | None = None
    """When it was last posted, be it with the same content."""
    enriched_at: Timestamp | None = None
    enrichment_content_hash: str | None = None
    analyser_version: str | None = None
    quality_score: float | None = None
    complexity_score: float | None = None
    entities_extracted: int | None = None
    not_understood: int | None = None
    """Lines of which nothing, or not all, could be read."""
    patterns_detected: list[str] = Field(default_factory=list)
    anti_patterns_detected: list[str] = Field(default_factory=list)
    content_preview: str = ""
    metadata: dict[str, Any] = Field(default_factory=dict)
    modules: list[str] = Field(default_factory=list)
    imports: list[LinkView] = Field(default_factory=list)
    imported_by: list[LinkView] = Field(default_factory=list)
    entities: list[EntityView] = Field(default_factory=list)
    workflow_id: str = ""
    """Of the run that last claimed it; empty before the first."""


class DocumentView(StoredDocument):
    """Answer of `GET /api/bridge/document/{id}`: the document and where its workflow is shown. `waiting_for`:
    what its enrichment waits for; None while it is at work, and when it has ended."""

    workflow_url: str
    waiting_for: WaitingFor | None = None


class Preview(Model):
    """What a listing of hits shows of a document, and what tells whether a hit is of its present content."""

    id: DocumentId
    name: str
    file_path: str
    content_hash: str
    preview: str
    status: EnrichmentStatus
    indexed_at: Timestamp
    enriched_at: Timestamp | None = None


class SearchHit(Model):
    """Lines that were found: a symbol, a section, or, without a `symbol`, lines of the document's own. Lines
    count from 1, inclusive.

    `score`: 0 to 1 where both signals are combined, 1 being the best of both among what was found; else BM25
    or cosine similarity. `fresh`: whether it is of the document's present content.
    """

    document_id: DocumentId
    project_name: ProjectName
    file_path: str
    title: str
    language: str | None
    document_type: str
    symbol: str | None
    kind: str
    start_line: int
    end_line: int
    snippet: str
    score: float
    fresh: bool
    enrichment_status: EnrichmentStatus
    enriched_at: Timestamp | None
    indexed_at: Timestamp


class SearchResults(Model):
    query: str
    hits: list[SearchHit]


class Statistics(Model):
    """Answer of `GET /api/bridge/statistics`. `anti_patterns`: in how many documents each was found, the
    most frequent first; `mean_quality` is None while nothing has a score; `not_understood`: lines; `parked`:
    runs that wait for a retry, as Temporal counts them, None where it does not answer."""

    documents: int
    statuses: dict[str, int]
    languages: dict[str, int]
    entities: int
    mean_quality: float | None
    not_understood: int = 0
    anti_patterns: dict[str, int]
    parked: int | None = None


class DocumentRow(Model):
    """A document in a listing."""

    document_id: DocumentId
    project_name: ProjectName
    file_path: FilePath
    version: Version
    content_hash: ContentHash
    enrichment_status: EnrichmentStatus
    enrichment_content_hash: str | None = None
    indexed_at: Timestamp
    enriched_at: Timestamp | None = None
    quality_score: float | None = None
    original_path: str | None = None
    """The path that the id was made of, where an ingest has found the file renamed since."""


class DocumentPage(Model):
    """Answer of `GET /api/bridge/documents`. `next` is the `after` of the following page, None at the end;
    `workflows`: where the Web UI lists the runs of these projects, in this status if one is asked for."""

    documents: list[DocumentRow]
    next: str | None
    workflows: str | None = None
