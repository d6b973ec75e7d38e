"""In: a collection, or a client's description of a payload index. Out: the collection's description, or the
engine's schema."""

from typing import Any, Final

import qdrant_edge as edge

from archon.devstack.qdrant.collections import Collection
from archon.devstack.qdrant.protocol import Body, NotOfferedError, only

_TYPES: Final = {
    "keyword": edge.PayloadSchemaType.Keyword,
    "integer": edge.PayloadSchemaType.Integer,
    "float": edge.PayloadSchemaType.Float,
    "bool": edge.PayloadSchemaType.Bool,
    "datetime": edge.PayloadSchemaType.Datetime,
    "uuid": edge.PayloadSchemaType.Uuid,
}


def collection(found: Collection) -> dict[str, Any]:
    """As Qdrant's `CollectionInfo`; vectors are never indexed in a graph."""
    info = found.shard.info()
    params = {name: found.parameters.get(name) for name in ("vectors", "sparse_vectors")}
    return {
        "status": "green",
        "optimizer_status": "ok",
        "points_count": info.points_count,
        "indexed_vectors_count": info.indexed_vectors_count,
        "segments_count": info.segments_count,
        "config": {
            "params": params,
            "hnsw_config": {"m": 0, "ef_construct": 0, "full_scan_threshold": 0},
            "optimizer_config": {"default_segment_number": 1, "flush_interval_sec": 30},
        },
        "payload_schema": {
            key: {"data_type": _name(index.data_type), "points": index.points}
            for key, index in info.payload_schema.items()
        },
    }


def _name(of: edge.PayloadSchemaType) -> str:
    return next(name for name, each in _TYPES.items() if each == of)


def index_schema(body: str | Body) -> "edge.PayloadSchemaType | edge.PayloadSchemaParams":
    """By the name of a type, or by its parameters. Parameters that only tune an index have no effect."""
    if isinstance(body, str):
        if body not in _TYPES:
            raise NotOfferedError(f"Not implemented: index {body}")
        return _TYPES[body]
    only(body, "type", "is_tenant", "is_principal", "lookup", "range", "on_disk", "enable_hnsw", "memory")
    if body.get("type") == "keyword" and body.get("is_tenant"):
        return edge.KeywordIndexParams(is_tenant=True)
    return index_schema(str(body["type"]))
