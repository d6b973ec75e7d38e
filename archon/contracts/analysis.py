"""In: a document's text, as the intelligence API takes it. Out: the analysis result and its summary.

`AnalysisResult` is the answer of `POST /process/document`. A service may return only the five fields of the
platform's API; every other field has a default.
"""

from typing import Annotated, Any, Final, Self

from pydantic import Field, model_validator

from archon.contracts.code.packing import PACKED_CHARACTERS
from archon.contracts.identity import Language
from archon.contracts.packed import Indices, Vector
from archon.contracts.types import (
    ContentHash,
    Count,
    DocumentId,
    DocumentType,
    EnrichmentType,
    FilePath,
    Line,
    Model,
    OpenModel,
    ProjectName,
    Score,
)

Figure = Annotated[float, Field(allow_inf_nan=False)]
ROWS_AT_ONCE: Final = 500
"""Maximum number of entities and relationships in one graph transaction; an analysis with more is *large*."""


class AnalysisRequest(OpenModel):
    """Body of `POST /process/document`. If `content` is None, the service uses its own copy."""

    document_id: DocumentId
    project_name: ProjectName
    file_path: FilePath
    document_type: DocumentType = DocumentType.OTHER
    language: str | None = None
    enrichment_type: EnrichmentType = EnrichmentType.FULL
    content_hash: ContentHash
    content: str | None = None
    metadata: dict[str, Any] = Field(default_factory=dict)


class Entity(OpenModel):
    """Something that a document names: a function, a class, a heading. Lines count from 1, inclusive."""

    kind: Annotated[str, Field(min_length=1, max_length=64)]
    name: Annotated[str, Field(min_length=1)]
    qualified_name: Annotated[str, Field(min_length=1)]
    ordinal: Count = 0
    """Distinguishes entities of the same kind and qualified name, in order of appearance."""
    start_line: Line
    end_line: Line
    signature: str | None = None
    documentation: str | None = None
    confidence: Score = 1.0
    body_hash: Annotated[str, Field(min_length=1, max_length=128)] | None = None
    """Hash of the entity's own lines, without the lines of nested entities. Computed from the text if the
    service does not send it."""


class Relationship(OpenModel):
    """A reference from the document or one of its entities.

    `imports`: document -> module; `target` is spelled as in the source (`..store`, `./api`, `net/http`),
    `names` are the imported names. `calls`: entity `source` -> entity `target`, both qualified names in this
    document. `inherits`: entity `source` -> `target`, a qualified name in this document or a name from
    another one.
    """

    kind: Annotated[str, Field(pattern="^(imports|calls|inherits)$")]
    source: str | None = None
    target: Annotated[str, Field(min_length=1)]
    names: list[str] = Field(default_factory=list)
    line: Line | None = None


class Finding(OpenModel):
    """One occurrence of a pattern or anti-pattern, or a place that lowers a score; `rule` is the id of the
    rule, or the measure. Where a measure is beyond its limit, `value` and `limit` say how far."""

    rule: Annotated[str, Field(min_length=1)]
    line: Line | None = None
    severity: str | None = None
    message: str | None = None
    symbol: str | None = None
    """Qualified name of the innermost symbol with this line."""
    value: Figure | None = None
    limit: Figure | None = None


class ScorePart(OpenModel):
    """What one measure adds to a score: `value` is that of the statistics. A quality is 1 plus the effects of
    its parts, a complexity their sum. `places`: the worst lines."""

    measure: Annotated[str, Field(min_length=1)]
    value: Figure
    effect: Figure
    places: list[Finding] = Field(default_factory=list)


class Terms(OpenModel):
    """A sparse vector: the 32-bit index of each term and its weight."""

    indices: Indices
    values: Vector

    @model_validator(mode="after")
    def _paired(self) -> Self:
        if len(self.indices) != len(self.values) or len(set(self.indices)) != len(self.indices):
            raise ValueError("indices must be unique, and as many as values")
        return self


