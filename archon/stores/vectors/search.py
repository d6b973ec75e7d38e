"""In: the signals of a query. Out: the nearest chunks, by terms, by meaning, or both."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Final

from qdrant_client import AsyncQdrantClient, models

from archon.contracts import names
from archon.contracts.analysis import Terms
from archon.contracts.types import Projects
from archon.runtime.telemetry import tracing
from archon.stores.vectors.collections import Collection, explained
from archon.stores.vectors.points import numbers, sparse, translated
from archon.stores.vectors.ranking import Scores, ranked

PER_DOCUMENT: Final = 3
"""Number of hits that a document may always have. Of a longer list, it may have half, so that one file does
not fill it."""
CANDIDATES: Final = 100
"""Minimum number of candidates of each search before the ranking."""


class Mode(StrEnum):
    """Both signals, or only one."""

    COMBINED = "combined"
    LEXICAL = "lexical"
    DENSE = "dense"


_MEASURES: Final = {Mode.LEXICAL: "terms", Mode.DENSE: "embedding"}
"""The name of each search in a hit's parts."""


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
    """Both signals of a text; a service may support only one. `text` is compared with names and paths."""

    embedding: Sequence[float]
    terms: Terms | None = None
    text: str = ""


@dataclass(frozen=True)
class Hit:
    """A found chunk. `score`: 0 to 1 if two signals are combined, otherwise BM25 or the cosine; `parts` add
    up to it. `copies`: lower-ranked candidates with the same text; `overloads`: with the same name in the
    same document."""

    chunk_id: str
    score: float
    payload: Mapping[str, Any]
    parts: Mapping[str, float] = field(default_factory=dict)
    copies: int = 0
    overloads: int = 0

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
        """Best first; `limited` says which candidates are no hits of their own."""
        found = await self._found(query, wanted, max(CANDIDATES, 4 * limit), mode)
        payloads = {str(point.id): point.payload or {} for points in found.values() for point in points}
        scores = {by: {str(point.id): point.score for point in points} for by, points in found.items()}
        return limited(ranking(scores, payloads, query.text, mode), limit)

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


def ranking(
    scores: Mapping[Mode, Scores], payloads: Mapping[str, Mapping[str, Any]], text: str, mode: Mode
) -> list[Hit]:
    """All candidates, best first: one search by its own scores, or both combined."""
    by_measure = {_MEASURES[by]: each for by, each in scores.items()}
    if mode is Mode.COMBINED:
        found = ranked(by_measure, payloads, text)
        return [Hit(each, sum(parts.values()), payloads[each], parts) for each, parts in found.items()]
    hits = [
        Hit(each, score, payloads[each], {name: score})
        for name, found in by_measure.items()
        for each, score in found.items()
    ]
    return sorted(hits, key=lambda hit: (-hit.score, hit.chunk_id))


def limited(hits: Sequence[Hit], limit: int) -> list[Hit]:
    """The first hits. A copy of an earlier hit in its project, and an overload in its document, are only
    counted; a document has at most PER_DOCUMENT hits or half of the list."""
    most = max(PER_DOCUMENT, limit // 2)
    shown: Counter[str] = Counter()
    places: dict[tuple[Any, ...] | None, int] = {}
    kept: list[Hit] = []
    for hit in hits:
        overload, copy = _same(hit)
        place = next((places[key] for key in (overload, copy) if key is not None and key in places), None)
        if place is not None:
            counted = "overloads" if overload in places else "copies"
            kept[place] = replace(kept[place], **{counted: getattr(kept[place], counted) + 1})
            places.update({key: place for key in (overload, copy) if key is not None and key not in places})
        elif len(kept) < limit and shown[hit.document_id] < most:
            shown[hit.document_id] += 1
            places |= {key: len(kept) for key in (overload, copy) if key is not None}
            kept.append(hit)
    return kept


def _same(hit: Hit) -> tuple[tuple[Any, ...] | None, tuple[Any, ...] | None]:
    """Keys of the hit's overloads and of its copies."""
    payload = hit.payload
    symbol, body = payload.get("symbol"), payload.get("body_hash")
    overload = (hit.document_id, payload.get("kind"), symbol) if symbol is not None else None
    return overload, (payload.get("project_name"), body) if body is not None else None
