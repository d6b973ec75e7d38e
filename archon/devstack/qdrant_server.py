"""In: Qdrant's REST API, as far as our client uses it. Out: answers from qdrant-client's own engine.

A route or option that the engine lacks is answered with 501, never with a plausible nothing. Protocol:
Qdrant 1.16 REST; bodies are parsed by the client's own models. Start: `python -m ... --port P --path DIR`.
"""

import argparse
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, TypeAdapter
from qdrant_client import models
from qdrant_client.local.qdrant_local import QdrantLocal

from archon.devstack.qdrant_engine import engine_at
from archon.devstack.qdrant_protocol import (
    NotOfferedError,
    install_errors,
    ok,
    refuse,
    require,
)
from archon.devstack.qdrant_reads import POINTS, install_reads

VERSION: Final = version("qdrant-client")
_COLLECTION: Final = "/collections/{name}"
_INSERT: Final[TypeAdapter[Any]] = TypeAdapter(models.PointInsertOperations)
_SELECTOR: Final[TypeAdapter[Any]] = TypeAdapter(models.PointsSelector)


def create_app(path: str) -> FastAPI:
    """The server over the engine's files under `path`. Handlers run one at a time, on the event loop."""
    engine = engine_at(path)
    _write_ahead(engine)
    app = FastAPI(title="Qdrant REST on the local engine", openapi_url=None)
    install_errors(app)
    _install_service(app)
    _install_collections(app, engine)
    _install_updates(app, engine)
    install_reads(app, engine)

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
        return ok(engine.get_collections())

    @app.get(_COLLECTION + "/exists")
    async def exists(name: str) -> Response:
        return ok({"exists": name in engine.collections})

    @app.get(_COLLECTION)
    async def info(name: str) -> Response:
        require(engine, name)
        return ok(engine.get_collection(name))

    @app.put(_COLLECTION)
    async def create(name: str, request: Request) -> Response:
        body = models.CreateCollection.model_validate_json(await request.body())
        if name in engine.collections:
            return JSONResponse(
                {"status": {"error": f"Wrong input: Collection `{name}` already exists!"}, "time": 0.0}, 409
            )
        created = engine.create_collection(name, body.vectors, body.sparse_vectors, body.metadata)
        _write_ahead(engine)
        return ok(created)

    @app.delete(_COLLECTION)
    async def delete(name: str) -> Response:
        return ok(engine.delete_collection(name))

    @app.put(_COLLECTION + "/index")
    async def index(name: str, request: Request) -> Response:
        """The engine filters by scanning, so an index is accepted and needs no building."""
        require(engine, name)
        models.CreateFieldIndex.model_validate_json(await request.body())
        return ok(_UPDATED)


_UPDATED: Final = models.UpdateResult(operation_id=0, status=models.UpdateStatus.COMPLETED)


def _install_updates(app: FastAPI, engine: QdrantLocal) -> None:
    """Every update is one operation of a batch, which is how the engine takes them all."""

    def route(method: str, path: str, parse: Callable[[bytes], Any]) -> None:
        async def handler(name: str, request: Request) -> Response:
            require(engine, name)
            operation = parse(await request.body())
            _check_operation(operation)
            return ok(engine.batch_update_points(name, [operation])[0])

        app.add_api_route(POINTS + path, handler, methods=[method])

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

    @app.post(POINTS + "/batch")
    async def batch(name: str, request: Request) -> Response:
        require(engine, name)
        operations = models.UpdateOperations.model_validate_json(await request.body()).operations
        for operation in operations:
            _check_operation(operation)
        return ok(engine.batch_update_points(name, operations))


def _set_payload(raw: bytes) -> models.SetPayload:
    return models.SetPayload.model_validate_json(raw)


def _check_operation(operation: BaseModel) -> None:
    for value in dict(operation).values():
        refuse(value, "shard_key")


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
