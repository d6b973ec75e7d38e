"""In: updates in Qdrant's REST API. Out: checked operations for the engine.

The engine logs an operation before it checks it, and replays it after a crash. An invalid operation must not
reach the log: a sparse vector with different numbers of indices and values makes the engine panic at every
start.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import qdrant_edge as edge

from archon.devstack.qdrant.filters import filter_of
from archon.devstack.qdrant.protocol import Body, NotOfferedError, only

Operation = edge.UpdateOperation


class Schema(NamedTuple):
    """`dense`: length of each dense vector, by name; the unnamed vector is `""`."""

    dense: Mapping[str, int]
    sparse: frozenset[str]


def operation(schema: Schema, kind: str, body: Body) -> Operation:
    """`kind` as in a batch. Raises the errors of dicts, lists or numbers used as another type."""
    made = _KINDS.get(kind)
    if made is None:
        raise NotOfferedError(f"Not implemented: operation {kind}")
    return made(schema, body)


def operations(schema: Schema, batch: Body) -> list[Operation]:
    """In order. Each is an object with its kind as the only field."""
    only(batch, "operations")
    return [
        operation(schema, kind, body)
        for each in batch["operations"]
        for kind, body in each.items()
        if body is not None
    ]


def _upsert(schema: Schema, body: Body) -> Operation:
    only(body, "points", "update_filter")
    points = [
        edge.Point(each["id"], _vectors(schema, each["vector"]), each.get("payload"))
        for each in body["points"]
    ]
    return Operation.upsert_points(points, filter_of(body.get("update_filter")))


def _update_vectors(schema: Schema, body: Body) -> Operation:
    only(body, "points", "update_filter")
    points = [edge.PointVectors(each["id"], _vectors(schema, each["vector"])) for each in body["points"]]
    return Operation.update_vectors(points, filter_of(body.get("update_filter")))


def _vectors(schema: Schema, found: Any) -> "edge.Vector":
    if isinstance(found, Mapping):
        return {name: _vector(schema, name, each) for name, each in found.items()}
    return _dense(schema, "", found)


def _vector(schema: Schema, name: str, found: Any) -> "edge.NamedVector":
    return _sparse(found) if name in schema.sparse else _dense(schema, name, found)


def _dense(schema: Schema, name: str, found: Sequence[float]) -> list[float]:
    size = schema.dense.get(name)
    if size is None:
        raise ValueError(f"Not existing vector name error: {name}")
    if not isinstance(found, list) or len(found) != size:
        raise ValueError(f"Vector dimension error: expected dim: {size}, got {len(found)}")
    return found


def _sparse(found: Body) -> edge.SparseVector:
    indices, values = found["indices"], found["values"]
    if len(indices) != len(values) or len(set(indices)) != len(indices):
        raise ValueError("indices must be unique, and as many as values")
    return edge.SparseVector(indices, values)


def _delete(_: Schema, body: Body) -> Operation:
    only(body, "points", "filter")
    return _chosen(body, Operation.delete_points, Operation.delete_points_by_filter)


def _clear_payload(_: Schema, body: Body) -> Operation:
    only(body, "points", "filter")
    return _chosen(body, Operation.clear_payload, Operation.clear_payload_by_filter)


def _set_payload(_: Schema, body: Body) -> Operation:
    only(body, "payload", "points", "filter", "key")
    by_ids, by_filter = Operation.set_payload, Operation.set_payload_by_filter
    return _chosen(body, by_ids, by_filter, body["payload"], body.get("key"))


def _overwrite_payload(_: Schema, body: Body) -> Operation:
    only(body, "payload", "points", "filter")
    by_ids, by_filter = Operation.overwrite_payload, Operation.overwrite_payload_by_filter
    return _chosen(body, by_ids, by_filter, body["payload"])


def _delete_payload(_: Schema, body: Body) -> Operation:
    only(body, "keys", "points", "filter")
    return _chosen(body, Operation.delete_payload, Operation.delete_payload_by_filter, body["keys"])


def _delete_vectors(schema: Schema, body: Body) -> Operation:
    only(body, "vector", "points", "filter")
    for name in body["vector"]:
        if name not in schema.dense and name not in schema.sparse:
            raise ValueError(f"Not existing vector name error: {name}")
    return _chosen(body, Operation.delete_vectors, Operation.delete_vectors_by_filter, body["vector"])


def _chosen(
    body: Body, by_ids: Callable[..., Operation], by_filter: Callable[..., Operation], *arguments: Any
) -> Operation:
    """Selects points by id, or by a filter."""
    if body.get("points") is not None:
        return by_ids(body["points"], *arguments)
    return by_filter(filter_of(body["filter"]), *arguments)


_KINDS: Final[Mapping[str, Callable[[Schema, Body], Operation]]] = {
    "upsert": _upsert,
    "delete": _delete,
    "set_payload": _set_payload,
    "overwrite_payload": _overwrite_payload,
    "delete_payload": _delete_payload,
    "clear_payload": _clear_payload,
    "update_vectors": _update_vectors,
    "delete_vectors": _delete_vectors,
}
