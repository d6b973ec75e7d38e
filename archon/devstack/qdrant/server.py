"""In: the part of Qdrant's REST API that our client uses. Out: answers of Qdrant's own embedded engine.

Serves requests one at a time, on the event loop: the engine holds Python's lock while it works, so threads
would only wait for each other. Bodies are parsed once and passed to the engine; checks that the engine lacks
are done here. Protocol: Qdrant 1.16 REST. Start: `python -m archon.devstack.qdrant.server --port P --path DIR
--key-file FILE`.
"""

import argparse
import asyncio
import contextlib
import hmac
from collections.abc import AsyncIterator, Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import uvicorn
from pydantic_core import from_json, to_json
from qdrant_edge import EdgeShard
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from archon.devstack.qdrant import described, reads
from archon.devstack.qdrant.collections import Collections
from archon.devstack.qdrant.former import take_over
from archon.devstack.qdrant.operations import Operation, Schema, operation, operations
from archon.devstack.qdrant.protocol import (
    Body,
    ForbiddenError,
    MissingError,
    NotOfferedError,
    ProtocolError,
    TooLargeError,
    UnauthorizedError,
    WrongInputError,
    ok,
    only,
    reading,
    refused,
)
from archon.runtime.http.neighbours import NeighbourMiddleware

VERSION: Final = version("qdrant-client")
"""The client's version: the client checks that the two are close."""
MOST_BYTES: Final = 32 * 2**20
FLUSH_SECONDS: Final = 30.0
_UPDATED: Final = {"operation_id": 0, "status": "completed"}
_HEALTH: Final = ("/healthz", "/livez", "/readyz")
_COLLECTION: Final = "/collections/{name}"
_POINTS: Final = "/collections/{name}/points"
_KINDS: Final = {
    ("PUT", ""): "upsert",
    ("POST", "/delete"): "delete",
    ("POST", "/payload"): "set_payload",
    ("PUT", "/payload"): "overwrite_payload",
    ("POST", "/payload/delete"): "delete_payload",
    ("POST", "/payload/clear"): "clear_payload",
    ("PUT", "/vectors"): "update_vectors",
    ("POST", "/vectors/delete"): "delete_vectors",
}
_READS: Final[dict[str, Callable[[EdgeShard, Body], Any]]] = {
    _POINTS: reads.retrieve,
    f"{_POINTS}/scroll": reads.scroll,
    f"{_POINTS}/count": reads.count,
    f"{_POINTS}/query": reads.query,
    f"{_POINTS}/query/batch": reads.query_batch,
    f"{_COLLECTION}/facet": reads.facet,
}


def create_app(path: Path, key: str = "") -> Starlette:
    """The server for the collections below `path`, which are open while it runs. `key`: required in Qdrant's
    own header; empty requires none."""
    collections = Collections.at(path / "collections")
    take_over(path, collections)

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        flushing = asyncio.create_task(_flush_now_and_then(collections))
        try:
            yield
        finally:
            flushing.cancel()
            collections.flush()

    return Starlette(
        # The most frequent first: routes are matched in order.
        routes=[*_updates(collections), *_reads(collections), *_administration(collections), *_service()],
        exception_handlers={ProtocolError: refused},
        middleware=[Middleware(_KeyMiddleware, key=key)] if key else [],
        lifespan=lifespan,
    )


class _KeyMiddleware:
    """Like Qdrant: the liveness routes need no key."""

    def __init__(self, app: ASGIApp, key: str) -> None:
        self._app = app
        self._key = key.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_known = True
        if scope["type"] == "http" and scope["path"] not in _HEALTH:
            shown = Headers(scope=scope).get("api-key", "").encode()
            is_known = hmac.compare_digest(shown, self._key)
        if is_known:
            await self._app(scope, receive, send)
            return
        error = UnauthorizedError("Must provide an API key or an Authorization bearer token")
        await (await refused(Request(scope), error))(scope, receive, send)


async def _flush_now_and_then(collections: Collections) -> None:
    while True:
        await asyncio.sleep(FLUSH_SECONDS)
        collections.flush()


