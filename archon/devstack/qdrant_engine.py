"""In: qdrant-client's local engine. Out: the same, but quicker at filters and sparse vectors.

It looks at every point in Python. What it asks of each is answered here by a plain comparison where that is
all it takes, and by its own code otherwise; a sparse vector is searched for the query's few terms rather than
walked through.
"""

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np
from qdrant_client import models
from qdrant_client.local import local_collection
from qdrant_client.local.payload_filters import calculate_payload_mask
from qdrant_client.local.qdrant_local import QdrantLocal

Payload = Mapping[str, Any]
_MISSING: Final = np.float32("-inf")
"""What the engine makes of two vectors without a common term."""


def engine_at(path: str) -> QdrantLocal:
    """The engine over the files under `path`."""
    vars(local_collection).update(
        calculate_payload_mask=payload_mask, calculate_distance_sparse=sparse_distances
    )
    return QdrantLocal(location=path)


def payload_mask(
    payloads: list[dict[str, Any]],
    payload_filter: models.Filter | None,
    ids_inv: list[models.ExtendedPointId],
    deleted_per_vector: dict[str, Any],
) -> Any:
    """Which points the filter takes: those that pass its plain conditions are asked all of it."""
    plain = [test for each in _musts(payload_filter) if (test := _plain(each)) is not None]
    if not plain:
        return calculate_payload_mask(payloads, payload_filter, ids_inv, deleted_per_vector)
    taken: Sequence[int] = range(len(payloads))
    for test in plain:
        taken = [number for number in taken if test(payloads[number])]
    mask = np.zeros(len(payloads), dtype=bool)
    chosen = calculate_payload_mask(
        [payloads[number] for number in taken],
        _without_plain(payload_filter),
        [ids_inv[number] for number in taken],
        {name: deleted[list(taken)] for name, deleted in deleted_per_vector.items()},
    )
    mask[list(taken)] = chosen
    return mask


def sparse_distances(
    query: models.SparseVector, vectors: Sequence[models.SparseVector], empty_is_zero: bool = False
) -> Any:
    """Dot products; both sides' indices are in order."""
    terms = list(zip(query.indices, query.values, strict=True))
    none = np.float32(0.0) if empty_is_zero else _MISSING
    return np.array([_dot(terms, each.indices, each.values, none) for each in vectors], dtype=np.float32)


def _dot(terms: Sequence[tuple[int, float]], indices: list[int], values: list[float], none: Any) -> Any:
    total, common, end = 0.0, False, len(indices)
    for index, value in terms:
        place = bisect_left(indices, index)
        if place < end and indices[place] == index:
            total += value * values[place]
            common = True
    return total if common else none


def _musts(payload_filter: models.Filter | None) -> Sequence[Any]:
    must = payload_filter.must if payload_filter is not None else None
    return must if isinstance(must, list) else [must] if must is not None else []


def _plain(condition: Any) -> Callable[[Payload], bool] | None:
    """A field that is no path and must be one of some texts."""
    if not isinstance(condition, models.FieldCondition) or not condition.key.isidentifier():
        return None
    match condition.match:
        case models.MatchValue(value=str() as value):
            wanted = frozenset({value})
        case models.MatchAny(any=list() as values) if all(isinstance(each, str) for each in values):
            wanted = frozenset(map(str, values))
        case _:
            return None
    if set(condition.model_dump(exclude_none=True)) != {"key", "match"}:
        return None
    return lambda payload: _matches(payload.get(condition.key), wanted)


def _matches(value: Any, wanted: frozenset[str]) -> bool:
    if isinstance(value, list):
        return any(isinstance(each, str) and each in wanted for each in value)
    return isinstance(value, str) and value in wanted


def _without_plain(payload_filter: models.Filter | None) -> models.Filter | None:
    assert payload_filter is not None
    rest = [each for each in _musts(payload_filter) if _plain(each) is None]
    left = payload_filter.model_copy(update={"must": rest or None})
    return left if left.model_dump(exclude_none=True) else None
