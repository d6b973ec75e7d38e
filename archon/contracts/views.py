"""In: records of graph and vectors. Out: the bridge's answers: documents, listings, hits and counts."""

from typing import Any, Final, Self

from pydantic import BaseModel, ConfigDict, Field

from archon.contracts.analysis import AnalysisResult, Finding, ScorePart
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

PARTS_LIMIT: Final = 10
PLACES_LIMIT: Final = 5
FINDINGS_LIMIT: Final = 20
NAME_LIMIT: Final = 64
MESSAGE_LIMIT: Final = 200
"""Of a document's reasons: maximum numbers of parts, places of a part and findings, and of characters."""
_SEVERITIES: Final = {"error": 0, "warning": 1, "info": 2}


class EntityView(BaseModel):
    """An entity in the graph. Lines count from 1."""

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


class Reasons(Model):
    """Why a document has its scores and its findings, short enough for its node in the graph. The parts of a
    quality add up to it, beginning with 1; those of a complexity, beginning with 0. `findings`: its
    anti-patterns, the most severe first; `more_findings` counts those beyond the limit."""

    quality_parts: list[ScorePart] = Field(default_factory=list)
    complexity_parts: list[ScorePart] = Field(default_factory=list)
    findings: list[Finding] = Field(default_factory=list)
    more_findings: int = 0

    @classmethod
    def of(cls, result: AnalysisResult) -> Self:
        wanted = set(result.anti_patterns_detected)
        found = [each for each in result.findings if each.rule in wanted]
        found.sort(key=lambda each: _SEVERITIES.get(each.severity or "", len(_SEVERITIES)))
        return cls(
            quality_parts=[_short_part(each) for each in result.quality_parts[:PARTS_LIMIT]],
            complexity_parts=[_short_part(each) for each in result.complexity_parts[:PARTS_LIMIT]],
            findings=[_short(each) for each in found[:FINDINGS_LIMIT]],
            more_findings=max(0, len(found) - FINDINGS_LIMIT),
        )


def _short_part(part: ScorePart) -> ScorePart:
    return ScorePart(
        measure=part.measure[:NAME_LIMIT],
        value=part.value,
        effect=part.effect,
        places=[_short(each) for each in part.places[:PLACES_LIMIT]],
    )


def _short(finding: Finding) -> Finding:
    return Finding(
        rule=finding.rule[:NAME_LIMIT],
        line=finding.line,
        severity=finding.severity and finding.severity[:NAME_LIMIT],
        message=finding.message and finding.message[:MESSAGE_LIMIT],
        symbol=finding.symbol and finding.symbol[:MESSAGE_LIMIT],
        value=finding.value,
        limit=finding.limit,
    )


class LinkView(Model):
    """The document at the other end of an import, and the module name in the import."""

    document_id: DocumentId
    file_path: FilePath
    module: str


class StoredDocument(Model):
    """A document in the graph, with its entities in order of appearance. `imports` resolve to documents of
    the project; `modules` are the other imports."""

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
    """Time of the last POST, even with unchanged content."""
    enriched_at: Timestamp | None = None
    enrichment_content_hash: str | None = None
    analyser_version: str | None = None
    quality_score: float | None = None
    complexity_score: float | None = None
    entities_extracted: int | None = None
    not_understood: int | None = None
    """Number of lines that the parser could not read completely."""
    patterns_detected: list[str] = Field(default_factory=list)
    anti_patterns_detected: list[str] = Field(default_factory=list)
    why: Reasons | None = None
    """None if the analysis is older than reasons, or the service sends none."""
    content_preview: str = ""
    metadata: dict[str, Any] = Field(default_factory=dict)
    modules: list[str] = Field(default_factory=list)
    imports: list[LinkView] = Field(default_factory=list)
    imported_by: list[LinkView] = Field(default_factory=list)
    entities: list[EntityView] = Field(default_factory=list)
    workflow_id: str = ""
    """The run that last claimed the document; empty before the first claim."""


class DocumentView(StoredDocument):
    """Answer of `GET /api/bridge/document/{id}`: the document and links to its workflow. `waiting_for`: what
    its enrichment waits for; None while a run works on it, and after its end."""

    workflow_url: str
    waiting_for: WaitingFor | None = None


class Preview(Model):
    """The fields of a document that a listing of hits shows or needs to decide whether a hit is current."""

    id: DocumentId
    name: str
    file_path: str
    content_hash: str
    preview: str
    status: EnrichmentStatus
    indexed_at: Timestamp
    enriched_at: Timestamp | None = None


class Why(Model):
    """Why a hit was found. `parts` add up to its score: of the searches by `terms` and by `embedding`, and,
    if both are combined, of the symbol's `name`. `matched`: words of the query that the hit contains, in its
    lines, name or path."""

    parts: dict[str, float]
    matched: list[str]


class SearchHit(Model):
    """Lines that match a query: of a symbol, a section or, if `symbol` is None, other lines of the document.
    Lines count from 1, inclusive.

    `score`: 0 to 1 if both signals are combined, 1 if every part is the best; otherwise BM25 or cosine
    similarity. `fresh`: whether the hit belongs to the document's current content. `copies` and `overloads`
    count what this hit stands for: the same text elsewhere in its project, and the same name in its document.
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
    why: Why
    copies: int = 0
    overloads: int = 0
    fresh: bool
    enrichment_status: EnrichmentStatus
    enriched_at: Timestamp | None
    indexed_at: Timestamp


class SearchResults(Model):
    query: str
    hits: list[SearchHit]


class Statistics(Model):
    """Answer of `GET /api/bridge/statistics`. `anti_patterns`: number of documents with each, the most
    frequent first; `mean_quality` is None if no document has a score; `not_understood`: lines; `parked`: runs
    that wait for a retry, counted by Temporal, None if it does not answer."""

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
    """The path from which the id was derived, if an ingest found that the file was renamed."""


class DocumentPage(Model):
    """Answer of `GET /api/bridge/documents`. `next` is the `after` of the following page, None at the end;
    `workflows`: link to the runs of these projects in the Web UI, limited to the status of the query."""

    documents: list[DocumentRow]
    next: str | None
    workflows: str | None = None
