"""In: the results of two searches, each with its own scores. Out: one ranking.

The convex combination of scores, each normalised to 0..1 (S. Bruch, S. Gai, A. Ingber, *An Analysis of Fusion
Functions for Hybrid Retrieval*, ACM Transactions on Information Systems 42(1), 2023). `make retrieval`
compares it with reciprocal rank fusion (G. Cormack, C. Clarke, S. Büttcher, SIGIR 2009), which ignores the
distance between neighbouring scores.
"""

from collections import defaultdict
from collections.abc import Mapping
from typing import Final

LEXICAL_WEIGHT: Final = 0.55
Scores = Mapping[str, float]
"""Scores by id, from one search."""


def combined(lexical: Scores, dense: Scores, weight: float = LEXICAL_WEIGHT) -> dict[str, float]:
    """Scores by id, 0 to 1: 1 for the best result of both. If one search found nothing, the other decides
    alone."""
    parts = [(share, scores) for share, scores in ((weight, lexical), (1 - weight, dense)) if scores]
    whole = sum(share for share, _ in parts)
    found: dict[str, float] = defaultdict(float)
    # A missing term adds nothing to a BM25 score: its minimum is 0. A cosine has no such natural zero.
    for share, scores in parts:
        least = 0.0 if scores is lexical else min(scores.values())
        for each, score in _scaled(scores, least).items():
            found[each] += share / whole * score
    return dict(found)


def _scaled(scores: Scores, least: float) -> dict[str, float]:
    span = max(scores.values()) - least
    return {each: (score - least) / span if span > 0 else 1.0 for each, score in scores.items()}
