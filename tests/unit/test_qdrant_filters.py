"""The embedded vector server's filters take the points that qdrant-client's own reading of them takes."""

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import qdrant_edge as edge
from qdrant_client import models
from qdrant_client.local.payload_filters import calculate_payload_mask

from archon.devstack.qdrant.filters import filter_of

VALUES: list[Any] = ["p", "q", "r", None, 1, 2, 1.5, ["p", "q"], ["x", 3], [], {"p": 1}]
MANY = 60


def condition(rng: random.Random) -> Any:
    key = rng.choice(["a", "b", "a.p", "a[]", "missing"])
    return rng.choice(
        [
            models.FieldCondition(key=key, match=models.MatchValue(value=rng.choice(["p", "q", 1]))),
            models.FieldCondition(key=key, match=models.MatchAny(any=rng.choice([["p", "x"], ["q"], [1]]))),
            models.FieldCondition(key=key, match=models.MatchExcept(**{"except": ["p"]})),
            models.FieldCondition(key=key, range=models.Range(lte=1)),
            models.FieldCondition(key=key, range=models.Range(gt=0, lt=1.5)),
            models.FieldCondition(key=key, values_count=models.ValuesCount(gte=2)),
            models.IsNullCondition(is_null=models.PayloadField(key=key)),
            models.HasIdCondition(has_id=rng.sample(range(MANY), 20)),
            models.HasVectorCondition(has_vector="v"),
            models.Filter(must_not=[models.FieldCondition(key="b", match=models.MatchValue(value="p"))]),
        ]
    )


def conditions(rng: random.Random) -> Any:
    return rng.choice([None, condition(rng), [condition(rng) for _ in range(rng.randrange(1, 4))]])


@pytest.fixture(scope="module")
def points() -> list[tuple[dict[str, Any], bool]]:
    """Each one's payload, and whether it has a vector."""
    rng = random.Random(1)
    return [({"a": rng.choice(VALUES), "b": rng.choice(VALUES)}, rng.random() < 0.5) for _ in range(MANY)]


@pytest.fixture(scope="module")
def shard(
    tmp_path_factory: pytest.TempPathFactory, points: list[tuple[dict[str, Any], bool]]
) -> Iterator[edge.EdgeShard]:
    directory: Path = tmp_path_factory.mktemp("shard")
    vector = edge.EdgeVectorParams(size=1, distance=edge.Distance.Dot)
    shard = edge.EdgeShard.create(str(directory), edge.EdgeConfig(vectors={"v": vector}))
    made = [
        edge.Point(number, {"v": [1.0]} if has_vector else {}, payload)
        for number, (payload, has_vector) in enumerate(points)
    ]
    shard.update(edge.UpdateOperation.upsert_points(made))
    yield shard
    shard.close()


@pytest.mark.parametrize("seed", range(200))
def test_filters_take_the_same_points(
    shard: edge.EdgeShard, points: list[tuple[dict[str, Any], bool]], seed: int
) -> None:
    rng = random.Random(seed)
    wanted = models.Filter(must=conditions(rng), should=conditions(rng), must_not=conditions(rng))
    lacking = {"v": np.array([not has_vector for _, has_vector in points], dtype=bool)}
    ids: list[Any] = list(range(MANY))
    same = calculate_payload_mask([payload for payload, _ in points], wanted, ids, lacking)
    body = wanted.model_dump(mode="json", by_alias=True, exclude_unset=True)
    found, _ = shard.scroll(edge.ScrollRequest(limit=MANY, filter=filter_of(body)))
    assert [each.id for each in found] == np.flatnonzero(same).tolist()
