"""In: read requests, and a collection's shard. Out: the engine's results, ready for JSON."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import qdrant_edge as edge

from archon.devstack.qdrant.filters import filter_of
from archon.devstack.qdrant.protocol import Body, NotOfferedError, engine_errors, only, reading

_LIMIT: Final = 10


def retrieve(shard: edge.EdgeShard, body: Body) -> Any:
    with reading():
        only(body, "ids", "with_payload", "with_vector")
        payload, vector = _payload(body.get("with_payload"), default=True), body.get("with_vector") or False
        with engine_errors():
            found = shard.retrieve(body["ids"], payload, vector)
    return [_record(each) for each in found]


def scroll(shard: edge.EdgeShard, body: Body) -> Any:
    with reading():
        only(body, "filter", "limit", "offset", "with_payload", "with_vector")
        request = edge.ScrollRequest(
            offset=body.get("offset"),
            limit=body.get("limit") or _LIMIT,
            filter=filter_of(body.get("filter")),
            with_payload=_payload(body.get("with_payload"), default=True),
            with_vector=body.get("with_vector") or False,
        )
    with engine_errors():
        points, after = shard.scroll(request)
    return {"points": [_record(each) for each in points], "next_page_offset": after}


def count(shard: edge.EdgeShard, body: Body) -> Any:
    with reading():
        only(body, "filter", "exact")
        request = edge.CountRequest(exact=True, filter=filter_of(body.get("filter")))
    with engine_errors():
        return {"count": shard.count(request)}


def facet(shard: edge.EdgeShard, body: Body) -> Any:
    with reading():
        only(body, "key", "filter", "limit", "exact")
        request = edge.FacetRequest(
            body["key"], body.get("limit") or _LIMIT, exact=True, filter=filter_of(body.get("filter"))
        )
    with engine_errors():
        hits = shard.facet(request).hits
    # The engine also returns values whose points are all deleted.
    return {"hits": [{"value": hit.value, "count": hit.count} for hit in hits if hit.count]}


def query(shard: edge.EdgeShard, body: Body) -> Any:
    return _queried(shard, [body])[0]


def query_batch(shard: edge.EdgeShard, body: Body) -> Any:
    with reading():
        only(body, "searches")
        return _queried(shard, body["searches"])


def _queried(shard: edge.EdgeShard, bodies: Sequence[Body]) -> list[Any]:
    with reading():
        batch = edge.QueryBatchRequest([_nearest(body) for body in bodies])
    with engine_errors():
        found = shard.query_batch(batch)
    return [{"points": [_scored(each) for each in points]} for points in found]


def _nearest(body: Body) -> edge.QueryRequest:
    only(
        body,
        *("query", "using", "filter", "limit", "offset", "score_threshold"),
        *("with_payload", "with_vector", "params"),
    )
    return edge.QueryRequest(
        limit=body.get("limit") or _LIMIT,
        offset=body.get("offset"),
        query=edge.Query.Nearest(_vector(body["query"]), using=body.get("using")),
        filter=filter_of(body.get("filter")),
        score_threshold=body.get("score_threshold"),
        with_payload=_payload(body.get("with_payload"), default=False),
        with_vector=body.get("with_vector") or False,
        params=_params(body.get("params") or {}),
    )


def _params(body: Body) -> edge.SearchParams | None:
    """Every search is exact."""
    only(body, "exact", "hnsw_ef", "idf")
    idf = body.get("idf")
    if idf is None or idf == "global":
        return None
    only(idf, "corpus")
    return edge.SearchParams(idf=edge.IdfParams(filter_of(idf["corpus"])))


def _vector(found: Any) -> "edge.NamedVector":
    if isinstance(found, Mapping):
        if set(found) == {"nearest"}:
            return _vector(found["nearest"])
        if set(found) != {"indices", "values"}:
            raise NotOfferedError(f"Not implemented: query {', '.join(found)}")
        if len(found["indices"]) != len(found["values"]):
            raise ValueError("there must be as many indices as values")
        return edge.SparseVector(found["indices"], found["values"])
    if not isinstance(found, list):
        raise NotOfferedError("Not implemented: a query that is no vector")
    return found


def _payload(wanted: Any, *, default: bool) -> "edge.WithPayloadType":
    if wanted is None:
        return default
    if isinstance(wanted, Mapping):
        ((how, fields),) = wanted.items()
        select = edge.PayloadSelector.Include if how == "include" else edge.PayloadSelector.Exclude
        return select(fields)
    return wanted  # type: ignore[no-any-return]  # true, false or names


def _record(point: edge.Record) -> dict[str, Any]:
    shown: dict[str, Any] = {"id": point.id}
    if point.payload is not None:
        shown["payload"] = point.payload
    if point.vector is not None:
        shown["vector"] = _plain(point.vector)
    return shown


def _scored(point: edge.ScoredPoint) -> dict[str, Any]:
    shown: dict[str, Any] = {"id": point.id, "version": point.version, "score": point.score}
    if point.payload is not None:
        shown["payload"] = point.payload
    if point.vector is not None:
        shown["vector"] = _plain(point.vector)
    return shown


def _plain(vector: Any) -> Any:
    if isinstance(vector, Mapping):
        return {name: _plain(each) for name, each in vector.items()}
    if isinstance(vector, edge.SparseVector):
        return {"indices": vector.indices, "values": vector.values}
    return vector
