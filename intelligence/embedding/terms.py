"""In: code, prose, and the names in them. Out: sparse vectors, in which a term is a 32-bit hash.

A chunk's values are the term-frequency part of BM25; the inverse document frequency is the store's to
multiply with (S. Robertson and H. Zaragoza, *The Probabilistic Relevance Framework: BM25 and Beyond*,
Foundations and Trends in Information Retrieval 3(4), 2009, equation 3.15). A name's words count several
times, as fields do in BM25F (there, section 3.6). The numbers are tuned by `make retrieval`.
"""

import re
from array import array
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Final

import Stemmer
from blake3 import blake3

from archon.contracts.analysis import Terms
from intelligence.embedding.vectors import words

K1: Final = 1.6
B: Final = 0.75
MEAN_LENGTH: Final = 40.0
"""Terms of a chunk, on average: that of a corpus is not known to a function of one document alone."""
NAME_WEIGHT: Final = 6.0
SCOPE_WEIGHT: Final = 2.0
WHOLE_WEIGHT: Final = 0.5
"""Of an identifier beside the words that it is made of."""
LONGEST: Final = 64

_IDENTIFIER: Final = re.compile(r"[^\W\d_]\w*|\d+")
_NUMBER_OR_NONE: Final = re.compile(r"\d+|\D+")
_WORDS_ALONE: Final = """
    a an and are as at be by for from if in into is it its no not of on or such that the their then there
    these they this to was will with which who when return returns self cls def none
"""
_STOP: Final = frozenset(_WORDS_ALONE.split())
"""Words of English and of code that are nearly everywhere."""
_stem = Stemmer.Stemmer("english", 0).stemWord


def tokens(text: str) -> Iterator[tuple[str, float]]:
    """Terms with their weights: an identifier's words, stemmed, and the identifier as it is."""
    for identifier in _IDENTIFIER.findall(text):
        yield from _terms_of(identifier)


@lru_cache(maxsize=65_536)
def _terms_of(identifier: str) -> tuple[tuple[str, float], ...]:
    parts = [part for word in words(identifier).split() for part in _NUMBER_OR_NONE.findall(word)]
    found = [(_stem(part), 1.0) for part in parts if part not in _STOP and len(part) <= LONGEST]
    if len(parts) > 1 and len(identifier) <= LONGEST:
        found.append((identifier.lower(), WHOLE_WEIGHT))
    return tuple(found)


@lru_cache(maxsize=65_536)
def _indices_of(identifier: str) -> tuple[tuple[int, float], ...]:
    return tuple((index_of(term), weight) for term, weight in _terms_of(identifier))


def of_chunk(text: str, name: str = "", scope: str = "") -> Terms:
    """The sparse vector of a chunk with this text, whose symbol has this name in this scope."""
    counts = _counted(text)
    length = 1 - B + B * sum(counts.values()) / MEAN_LENGTH
    for said, weight in ((name, NAME_WEIGHT), (scope, SCOPE_WEIGHT)):
        for index, count in _counted(said).items():
            counts[index] += weight * count
    damping = K1 * length
    return _vector({index: count * (K1 + 1) / (count + damping) for index, count in counts.items()})


def of_query(text: str) -> Terms:
    """The sparse vector of a query: each term as often as it occurs."""
    return _vector(_counted(text))


def _counted(text: str) -> defaultdict[int, float]:
    """Terms by their index. Two of one index are taken for one."""
    counts: defaultdict[int, float] = defaultdict(float)
    for identifier, times in Counter(_IDENTIFIER.findall(text)).items():
        for index, weight in _indices_of(identifier):
            counts[index] += weight * times
    return counts


def _vector(weights: Mapping[int, float]) -> Terms:
    indices = sorted(weights)
    values = [round(weights[index], 4) for index in indices]
    # Nothing here can be what a validator would refuse.
    return Terms.model_construct(indices=array("I", indices), values=array("f", values))


@lru_cache(maxsize=65_536)
def index_of(term: str) -> int:
    """Stable over processes, machines and versions: the first four bytes of the term's BLAKE3."""
    return int.from_bytes(blake3(term.encode()).digest(4))
