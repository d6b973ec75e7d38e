"""In: corpora. Out: the same ranks as `measure`, without a server: both searches by numpy, the product's
ranking.

Also what each part of the ranking adds: the figures without it.
"""

import math
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from archon.contracts.analysis import Chunk, Terms
from archon.contracts.identity import document_type_of
from archon.contracts.text.chunks import searchable
from archon.contracts.types import EnrichmentType
from archon.stores.vectors import ranking as weighed
from archon.stores.vectors.search import CANDIDATES, Hit, Mode, limited, ranking
from intelligence.analysis.analyser import analyse
from intelligence.embedding import terms
from intelligence.embedding import vectors as embedding
from tests.retrieval.corpus import Corpus
from tests.retrieval.measure import AT, RANKS, WAYS, Measured, by_ranks

Array = np.ndarray[Any, Any]
_DEPTH: Final = CANDIDATES
"""Of each search."""


@dataclass
class Indexed:
    """Chunks of a corpus: payloads as in the store, and both searches."""

    corpus: Corpus
    payloads: list[dict[str, Any]]
    vectors: Array
    postings: Mapping[int, tuple[Array, Array]]

    def found(self, text: str, vector: Sequence[float]) -> dict[Mode, dict[str, float]]:
        scores = self.vectors @ np.asarray(vector)
        lexical = np.zeros(len(self.payloads))
        query = terms.of_query(text)
        for index, weight in zip(query.indices, query.values, strict=True):
            if index in self.postings:
                rows, values = self.postings[index]
                lexical[rows] += weight * _rarity(len(self.payloads), len(rows)) * values
        return {Mode.LEXICAL: _best(lexical, least=0.0), Mode.DENSE: _best(scores, least=-2.0)}


def _rarity(chunks: int, having: int) -> float:
    """Qdrant's inverse document frequency."""
    return math.log((chunks - having + 0.5) / (having + 0.5) + 1)


def _best(scores: Array, least: float) -> dict[str, float]:
    order = np.argsort(-scores, kind="stable")[:_DEPTH]
    return {str(each): float(scores[each]) for each in order if scores[each] > least}


def index(of: Corpus) -> Indexed:
    payloads: list[dict[str, Any]] = []
    chunks: list[Chunk] = []
    for file, text in of.sources.items():
        kind = str(document_type_of(file, of.language))
        for chunk in searchable(analyse(text, of.language, EnrichmentType.FULL)):
            document = {
                "document_id": file,
                "file_path": file,
                "project_name": of.library,
                "document_type": kind,
            }
            payloads.append(document | chunk.model_dump(include={"symbol", "kind", "body_hash"}))
            chunks.append(chunk)
    return Indexed(of, payloads, np.array([each.embedding for each in chunks]), _postings(chunks))


def _postings(chunks: Sequence[Chunk]) -> Mapping[int, tuple[Array, Array]]:
    found: dict[int, list[tuple[int, float]]] = defaultdict(list)
    for row, chunk in enumerate(chunks):
        each = chunk.terms or Terms(indices=[], values=[])
        for term, value in zip(each.indices, each.values, strict=True):
            found[term].append((row, value))
    return {
        term: (np.array([row for row, _ in pairs]), np.array([value for _, value in pairs]))
        for term, pairs in found.items()
    }


def measure(of: Indexed, ways: Sequence[str] = WAYS) -> Measured:
    """`seconds`: of the ranking alone."""
    measured = Measured(of.corpus.library, len(of.payloads))
    for scores, payloads, (text, file, symbol) in _asked(of):
        hits: dict[str, list[Hit]] = {}
        for mode in Mode:
            if mode in ways or RANKS in ways:
                began = time.perf_counter()
                wanted = {by: each for by, each in scores.items() if mode in {Mode.COMBINED, by}}
                there = payloads if mode is Mode.COMBINED else {each: payloads[each] for each in wanted[mode]}
                hits[mode] = limited(ranking(wanted, there, text, mode), AT)
                if mode is Mode.COMBINED:
                    measured.seconds.append(time.perf_counter() - began)
        if RANKS in ways:
            hits[RANKS] = by_ranks(hits[Mode.LEXICAL], hits[Mode.DENSE])
        for way in ways:
            measured.ranks[way].append(_rank(hits[way], file, symbol))
    return measured


def _asked(of: Indexed) -> Iterator[tuple[dict[Mode, dict[str, float]], dict[str, dict[str, Any]], Any]]:
    vectors = embedding.embed_queries([query.text for query in of.corpus.queries])
    for query, vector in zip(of.corpus.queries, vectors, strict=True):
        scores = of.found(query.text, vector)
        yield scores, {each: of.payloads[int(each)] for found in scores.values() for each in found}, query


def _rank(hits: Sequence[Hit], file: str, symbol: str) -> int:
    places = [(hit.document_id, hit.payload["symbol"]) for hit in hits[:AT]]
    return places.index((file, symbol)) + 1 if (file, symbol) in places else 0


@contextmanager
def without(part: str) -> Iterator[None]:
    """The ranking without a measure or a factor."""
    before = {
        name: getattr(weighed, name)
        for name in ("SENTENCE", "IDENTIFIER", "LOOSE", "NOISE", "OTHER_KIND", "SPECIAL")
    }
    if part in before:
        setattr(weighed, part, 1.0)
    elif part != "nothing":
        weighed.SENTENCE = replace(weighed.SENTENCE, **{part: 0.0})  # type: ignore[misc]
    try:
        yield
    finally:
        for name, value in before.items():
            setattr(weighed, name, value)


PARTS: Final = ("nothing", "terms", "embedding", "name", "LOOSE", "OTHER_KIND", "NOISE", "SPECIAL")


def print_parts(indexed: Sequence[Indexed], shown: Callable[[str], None] = print) -> None:
    """The figures of the combined ranking without each part."""
    for part in PARTS:
        with without(part):
            whole = Measured.of_all([measure(each, [Mode.COMBINED]) for each in indexed])
        shown(f"without {part:12}{whole.mrr(Mode.COMBINED):>8.3f}{whole.recall(Mode.COMBINED):>6.2f}")
