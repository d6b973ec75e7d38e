"""In: requests that read points. Out: what the engine finds: retrieve, scroll, count, facet, nearest."""

from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.responses import Response
from pydantic import TypeAdapter
from qdrant_client import models
from qdrant_client.local.qdrant_local import QdrantLocal

from archon.devstack.qdrant_protocol import MissingError, NotOfferedError, ok, plain, refuse, require

POINTS: Final = "/collections/{name}/points"
_POINT_ID: Final[TypeAdapter[Any]] = TypeAdapter(models.ExtendedPointId)


def install_reads(app: FastAPI, engine: QdrantLocal) -> None:
    @app.post(POINTS)
    async def retrieve(name: str, request: Request) -> Response:
        require(engine, name)
        body = models.PointRequest.model_validate_json(await request.body())
        refuse(body, "shard_key")
        payload = True if body.with_payload is None else body.with_payload
        return ok(engine.retrieve(name, body.ids, payload, body.with_vector or False))

    @app.post(POINTS + "/scroll")
    async def scroll(name: str, request: Request) -> Response:
        require(engine, name)
        body = models.ScrollRequest.model_validate_json(await request.body())
        refuse(body, "shard_key", "order_by")
        payload = True if body.with_payload is None else body.with_payload
        points, after = engine.scroll(
            name,
            body.filter,
            body.limit or 10,
            offset=body.offset,
            with_payload=payload,
            with_vectors=body.with_vector or False,
        )
        return ok({"points": plain(points), "next_page_offset": after})

    @app.post(POINTS + "/count")
    async def count(name: str, request: Request) -> Response:
        require(engine, name)
        body = models.CountRequest.model_validate_json(await request.body())
        refuse(body, "shard_key")
        return ok(engine.count(name, body.filter))

    @app.post("/collections/{name}/facet")
    async def facet(name: str, request: Request) -> Response:
        require(engine, name)
        body = models.FacetRequest.model_validate_json(await request.body())
        refuse(body, "shard_key")
        return ok(engine.facet(name, body.key, body.filter, body.limit or 10))

    @app.post(POINTS + "/query")
    async def query(name: str, request: Request) -> Response:
        require(engine, name)
        return ok(_query(engine, name, models.QueryRequest.model_validate_json(await request.body())))

    @app.post(POINTS + "/query/batch")
    async def query_batch(name: str, request: Request) -> Response:
        require(engine, name)
        body = models.QueryRequestBatch.model_validate_json(await request.body())
        return ok([_query(engine, name, search) for search in body.searches])

    @app.get(POINTS + "/{point_id}")
    async def point(name: str, point_id: str) -> Response:
        require(engine, name)
        wanted = int(point_id) if point_id.isdecimal() else _POINT_ID.validate_python(point_id)
        found = engine.retrieve(name, [wanted], with_payload=True, with_vectors=True)
        if not found:
            raise MissingError(f"Not found: Point with id {point_id} does not exists!")
        return ok(found[0])


def _query(engine: QdrantLocal, name: str, body: models.QueryRequest) -> models.QueryResponse:
    refuse(body, "shard_key", "prefetch", "lookup_from")
    if not isinstance(body.query, list | models.SparseVector | models.NearestQuery):
        raise NotOfferedError("only nearest-vector queries")
    return engine.query_points(
        name,
        query=body.query,  # type: ignore[arg-type]  # the engine takes a plain vector too
        using=body.using,
        query_filter=body.filter,
        limit=body.limit or 10,
        offset=body.offset,
        with_payload=body.with_payload or False,
        with_vectors=body.with_vector or False,
        score_threshold=body.score_threshold,
    )
