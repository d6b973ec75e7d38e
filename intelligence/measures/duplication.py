"""In: the lines of a source, without comments. Out: the lines that repeat earlier ones.

Hashes every window of fifty tokens, as in S. Schleimer et al., Winnowing: local algorithms for document
fingerprinting (SIGMOD 2003); within one document all hashes are kept, without selection.
"""

import re
from collections.abc import Sequence
from typing import Any, Final

import numpy as np

WINDOW: Final = 50
"""Tokens; each is a word, a number or a sign."""
_WINDOW_OF_TOKENS: Final = re.compile(rf"(?:\s*+(?:\w++|[^\w\s])){{{WINDOW}}}")
_TOKEN_OR_END: Final = re.compile(r"\w+|[^\w\s]|\n")
_MULTIPLIER: Final = np.uint64(0x9E3779B97F4A7C15)
_BASE: Final = np.uint64(0xD6E8FEB86659FD93)
Array = np.ndarray[Any, Any]


def has_window(text: str) -> bool:
    """Whether it has at least WINDOW tokens."""
    return _WINDOW_OF_TOKENS.match(text) is not None


def repeated_lines(lines: Sequence[str]) -> set[int]:
    """Indices of lines whose tokens are all in windows that repeat an earlier, separate window."""
    found = _TOKEN_OR_END.findall("\n".join(lines))
    identities = {token: identity for identity, token in enumerate(dict.fromkeys(["\n", *found]))}
    every = np.fromiter(map(identities.__getitem__, found), np.uint64, len(found))
    tokens = every[every != 0]
    if len(tokens) < 2 * WINDOW:
        return set()
    prints = _fingerprints(tokens)
    ordered = np.sort(prints)
    if not (ordered[1:] == ordered[:-1]).any():
        return set()
    numbers = np.cumsum(every == 0)[every != 0]
    starts = np.flatnonzero(np.diff(numbers, prepend=-1))
    covered = np.minimum.reduceat(_covered(prints), starts)
    return set(numbers[starts[covered]].tolist())


def _covered(prints: Array) -> Array:
    """For each token whether it is in a window that occurred before."""
    _, first, which = np.unique(prints, return_index=True, return_inverse=True)
    again = np.flatnonzero(np.arange(len(prints)) - first[which] >= WINDOW)
    edges = np.zeros(len(prints) + WINDOW, dtype=np.int64)
    edges[again] += 1
    edges[again + WINDOW] -= 1
    return np.cumsum(edges[:-1]) > 0


def _fingerprints(tokens: Array) -> Array:
    """A polynomial hash of each window, modulo 2^64, over well-distributed numbers."""
    spread = (tokens + np.uint64(1)) * _MULTIPLIER
    spread ^= spread >> np.uint64(29)
    prints, length = spread[:0], 0
    part, size = spread, 1
    # Combines the hashes of two halves; the halves double in length each time.
    while True:
        if WINDOW & size:
            prints, length = (_joined(part, prints, size, length), length + size) if length else (part, size)
        if length == WINDOW:
            return prints
        part, size = _joined(part, part, size, size), 2 * size


def _joined(left: Array, right: Array, left_size: int, right_size: int) -> Array:
    """The hashes of windows that consist of two adjacent parts."""
    count = len(right) - left_size
    return left[:count] * np.uint64(pow(int(_BASE), right_size, 2**64)) + right[left_size:]
