"""In: the signals of a query. Out: the nearest chunks, by terms, by meaning, or both."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from qdrant_client import AsyncQdrantClient, models

from archon.contracts import names
from archon.contracts.analysis import Terms
from archon.contracts.types import Projects
from archon.runtime.telemetry import tracing
from archon.stores.vectors.collections import Collection, explained
from archon.stores.vectors.fusion import Scores, combined
from archon.stores.vectors.points import numbers, sparse, translated

PER_DOCUMENT: Final = 3
"""Maximum number of hits per document, so that one file does not fill the list."""
_CANDIDATES: Final = 100
"""Minimum number of candidates of each search before their fusion."""


class Mode(StrEnum):
    """Both signals, or only one."""

    COMBINED = "combined"
    LEXICAL = "lexical"
    DENSE = "dense"


@dataclass(frozen=True)
class Wanted:
    """The filters of the hits; `projects` None means all."""

    projects: Projects = None
    language: str | None = None
    document_type: str | None = None
    kind: str | None = None

    def corpus(self) -> models.SearchParams | None:
        """The corpus for the rarity of words: the searched projects, so that no score depends on other
        projects' contents. A server before 1.19 uses the whole collection."""
        among = self._among()
        if among is None:
            return None
        return models.SearchParams(idf=models.IdfCorpusParams(corpus=models.Filter(must=[among])))

    def filter(self) -> models.Filter | None:
        same = {"language": self.language, "document_type": self.document_type, "kind": self.kind}
        conditions: list[models.Condition] = [
            models.FieldCondition(key=key, match=models.MatchValue(value=value))
            for key, value in same.items()
            if value is not None
        ]
        among = self._among()
        if among is not None:
            conditions.append(among)
        return models.Filter(must=conditions) if conditions else None

    def _among(self) -> models.FieldCondition | None:
        if self.projects is None:
            return None
        return models.FieldCondition(key="project_name", match=models.MatchAny(any=list(self.projects)))


@dataclass(frozen=True)
class Query:
    """Both signals of a text; a service may support only one."""

    embedding: Sequence[float]
    terms: Terms | None = None


@dataclass(frozen=True)
class Hit:
    """A found chunk. `score`: 0 to 1 if two signals are combined, otherwise BM25 or the cosine."""

    chunk_id: str
    score: float
    payload: dict[str, Any]

    @property
    def document_id(self) -> str:
        return str(self.payload["document_id"])


class ChunkSearch:
    """Raises StoreError; StoreMismatchError if the collection is not the planned one."""

    def __init__(self, client: AsyncQdrantClient, wanted: Collection, url: str = "") -> None:
        self._client = client
        self._wanted = wanted
        self._span = tracing.client("qdrant", "qdrant", url)

    async def nearest(
        self, query: Query, wanted: Wanted, limit: int, mode: Mode = Mode.COMBINED
    ) -> list[Hit]:
        """Best first, at most PER_DOCUMENT of a document."""
        found = await self._found(query, wanted, max(_CANDIDATES, 4 * limit), mode)
        payloads = {str(point.id): point.payload or {} for points in found.values() for point in points}
        scores: dict[Mode, Scores] = {
            by: {str(point.id): point.score for point in points} for by, points in found.items()
        }
        return list(_limited(_ranked(scores, payloads), limit))

    async def _found(
        self, query: Query, wanted: Wanted, limit: int, mode: Mode
    ) -> dict[Mode, list[models.ScoredPoint]]:
        queries: dict[Mode, Any] = {}
        if mode is not Mode.DENSE and query.terms is not None and query.terms.indices:
            queries[Mode.LEXICAL] = (sparse(query.terms), names.VECTOR_TERMS)
        if mode is not Mode.LEXICAL:
            queries[Mode.DENSE] = (numbers(query.embedding), names.VECTOR_CONTENT)
        if not queries:
            return {}
        requests = [
            models.QueryRequest(
                query=vector,
                using=using,
                filter=wanted.filter(),
                params=wanted.corpus() if by is Mode.LEXICAL else None,
                limit=limit,
                with_payload=True,
            )
            for by, (vector, using) in queries.items()
        ]
        async with explained(self._client, [self._wanted]):
            with self._span("query"), translated():
                answers = await self._client.query_batch_points(self._wanted.name, requests)
        return {by: answer.points for by, answer in zip(queries, answers, strict=True)}


def _ranked(scores: dict[Mode, Scores], payloads: dict[str, dict[str, Any]]) -> list[Hit]:
    if len(scores) > 1:
        found: Scores = combined(scores[Mode.LEXICAL], scores[Mode.DENSE])
    else:
        found = next(iter(scores.values()), {})
    hits = [Hit(each, score, payloads[each]) for each, score in found.items()]
    return sorted(hits, key=lambda hit: (-hit.score, hit.chunk_id))


def _limited(hits: Sequence[Hit], limit: int) -> Iterator[Hit]:
    shown: Counter[str] = Counter()
    for hit in hits:
        if shown.total() == limit:
            return
        if shown[hit.document_id] < PER_DOCUMENT:
            shown[hit.document_id] += 1
            yield hit
