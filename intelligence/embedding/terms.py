"""In: code, prose, and the names in them. Out: sparse vectors; a term's index is a 32-bit hash.

The values of a chunk are the term-frequency part of BM25; the store multiplies by the inverse document
frequency (S. Robertson and H. Zaragoza, *The Probabilistic Relevance Framework: BM25 and Beyond*, Foundations
and Trends in Information Retrieval 3(4), 2009, equation 3.15). The words of a name count several times, like
fields in BM25F (section 3.6 there). `make retrieval` tunes the numbers.
"""

from array import array
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Final, NamedTuple

from blake3 import blake3

from archon.contracts.analysis import Terms
from archon.contracts.text.words import LONGEST, identifiers, parts_of, stems_of

K1: Final = 1.6
B: Final = 0.6
MEAN_LENGTH: Final = 40.0
"""Mean number of terms of a chunk: a fixed value, because a function of one document cannot know the
corpus."""
NAME_WEIGHT: Final = 6.0
SCOPE_WEIGHT: Final = 2.0
SIGNATURE_WEIGHT: Final = 2.0
WHOLE_WEIGHT: Final = 0.5
"""Weight of a whole identifier relative to its words."""


def tokens(text: str) -> Iterator[tuple[str, float]]:
    """Terms with their weights: the stemmed words of an identifier, and the whole identifier."""
    for identifier in identifiers(text):
        yield from _terms_of(identifier)


@lru_cache(maxsize=65_536)
def _terms_of(identifier: str) -> tuple[tuple[str, float], ...]:
    found = [(stem, 1.0) for stem in stems_of(identifier)]
    if len(parts_of(identifier)) > 1 and len(identifier) <= LONGEST:
        found.append((identifier.casefold(), WHOLE_WEIGHT))
    return tuple(found)


@lru_cache(maxsize=65_536)
def _indices_of(identifier: str) -> tuple[tuple[int, float], ...]:
    return tuple((index_of(term), weight) for term, weight in _terms_of(identifier))


class Fields(NamedTuple):
    """Of a symbol: its name, the names around it, and its declaration."""

    name: str = ""
    scope: str = ""
    signature: str = ""


_WEIGHTS: Final = (NAME_WEIGHT, SCOPE_WEIGHT, SIGNATURE_WEIGHT)


def of_chunk(text: str, fields: Fields | None = None) -> Terms:
    """The sparse vector of a chunk with this text; without `fields`, the chunk is no symbol."""
    counts: dict[int, float] = defaultdict(float)
    _count(text, 1.0, counts)
    length = 1 - B + B * sum(counts.values()) / MEAN_LENGTH
    for said, weight in zip(fields or Fields(), _WEIGHTS, strict=True):
        _count(said, weight, counts)
    damping = K1 * length
    # Most terms have one of a few counts, and rounding is slow.
    values = {count: round(count * (K1 + 1) / (count + damping), 4) for count in set(counts.values())}
    return _vector({index: values[count] for index, count in counts.items()})


def of_query(text: str) -> Terms:
    """The sparse vector of a query. A word that it repeats counts once, as others do."""
    return _vector({index: weight for each in identifiers(text) for index, weight in _indices_of(each)})


def _count(text: str, weight: float, counts: dict[int, float]) -> None:
    """Adds the terms of `text`, by index. Two terms with the same index count as one."""
    for identifier in identifiers(text):
        for index, own in _indices_of(identifier):
            counts[index] += weight * own


def _vector(weights: Mapping[int, float]) -> Terms:
    indices = sorted(weights)
    values = array("f", map(weights.__getitem__, indices))
    # These values are valid by construction.
    return Terms.model_construct(indices=array("I", indices), values=values)


@lru_cache(maxsize=65_536)
def index_of(term: str) -> int:
    """Stable over processes, machines and versions: the first four bytes of the term's BLAKE3."""
    return int.from_bytes(blake3(term.encode()).digest(4))