class Chunk(OpenModel):
    """A search result unit: the own lines of a symbol, or lines of the document that belong to no symbol.

    Lines count from 1, inclusive. Search matches `embedding` (dense, unit length) and `terms` (sparse).
    """

    symbol: str | None = None
    """Qualified name of the symbol; None for lines that belong to no symbol."""
    kind: Annotated[str, Field(min_length=1, max_length=64)] = "document"
    ordinal: Count = 0
    """Distinguishes chunks with the same kind and symbol."""
    start_line: Line
    end_line: Line
    start_column: Annotated[int, Field(ge=1)] | None = None
    """Where the symbol begins in its first line, in characters from 1; None if the whole line is meant."""
    body_hash: Annotated[str, Field(min_length=1, max_length=128)] | None = None
    """Hash of the chunk's text without indentation; equal for copies, of which search shows one."""
    embedding: Vector | None = None
    terms: Terms | None = None


class AnalysisResult(OpenModel):
    """The result of an analysis. Scores range from 0 to 1; a score is None if it does not apply to the
    document. `patterns_detected` and `anti_patterns_detected` hold each rule id once."""

    entities_extracted: Count
    quality_score: Score | None
    complexity_score: Score | None
    patterns_detected: list[str]
    anti_patterns_detected: list[str]
    quality_parts: list[ScorePart] = Field(default_factory=list)
    complexity_parts: list[ScorePart] = Field(default_factory=list)
    language: Language | None = None
    """The language in which the service read the text. It becomes the document's language; None leaves that
    unchanged."""
    entities: list[Entity] = Field(default_factory=list)
    relationships: list[Relationship] = Field(default_factory=list)
    findings: list[Finding] = Field(default_factory=list)
    embedding: Vector | None = None
    chunks: list[Chunk] = Field(default_factory=list)
    analyser_version: str = "unknown"
    statistics: dict[str, float] = Field(default_factory=dict)
    not_understood: Annotated[int, Field(ge=0)] = 0
    """Number of lines that the parser could not read completely; the results above may miss what they
    contain."""
    code_map: Annotated[str, Field(max_length=PACKED_CHARACTERS)] | None = None
    """The document's code map, as `archon.contracts.code.packing.pack` writes it; None if the service sends
    none."""


class Assessment(AnalysisResult):
    """Answer of `POST /assess/code`: scores, patterns and anti-patterns."""

    entities_extracted: Count = 0


class Extraction(AnalysisResult):
    """Answer of `POST /extract/code`: entities and relationships."""

    quality_score: Score | None = None
    complexity_score: Score | None = None
    patterns_detected: list[str] = Field(default_factory=list)
    anti_patterns_detected: list[str] = Field(default_factory=list)


class AnalysisSummary(Model):
    """The part of an analysis that a workflow sees, a few hundred bytes; `result_ref` refers to the full
    result."""

    result_ref: str
    entities_extracted: int
    quality_score: float | None = None
    complexity_score: float | None = None
    patterns_detected: list[str] = Field(default_factory=list)
    anti_patterns_detected: list[str] = Field(default_factory=list)
    analyser_version: str
    has_embedding: bool
    cached: bool = False
    large: bool = False
    """Whether a store needs several transactions for it."""


class ServiceVersion(OpenModel):
    """Answer of `GET /version`.

    `path_free`: results do not depend on the document's path or id, so documents with equal content may share
    one analysis. `simulated_latency`: artificial delay of each answer, in seconds.
    """

    name: str = "intelligence"
    version: str = "unknown"
    analyser_version: str = "unknown"
    path_free: bool = False
    embedding_dimensions: int | None = None
    simulated_latency: float = 0


class EmbedRequest(Model):
    """Body of `POST /embed`."""

    texts: Annotated[list[str], Field(min_length=1, max_length=256)]


class EmbedResponse(OpenModel):
    """Answer of `POST /embed`: one dense vector for each text, in order, and one sparse query vector for each
    text. A service may omit the sparse vectors."""

    embeddings: list[Vector]
    terms: list[Terms] | None = None
