"""In: Qdrant's REST API, as far as our client uses it. Out: answers from qdrant-client's own engine.

A route or option that the engine lacks is answered with 501, never with a plausible nothing. Protocol:
Qdrant 1.16 REST; bodies are parsed by the client's own models. Start: `python -m ... --port P --path DIR`.
"""

import argparse
import time
from collections.abc import Callable
from http import HTTPStatus
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, TypeAdapter, ValidationError
from qdrant_client import models
from qdrant_client.local.qdrant_local import QdrantLocal

VERSION: Final = version("qdrant-client")
_COLLECTION: Final = "/collections/{name}"
_POINTS: Final = "/collections/{name}/points"
_INSERT: Final[TypeAdapter[Any]] = TypeAdapter(models.PointInsertOperations)
_SELECTOR: Final[TypeAdapter[Any]] = TypeAdapter(models.PointsSelector)
_POINT_ID: Final[TypeAdapter[Any]] = TypeAdapter(models.ExtendedPointId)


class NotOfferedError(Exception):
    """The request asks for something that this server does not do."""


class MissingError(Exception):
    """There is no such collection or point."""


def create_app(path: str) -> FastAPI:
    """The server over the engine's files under `path`. Handlers run one at a time, on the event loop."""
    engine = QdrantLocal(location=path)
    _write_ahead(engine)
    app = FastAPI(title="Qdrant REST on the local engine", openapi_url=None)
    _install_errors(app)
    _install_service(app)
    _install_collections(app, engine)
    _install_updates(app, engine)
    _install_reads(app, engine)

    @app.api_route("/{path:path}", methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
    async def lacking(request: Request) -> Response:
        raise NotOfferedError(f"{request.method} {request.url.path}")

    return app


def _write_ahead(engine: QdrantLocal) -> None:
    """Have the engine's files survive a crash of the process without a disk flush at every write."""
    for collection in engine.collections.values():
        if collection.storage is not None:
            collection.storage.storage.execute("PRAGMA journal_mode=wal")
            collection.storage.storage.execute("PRAGMA synchronous=normal")


def _install_errors(app: FastAPI) -> None:
    def answers(status: int) -> Callable[[Request, Exception], Response]:
        def handler(_: Request, error: Exception) -> Response:
            prefix = "Not implemented: " if status == HTTPStatus.NOT_IMPLEMENTED else ""
            return JSONResponse({"status": {"error": f"{prefix}{error}"}, "time": 0.0}, status)

        return handler

    app.add_exception_handler(NotOfferedError, answers(501))
    app.add_exception_handler(NotImplementedError, answers(501))
    app.add_exception_handler(MissingError, answers(404))
    app.add_exception_handler(ValidationError, answers(400))
    app.add_exception_handler(ValueError, answers(400))


def _install_service(app: FastAPI) -> None:
    @app.get("/")
    async def root() -> dict[str, str]:
        return {"title": "qdrant - vector search engine", "version": VERSION}

    @app.get("/healthz")
    @app.get("/livez")
    @app.get("/readyz")
    async def healthz() -> Response:
        return Response("healthz check passed")


def _install_collections(app: FastAPI, engine: QdrantLocal) -> None:
    @app.get("/collections")
    async def list_collections() -> Response:
        return _ok(engine.get_collections())

    @app.get(_COLLECTION + "/exists")
    async def exists(name: str) -> Response:
        return _ok({"exists": name in engine.collections})

    @app.get(_COLLECTION)
    async def info(name: str) -> Response:
        _require(engine, name)
        return _ok(engine.get_collection(name))

    @app.put(_COLLECTION)
    async def create(name: str, request: Request) -> Response:
        body = models.CreateCollection.model_validate_json(await request.body())
        if name in engine.collections:
            return JSONResponse(
                {"status": {"error": f"Wrong input: Collection `{name}` already exists!"}, "time": 0.0}, 409
            )
        created = engine.create_collection(name, body.vectors, body.sparse_vectors, body.metadata)
        _write_ahead(engine)
        return _ok(created)

    @app.delete(_COLLECTION)
    async def delete(name: str) -> Response:
        return _ok(engine.delete_collection(name))

    @app.put(_COLLECTION + "/index")
    async def index(name: str, request: Request) -> Response:
        """The engine filters by scanning, so an index is accepted and needs no building."""
        _require(engine, name)
        models.CreateFieldIndex.model_validate_json(await request.body())
        return _ok(_UPDATED)


_UPDATED: Final = models.UpdateResult(operation_id=0, status=models.UpdateStatus.COMPLETED)


def _install_updates(app: FastAPI, engine: QdrantLocal) -> None:
    """Every update is one operation of a batch, which is how the engine takes them all."""

    def route(method: str, path: str, parse: Callable[[bytes], Any]) -> None:
        async def handler(name: str, request: Request) -> Response:
            _require(engine, name)
            operation = parse(await request.body())
            _check_operation(operation)
            return _ok(engine.batch_update_points(name, [operation])[0])

        app.add_api_route(_POINTS + path, handler, methods=[method])

    route("PUT", "", lambda raw: models.UpsertOperation(upsert=_INSERT.validate_json(raw)))
    route("POST", "/delete", lambda raw: models.DeleteOperation(delete=_SELECTOR.validate_json(raw)))
    route("POST", "/payload", lambda raw: models.SetPayloadOperation(set_payload=_set_payload(raw)))
    route(
        "PUT", "/payload", lambda raw: models.OverwritePayloadOperation(overwrite_payload=_set_payload(raw))
    )
    route(
        "POST",
        "/payload/delete",
        lambda raw: models.DeletePayloadOperation(
            delete_payload=models.DeletePayload.model_validate_json(raw)
        ),
    )
    route(
        "POST",
        "/payload/clear",
        lambda raw: models.ClearPayloadOperation(clear_payload=_SELECTOR.validate_json(raw)),
    )
    route(
        "PUT",
        "/vectors",
        lambda raw: models.UpdateVectorsOperation(
            update_vectors=models.UpdateVectors.model_validate_json(raw)
        ),
    )
    route(
        "POST",
        "/vectors/delete",
        lambda raw: models.DeleteVectorsOperation(
            delete_vectors=models.DeleteVectors.model_validate_json(raw)
        ),
    )

    @app.post(_POINTS + "/batch")
    async def batch(name: str, request: Request) -> Response:
        _require(engine, name)
        operations = models.UpdateOperations.model_validate_json(await request.body()).operations
        for operation in operations:
            _check_operation(operation)
        return _ok(engine.batch_update_points(name, operations))


def _install_reads(app: FastAPI, engine: QdrantLocal) -> None:
    @app.post(_POINTS)
    async def retrieve(name: str, request: Request) -> Response:
        _require(engine, name)
        body = models.PointRequest.model_validate_json(await request.body())
        _refuse(body, "shard_key")
        payload = True if body.with_payload is None else body.with_payload
        return _ok(engine.retrieve(name, body.ids, payload, body.with_vector or False))

    @app.post(_POINTS + "/scroll")
    async def scroll(name: str, request: Request) -> Response:
        _require(engine, name)
        body = models.ScrollRequest.model_validate_json(await request.body())
        _refuse(body, "shard_key", "order_by")
        payload = True if body.with_payload is None else body.with_payload
        points, after = engine.scroll(
            name,
            body.filter,
            body.limit or 10,
            offset=body.offset,
            with_payload=payload,
            with_vectors=body.with_vector or False,
        )
        return _ok({"points": _plain(points), "next_page_offset": after})

    @app.post(_POINTS + "/count")
    async def count(name: str, request: Request) -> Response:
        _require(engine, name)
        body = models.CountRequest.model_validate_json(await request.body())
        _refuse(body, "shard_key")
        return _ok(engine.count(name, body.filter))

    @app.post(_POINTS + "/query")
    async def query(name: str, request: Request) -> Response:
        _require(engine, name)
        return _ok(_query(engine, name, models.QueryRequest.model_validate_json(await request.body())))

    @app.post(_POINTS + "/query/batch")
    async def query_batch(name: str, request: Request) -> Response:
        _require(engine, name)
        body = models.QueryRequestBatch.model_validate_json(await request.body())
        return _ok([_query(engine, name, search) for search in body.searches])

    @app.get(_POINTS + "/{point_id}")
    async def point(name: str, point_id: str) -> Response:
        _require(engine, name)
        wanted = int(point_id) if point_id.isdecimal() else _POINT_ID.validate_python(point_id)
        found = engine.retrieve(name, [wanted], with_payload=True, with_vectors=True)
        if not found:
            raise MissingError(f"Not found: Point with id {point_id} does not exists!")
        return _ok(found[0])


def _query(engine: QdrantLocal, name: str, body: models.QueryRequest) -> models.QueryResponse:
    _refuse(body, "shard_key", "prefetch", "lookup_from")
    if not isinstance(body.query, list | models.NearestQuery):
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


def _set_payload(raw: bytes) -> models.SetPayload:
    return models.SetPayload.model_validate_json(raw)


def _check_operation(operation: BaseModel) -> None:
    for value in dict(operation).values():
        _refuse(value, "shard_key")


def _refuse(body: Any, *options: str) -> None:
    given = [option for option in options if getattr(body, option, None) is not None]
    if given:
        raise NotOfferedError(f"option {', '.join(given)}")


def _require(engine: QdrantLocal, name: str) -> None:
    if name not in engine.collections:
        raise MissingError(f"Not found: Collection `{name}` doesn't exist!")


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", exclude_none=True)
    return [_plain(item) for item in value] if isinstance(value, list) else value


def _ok(result: Any) -> Response:
    return JSONResponse({"result": _plain(result), "status": "ok", "time": time.process_time()})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--path", type=Path, required=True)
    arguments = parser.parse_args()
    arguments.path.mkdir(parents=True, exist_ok=True)
    uvicorn.run(
        create_app(str(arguments.path)),
        host="127.0.0.1",
        port=arguments.port,
        access_log=False,
        log_level="warning",
    )


if __name__ == "__main__":
    main()
