"""In: an ASGI app. Out: a server for it on one port during a block; it then finishes open requests."""

import asyncio
import contextlib
import gc
from collections.abc import AsyncIterator, Sequence
from typing import Any, Final

import uvicorn
from fastapi import FastAPI, Request
from starlette.types import Receive, Scope, Send

from archon.contracts.errors import ConfigurationError, ForbiddenError
from archon.runtime.http.half_sent import ImpatientProtocol
from archon.runtime.http.neighbours import NeighbourMiddleware, is_loopback
from archon.runtime.http.problems import refuse
from archon.runtime.logs import get_logger
from archon.runtime.settings import Settings

YOUNG_OBJECTS: Final = 10_000
"""New objects between two searches for garbage. Nearly all of ours are freed without a search; with Python's
700, searching is a twentieth of the worker's processor time. So many objects are a few megabytes."""
_log = get_logger(__name__)


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Any:
        """Signals belong to the process, not to one of its servers."""
        yield


@contextlib.asynccontextmanager
async def serve_http(
    app: FastAPI, settings: Settings, port: int, *, has_keys: bool = False
) -> AsyncIterator[None]:
    """Serves `app` on settings.host during the block, then finishes open requests. Refuses requests from
    pages of other sites, unless the app `has_keys`, which such pages do not have.

    Raises OSError if the port is taken, ConfigurationError for an unusable certificate, and the errors of the
    app's lifespan at its start.
    """
    failures = _remembered(app)
    named = frozenset(filter(None, map(str.strip, settings.allowed_hosts.lower().split(","))))
    hosts = named if is_loopback(settings.host) else None
    config = uvicorn.Config(
        app if has_keys else NeighbourMiddleware(app, _refuse_neighbour, hosts),
        host=settings.host,
        port=port,
        http=ImpatientProtocol,
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=int(settings.shutdown_timeout),
        ssl_certfile=settings.http_tls_certfile or None,
        ssl_keyfile=settings.http_tls_keyfile or None,
    )
    try:
        config.load()
    except OSError as error:  # ssl.SSLError is one too
        raise ConfigurationError(f"HTTP_TLS_CERTFILE, HTTP_TLS_KEYFILE: cannot be used: {error}") from error
    server = _Server(config)
    task = asyncio.create_task(_serve(server, settings.host, port, failures), name=f"http:{port}")
    try:
        while not server.started and not task.done():
            await asyncio.wait([task], timeout=0.01)
        if task.done():
            await task
        # Modules and routes are permanent: scanning them for garbage would stop a service for a tenth of a
        # second, every few hundred requests.
        gc.collect()
        gc.freeze()
        gc.set_threshold(YOUNG_OBJECTS)
        _log.info("serving", host=settings.host, port=port)
        yield
    finally:
        server.should_exit = True
        await task


async def _refuse_neighbour(scope: Scope, receive: Receive, send: Send) -> None:
    reason = "sent by a page of another site, or with a host name that is not in ALLOWED_HOSTS"
    _log.warning("neighbour_refused", path=scope["path"], client=scope.get("client"))
    await refuse(ForbiddenError(reason), Request(scope))(scope, receive, send)


async def _serve(server: uvicorn.Server, host: str, port: int, failures: Sequence[Exception]) -> None:
    try:
        await server.serve()
        if failures:
            raise failures[0]
    except SystemExit as error:  # uvicorn exits the process if it cannot bind, or its app cannot start
        if failures:
            raise failures[0] from None
        raise OSError(f"cannot listen on {host}:{port}; is another process using the port?") from error


def _remembered(app: FastAPI) -> list[Exception]:
    """Remembers the error of the app's lifespan, which uvicorn only logs."""
    failures: list[Exception] = []
    lifespan = app.router.lifespan_context

    @contextlib.asynccontextmanager
    async def remembering(served: FastAPI) -> AsyncIterator[Any]:
        try:
            async with lifespan(served) as state:
                yield state
        except Exception as error:
            failures.append(error)
            raise

    app.router.lifespan_context = remembering
    return failures
