"""In: a document's text, as the intelligence API takes it. Out: what an analysis found, and its summary.

`AnalysisResult` is what `POST /process/document` answers. A service may return only the five fields of the
platform's API; everything else has a default.
"""

from typing import Annotated, Any, Final, Self

from pydantic import Field, model_validator

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

ROWS_AT_ONCE: Final = 500
"""Entities and relationships that one transaction of the graph takes; an analysis with more is large."""


class AnalysisRequest(OpenModel):
    """Body of `POST /process/document`. `content` is None where the service is to use its own copy."""

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
    """Something named in a document: a function, a class, a heading. Lines count from 1, inclusive."""

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
    """Changes when the entity's own lines do, those of entities nested in it left out; computed from the text
    where the service does not say."""


class Relationship(OpenModel):
    """`imports`: document -> module, `target` as it is written there (`..store`, `./api`, `net/http`) and
    `names` what is taken from it. `calls`: entity `source` -> entity `target`, both qualified names within
    this document. `inherits`: entity `source` -> `target`, a qualified name within this document or a name
    from elsewhere."""

    kind: Annotated[str, Field(pattern="^(imports|calls|inherits)$")]
    source: str | None = None
    target: Annotated[str, Field(min_length=1)]
    names: list[str] = Field(default_factory=list)
    line: Line | None = None


class Finding(OpenModel):
    """One occurrence of a pattern or anti-pattern; `rule` is the rule's id."""

    rule: Annotated[str, Field(min_length=1)]
    line: Line | None = None
    severity: str | None = None
    message: str | None = None


class Terms(OpenModel):
    """A sparse vector: of each term its index, a 32-bit number, and its weight."""

    indices: Indices
    values: Vector

    @model_validator(mode="after")
    def _paired(self) -> Self:
        if len(self.indices) != len(self.values) or len(set(self.indices)) != len(self.indices):
            raise ValueError("indices must be unique, and as many as values")
        return self


class Chunk(OpenModel):
    """What search finds: a symbol's own lines, or lines of the document that are no symbol's.

    Lines count from 1, inclusive. It is found by `embedding`, dense and of unit length, and `terms`, sparse.
    """

    symbol: str | None = None
    """Its qualified name; None for the document's own lines."""
    kind: Annotated[str, Field(min_length=1, max_length=64)] = "document"
    ordinal: Count = 0
    """Tells chunks of the same kind and symbol apart."""
    start_line: Line
    end_line: Line
    embedding: Vector | None = None
    terms: Terms | None = None


class AnalysisResult(OpenModel):
    """What an analysis found. Scores are 0..1; `patterns_detected` and `anti_patterns_detected` hold rule
    ids, each once; a score is None where it has no meaning for the document."""

    entities_extracted: Count
    quality_score: Score | None
    complexity_score: Score | None
    patterns_detected: list[str]
    anti_patterns_detected: list[str]
    language: Language | None = None
    """The language that the text was read as, which becomes the document's; None leaves it as it is."""
    entities: list[Entity] = Field(default_factory=list)
    relationships: list[Relationship] = Field(default_factory=list)
    findings: list[Finding] = Field(default_factory=list)
    embedding: Vector | None = None
    chunks: list[Chunk] = Field(default_factory=list)
    analyser_version: str = "unknown"
    statistics: dict[str, float] = Field(default_factory=dict)
    not_understood: Annotated[int, Field(ge=0)] = 0
    """Lines of which nothing, or not all, could be read: what stands there may be missing above."""


class Assessment(AnalysisResult):
    """What `POST /assess/code` answers: scores, patterns and anti-patterns."""

    entities_extracted: Count = 0


class Extraction(AnalysisResult):
    """What `POST /extract/code` answers: entities and relationships."""

    quality_score: Score | None = None
    complexity_score: Score | None = None
    patterns_detected: list[str] = Field(default_factory=list)
    anti_patterns_detected: list[str] = Field(default_factory=list)


class AnalysisSummary(Model):
    """The few hundred bytes of an analysis that a workflow sees; `result_ref` leads to the whole."""

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
    """Whether a store takes it in several writes, each of which may have to wait."""


class ServiceVersion(OpenModel):
    """Answer of `GET /version`. `path_free`: results do not depend on the document's path or id, so that
    equal content may share one analysis. `simulated_latency`: seconds by which answers are made slower."""

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
    """Answer of `POST /embed`: one vector a text, in order, and the same of terms, as a query has them; a
    service may do without terms."""

    embeddings: list[Vector]
    terms: list[Terms] | None = None
