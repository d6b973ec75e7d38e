"""In: corpora. Out: the rank of the expected result of each query, by each signal and by both.

Uses the product's analyser, chunks, collection and queries; a project for each library.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import fmean, quantiles
from uuid import NAMESPACE_URL, uuid5

from archon.contracts.identity import content_hash, document_type_of
from archon.contracts.text.chunks import searchable
from archon.contracts.types import EnrichmentStatus, EnrichmentType
from archon.stores.vectors import search as chunk_search
from archon.stores.vectors.search import ChunkSearch, Hit, Mode, Wanted
from archon.stores.vectors.store import VectorStore
from intelligence.analysis.analyser import analyse
from intelligence.embedding import terms
from intelligence.embedding import vectors as embedding
from tests import factories
from tests.retrieval.corpus import Corpus, Query

AT = 10
"""Ranks that count."""
RANK_CONSTANT = 60
RANKS = "ranks"
"""Reciprocal rank fusion, for comparison; the product does not use it."""
WAYS = (*map(str, Mode), RANKS)


@dataclass
class Measured:
    """`ranks`: of each query, by mode; 0 if it is not among the first. `seconds`: of each combined search,
    without the embedding."""

    library: str
    chunks: int = 0
    ranks: dict[str, list[int]] = field(default_factory=lambda: {way: [] for way in WAYS})
    seconds: list[float] = field(default_factory=list)

    def mrr(self, way: str) -> float:
        """Mean reciprocal rank: E. Voorhees, *The TREC-8 Question Answering Track Report*, 1999."""
        return fmean(1 / rank if rank else 0.0 for rank in self.ranks[way])

    def recall(self, way: str) -> float:
        return fmean(rank > 0 for rank in self.ranks[way])

    def p95(self) -> float:
        return quantiles(self.seconds, n=20)[-1]

    @classmethod
    def of_all(cls, measured: Sequence["Measured"]) -> "Measured":
        whole = cls("all", sum(each.chunks for each in measured))
        for each in measured:
            whole.seconds += each.seconds
            for way in WAYS:
                whole.ranks[way] += each.ranks[way]
        return whole


async def index(vectors: VectorStore, of: Corpus) -> int:
    """Number of chunks."""
    chunks = 0
    for file, text in of.sources.items():
        found = analyse(text, of.language, EnrichmentType.FULL)
        request = factories.request(
            of.library,
            document_id=_id(of, file),
            file_path=file,
            content_hash=content_hash(text),
            language=of.language,
            document_type=document_type_of(file, of.language),
        )
        searched = searchable(found)
        assert await vectors.write(
            factories.step(request), EnrichmentStatus.COMPLETED, found.embedding, searched
        )
        chunks += len(searched)
    return chunks


async def measure(search: ChunkSearch, of: Corpus, chunks: int) -> Measured:
    measured = Measured(of.library, chunks)
    vectors = embedding.embed_queries([query.text for query in of.queries])
    wanted = Wanted([of.library])
    for query, vector in zip(of.queries, vectors, strict=True):
        signals = chunk_search.Query(vector, terms.of_query(query.text), query.text)
        found: dict[str, list[Hit]] = {}
        for mode in Mode:
            began = time.perf_counter()
            found[mode] = await search.nearest(signals, wanted, AT, mode)
            if mode is Mode.COMBINED:
                measured.seconds.append(time.perf_counter() - began)
        found[RANKS] = by_ranks(found[Mode.LEXICAL], found[Mode.DENSE])
        for way in WAYS:
            measured.ranks[way].append(_rank(found[way], of, query))
    return measured


def by_ranks(*lists: Sequence[Hit]) -> list[Hit]:
    """G. Cormack, C. Clarke, S. Büttcher, *Reciprocal Rank Fusion Outperforms Condorcet and Individual Rank
    Learning Methods*, SIGIR 2009."""
    scores: dict[str, float] = {}
    for hits in lists:
        for rank, hit in enumerate(hits, 1):
            scores[hit.chunk_id] = scores.get(hit.chunk_id, 0.0) + 1 / (RANK_CONSTANT + rank)
    known = {hit.chunk_id: hit for hits in lists for hit in hits}
    return [known[each] for each in sorted(scores, key=lambda each: -scores[each])]


def _rank(hits: Sequence[Hit], of: Corpus, query: Query) -> int:
    wanted = (_id(of, query.file), query.symbol)
    ranked = [(hit.document_id, hit.payload["symbol"]) for hit in hits[:AT]]
    return ranked.index(wanted) + 1 if wanted in ranked else 0


def _id(of: Corpus, file: str) -> str:
    return str(uuid5(NAMESPACE_URL, f"{of.library}/{file}"))
