"""In: words. Out: the bundled model's vector of a text with these words: the mean of its tokens' vectors.

WordLlama's tokenizer never joins tokens across a blank, so a word has the same tokens in every text, and is
tokenized only once.
"""

import math
import threading
from array import array
from collections.abc import Collection, Iterable, Sequence
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any, Final

import numpy as np

from archon.contracts.packed import Vector

WORDS_LIMIT: Final = 65_536
LOUDNESS: Final = 0.7
"""Power of the length of a token's vector: at 1 a mean is the model's own, at 0 all tokens count the same."""
_AT_ONCE: Final = 256
_BLANK: Final = "\N{LOWER ONE EIGHTH BLOCK}"
"""Prefix of a word's first token; its other tokens do not have it."""
Array = np.ndarray[Any, Any]


class Vocabulary:
    """Caches the tokens of up to `limit` words."""

    def __init__(self, tokenizer: Any, vectors: Array, limit: int = WORDS_LIMIT) -> None:
        self._tokenizer = tokenizer
        self._vectors = vectors
        self._limit = limit
        self._tokens: dict[str, list[int]] = {}
        self._lock = threading.Lock()
        pieces = tokenizer.get_vocab()
        self._begins = np.zeros(max(pieces.values()) + 1, dtype=bool)
        self._begins[[number for piece, number in pieces.items() if piece.startswith(_BLANK)]] = True

    def embed(self, texts: Sequence[Sequence[str]]) -> list[Vector]:
        """A vector of unit length for each text, given as its words, at least one."""
        with self._lock:
            self._learn({word for text in texts for word in text})
            tokens = [list(chain.from_iterable(map(self._tokens.__getitem__, text))) for text in texts]
        return [self._vector(each) for each in tokens]

    def embed_query(self, words: Sequence[str], half: float) -> Vector:
        """At least one word. An earlier word counts more: the one after `half` others counts half."""
        with self._lock:
            self._learn(set(words))
            tokens = [self._tokens[word] for word in words]
        rows = [self._vectors.take(each, axis=0).sum(axis=0) for each in tokens]
        return _unit(np.array([row / (1 + place / half) for place, row in enumerate(rows)]))

    def _vector(self, tokens: Sequence[int]) -> Vector:
        return _unit(self._vectors.take(tokens, axis=0))

    def _learn(self, words: Collection[str]) -> None:
        new = [word for word in words if word not in self._tokens]
        if len(self._tokens) + len(new) > self._limit:
            self._tokens.clear()
            new = list(words)
        for start in range(0, len(new), _AT_ONCE):
            group = new[start : start + _AT_ONCE]
            self._tokens.update(zip(group, self._taken_apart(group), strict=True))

    def _taken_apart(self, words: Iterable[str]) -> list[list[int]]:
        found = np.array(self._tokenizer.encode(" ".join(words), add_special_tokens=False).ids)
        starts = np.flatnonzero(self._begins[found])
        return [part.tolist() for part in np.split(found, starts[1:])]


def between(vectors: Sequence[Vector]) -> Vector:
    """The vector of unit length in the middle of these."""
    return vectors[0] if len(vectors) == 1 else _unit(np.array(vectors))


def _unit(rows: Array) -> Vector:
    # Sum and mean have the same direction.
    total = np.add.reduce(rows, axis=0)
    return array("f", (total / math.sqrt(total @ total)).tobytes())


@cache
def bundled() -> Vocabulary:
    import wordllama  # noqa: PLC0415  its import sets up logging, which is the process's own to do

    # Without this argument the package looks for its tokenizer in the wrong folder.
    model = wordllama.WordLlama.load(cache_dir=Path(wordllama.__file__).parent, disable_download=True)
    return Vocabulary(model.tokenizer, _softened(model.embedding))


def _softened(vectors: Array) -> Array:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors * np.where(lengths > 0, lengths, 1) ** (LOUDNESS - 1)