async def _body(request: Request) -> tuple[Body, int]:
    """The parsed body, and its size. Refuses forms and plain text, which any web page may send."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise WrongInputError("Content type error: application/json is expected")
    raw = await request.body()
    if len(raw) > MOST_BYTES:
        raise TooLargeError(f"JSON payload is larger than allowed (limit: {MOST_BYTES} bytes).")
    with reading():
        body = from_json(raw, allow_inf_nan=False)
    if not isinstance(body, dict):
        raise WrongInputError("Wrong input: the body is no object")
    return body, len(raw)


def _updates(collections: Collections) -> list[Route]:
    def route(method: str, path: str, read: Callable[[Schema, Body], list[Operation]], result: Any) -> Route:
        async def handler(request: Request) -> Response:
            collection = collections.get(request.path_params["name"])
            body, size = await _body(request)
            with reading():
                wanted = read(collection.schema, body)
            collection.update(wanted, size)
            return ok(result(len(wanted)))

        return Route(_POINTS + path, handler, methods=[method])

    def one(kind: str) -> Callable[[Schema, Body], list[Operation]]:
        return lambda schema, body: [operation(schema, kind, body)]

    return [
        route("POST", "/batch", operations, lambda many: [_UPDATED] * many),
        *(route(method, path, one(kind), lambda _: _UPDATED) for (method, path), kind in _KINDS.items()),
    ]


def _reads(collections: Collections) -> list[Route]:
    def route(path: str, read: Callable[[EdgeShard, Body], Any]) -> Route:
        async def handler(request: Request) -> Response:
            collection = collections.get(request.path_params["name"])
            body, _ = await _body(request)
            return ok(read(collection.shard, body))

        return Route(path, handler, methods=["POST"])

    async def point(request: Request) -> Response:
        collection, wanted = collections.get(request.path_params["name"]), request.path_params["point_id"]
        found = reads.retrieve(
            collection.shard, {"ids": [int(wanted) if wanted.isdecimal() else wanted], "with_vector": True}
        )
        if not found:
            raise MissingError(f"Not found: Point with id {wanted} does not exists!")
        return ok(found[0])

    return [
        *(route(path, read) for path, read in _READS.items()),
        Route(_POINTS + "/{point_id}", point, methods=["GET"]),
    ]


def _administration(collections: Collections) -> list[Route]:
    async def names(_: Request) -> Response:
        return ok({"collections": [{"name": name} for name in collections.opened]})

    async def exists(request: Request) -> Response:
        return ok({"exists": request.path_params["name"] in collections.opened})

    async def info(request: Request) -> Response:
        return ok(described.collection(collections.get(request.path_params["name"])))

    async def create(request: Request) -> Response:
        body, _ = await _body(request)
        collections.create(request.path_params["name"], body)
        return ok(result=True)

    async def delete(request: Request) -> Response:
        return ok(collections.delete(request.path_params["name"]))

    async def index(request: Request) -> Response:
        collection = collections.get(request.path_params["name"])
        body, size = await _body(request)
        with reading():
            only(body, "field_name", "field_schema")
            schema = described.index_schema(body["field_schema"])
            wanted = Operation.create_field_index(body["field_name"], schema)
        collection.update([wanted], size)
        return ok(_UPDATED)

    return [
        Route("/collections", names, methods=["GET"]),
        Route(_COLLECTION + "/exists", exists, methods=["GET"]),
        Route(_COLLECTION, info, methods=["GET"]),
        Route(_COLLECTION, create, methods=["PUT"]),
        Route(_COLLECTION, delete, methods=["DELETE"]),
        Route(_COLLECTION + "/index", index, methods=["PUT"]),
    ]


def _service() -> list[Route]:
    async def root(_: Request) -> Response:
        # The only answer that Qdrant does not wrap.
        body = to_json({"title": "qdrant - vector search engine", "version": VERSION})
        return Response(body, media_type="application/json")

    async def healthy(_: Request) -> Response:
        return Response("healthz check passed")

    async def lacking(request: Request) -> Response:
        raise NotOfferedError(f"Not implemented: {request.method} {request.url.path}")

    return [
        Route("/", root, methods=["GET"]),
        *(Route(path, healthy, methods=["GET"]) for path in _HEALTH),
        Route("/{path:path}", lacking, methods=["GET", "POST", "PUT", "PATCH", "DELETE"]),
    ]


async def _refuse_neighbour(scope: Scope, receive: Receive, send: Send) -> None:
    response = await refused(Request(scope), ForbiddenError("Forbidden: sent by a page of another site"))
    await response(scope, receive, send)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--path", type=Path, required=True)
    parser.add_argument("--key-file", type=Path)
    arguments = parser.parse_args()
    key = arguments.key_file.read_text() if arguments.key_file is not None else ""
    app = NeighbourMiddleware(create_app(arguments.path, key), _refuse_neighbour)
    uvicorn.run(app, host="127.0.0.1", port=arguments.port, access_log=False, log_level="warning")


if __name__ == "__main__":
    main()
