"""In: code, prose, and the names in them. Out: sparse vectors; a term's index is a 32-bit hash.

The values of a chunk are the term-frequency part of BM25; the store multiplies by the inverse document
frequency (S. Robertson and H. Zaragoza, *The Probabilistic Relevance Framework: BM25 and Beyond*, Foundations
and Trends in Information Retrieval 3(4), 2009, equation 3.15). The words of a name count several times, like
fields in BM25F (section 3.6 there). `make retrieval` tunes the numbers.
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
"""Mean number of terms of a chunk: a fixed value, because a function of one document cannot know the
corpus."""
NAME_WEIGHT: Final = 6.0
SCOPE_WEIGHT: Final = 2.0
WHOLE_WEIGHT: Final = 0.5
"""Weight of a whole identifier relative to its words."""
LONGEST: Final = 64

_IDENTIFIER: Final = re.compile(r"[^\W\d_]\w*|\d+")
_NUMBER_OR_NONE: Final = re.compile(r"\d+|\D+")
_WORDS_ALONE: Final = """
    a an and are as at be by for from if in into is it its no not of on or such that the their then there
    these they this to was will with which who when return returns self cls def none
"""
_STOP: Final = frozenset(_WORDS_ALONE.split())
"""Stop words of English and of code."""
_stem = Stemmer.Stemmer("english", 0).stemWord


def tokens(text: str) -> Iterator[tuple[str, float]]:
    """Terms with their weights: the stemmed words of an identifier, and the whole identifier."""
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
    """The sparse vector of a query: the count of each term."""
    return _vector(_counted(text))


def _counted(text: str) -> defaultdict[int, float]:
    """Terms by index. Two terms with the same index count as one."""
    counts: defaultdict[int, float] = defaultdict(float)
    for identifier, times in Counter(_IDENTIFIER.findall(text)).items():
        for index, weight in _indices_of(identifier):
            counts[index] += weight * times
    return counts


def _vector(weights: Mapping[int, float]) -> Terms:
    indices = sorted(weights)
    values = [round(weights[index], 4) for index in indices]
    # These values are valid by construction.
    return Terms.model_construct(indices=array("I", indices), values=array("f", values))


@lru_cache(maxsize=65_536)
def index_of(term: str) -> int:
    """Stable over processes, machines and versions: the first four bytes of the term's BLAKE3."""
    return int.from_bytes(blake3(term.encode()).digest(4))
