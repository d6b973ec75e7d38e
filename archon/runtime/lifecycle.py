"""In: SIGTERM and SIGINT, an ASGI app. Out: an event that says stop, and a server that drains when it is set.

A process stops in the reverse order of its `async with` blocks; nothing here kills anything.
"""

import asyncio
import contextlib
import gc
import signal
from collections.abc import AsyncIterator, Coroutine, Sequence
from typing import Any, TypeVar

import uvicorn
from fastapi import FastAPI, Request
from starlette.types import Receive, Scope, Send

from archon.contracts.errors import ConfigurationError, ForbiddenError
from archon.runtime.half_sent import ImpatientProtocol
from archon.runtime.logs import get_logger
from archon.runtime.neighbours import NeighbourMiddleware, is_loopback
from archon.runtime.problems import refuse
from archon.runtime.settings import Settings

Result = TypeVar("Result")
_log = get_logger(__name__)


@contextlib.asynccontextmanager
async def stop_on_signals() -> AsyncIterator[asyncio.Event]:
    """An event that SIGTERM or SIGINT sets; the second signal interrupts as usual."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    signals = (signal.SIGTERM, signal.SIGINT)

    def request_stop() -> None:
        stop.set()
        for number in signals:
            loop.remove_signal_handler(number)

    for number in signals:
        loop.add_signal_handler(number, request_stop)
    try:
        yield stop
    finally:
        for number in signals:
            loop.remove_signal_handler(number)


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Any:
        """Signals belong to the process, not to one of its servers."""
        yield


@contextlib.asynccontextmanager
async def serve_http(
    app: FastAPI, settings: Settings, port: int, *, has_keys: bool = False
) -> AsyncIterator[None]:
    """Serve `app` on settings.host while the block runs, then finish open requests. Pages of other sites are
    refused, unless the app `has_keys`, which they do not know.

    Raises OSError when the port is taken, ConfigurationError for a certificate that cannot be used, and what
    the app's lifespan raises as it begins.
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
        # Modules and routes are here to stay: looking through them for garbage would stop a service for a
        # tenth of a second, every few hundred requests.
        gc.collect()
        gc.freeze()
        _log.info("serving", host=settings.host, port=port)
        yield
    finally:
        server.should_exit = True
        await task


async def _refuse_neighbour(scope: Scope, receive: Receive, send: Send) -> None:
    reason = "sent by a page of another site, or by a name that is not in ALLOWED_HOSTS"
    _log.warning("neighbour_refused", path=scope["path"], client=scope.get("client"))
    await refuse(ForbiddenError(reason), Request(scope))(scope, receive, send)


async def _serve(server: uvicorn.Server, host: str, port: int, failures: Sequence[Exception]) -> None:
    try:
        await server.serve()
        if failures:
            raise failures[0]
    except SystemExit as error:  # uvicorn exits the process when it cannot bind, or its app cannot start
        if failures:
            raise failures[0] from None
        raise OSError(f"cannot listen on {host}:{port}; is another process using the port?") from error


def _remembered(app: FastAPI) -> list[Exception]:
    """What the app's lifespan will raise, which uvicorn but logs."""
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


@contextlib.asynccontextmanager
async def running(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """`work` in the background while the block lasts; then it is cancelled.

    If it fails, the process is asked to stop: without it, it would look well and lose what `work` is for. Its
    error is raised at the end.
    """
    task = asyncio.create_task(work)
    task.add_done_callback(_stop_if_failed)
    try:
        yield
    finally:
        task.cancel()
        (ended,) = await asyncio.gather(task, return_exceptions=True)
    if isinstance(ended, Exception):
        raise ended


def _stop_if_failed(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        _log.critical("background_work_failed", exc_info=error)
        signal.raise_signal(signal.SIGTERM)


async def unless_stopped(stop: asyncio.Event, work: Coroutine[Any, Any, Result]) -> Result | None:
    """What `work` returns; None, with `work` cancelled, when `stop` is set before."""
    working, stopped = asyncio.create_task(work), asyncio.create_task(stop.wait())
    try:
        await asyncio.wait([working, stopped], return_when=asyncio.FIRST_COMPLETED)
        return await working if working.done() else None
    finally:
        working.cancel()
        stopped.cancel()
        await asyncio.gather(working, stopped, return_exceptions=True)


async def first_of(*tasks: asyncio.Task[Any]) -> None:
    """Wait until one task ends, and raise what it raised."""
    done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in done:
        await task
