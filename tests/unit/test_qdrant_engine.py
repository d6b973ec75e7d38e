"""The embedded server's shortcuts answer as the engine itself does."""

import random
from typing import Any

import numpy as np
import pytest
from qdrant_client import models
from qdrant_client.local.payload_filters import calculate_payload_mask
from qdrant_client.local.sparse_distances import calculate_distance_sparse

from archon.devstack.qdrant_engine import payload_mask, sparse_distances

VALUES: list[Any] = ["p", "q", "r", None, 1, True, 1.5, ["p", "q"], ["x", 3], [], {"p": 1}]


def condition(rng: random.Random) -> Any:
    key = rng.choice(["a", "b", "a.p", "a[]", "missing"])
    return rng.choice(
        [
            models.FieldCondition(key=key, match=models.MatchValue(value=rng.choice(["p", "q", 1, True]))),
            models.FieldCondition(
                key=key, match=models.MatchAny(any=rng.choice([["p", "x"], ["q"], [1, 2]]))
            ),
            models.FieldCondition(key=key, match=models.MatchExcept(**{"except": ["p"]})),
            models.FieldCondition(key=key, range=models.Range(lte=1)),
            models.FieldCondition(key=key, is_empty=True),
            models.HasIdCondition(has_id=rng.sample(range(60), 20)),
            models.HasVectorCondition(has_vector="v"),
            models.Filter(must_not=[models.FieldCondition(key="b", match=models.MatchValue(value="p"))]),
        ]
    )


def conditions(rng: random.Random) -> Any:
    return rng.choice([None, condition(rng), [condition(rng) for _ in range(rng.randrange(4))]])


@pytest.mark.parametrize("seed", range(200))
def test_filters_take_the_same_points(seed: int) -> None:
    rng = random.Random(seed)
    payloads = [{"a": rng.choice(VALUES), "b": rng.choice(VALUES)} for _ in range(60)]
    deleted = {"v": np.array([rng.randrange(2) for _ in range(60)], dtype=bool)}
    asked = models.Filter(must=conditions(rng), should=conditions(rng), must_not=conditions(rng))
    ids: list[Any] = list(range(60))
    same = calculate_payload_mask(payloads, asked, ids, deleted)
    assert payload_mask(payloads, asked, ids, deleted).tolist() == same.tolist()


def vector(rng: random.Random, most: int) -> models.SparseVector:
    indices = sorted(rng.sample(range(50), rng.randrange(most)))
    return models.SparseVector(indices=indices, values=[rng.uniform(-1, 2) for _ in indices])


@pytest.mark.parametrize("empty_is_zero", [True, False])
@pytest.mark.parametrize("seed", range(20))
def test_sparse_vectors_are_as_near(seed: int, empty_is_zero: bool) -> None:
    rng = random.Random(seed)
    query, vectors = vector(rng, 8), [vector(rng, 30) for _ in range(40)]
    same = calculate_distance_sparse(query, vectors, empty_is_zero)
    assert np.array_equal(sparse_distances(query, vectors, empty_is_zero), same)
