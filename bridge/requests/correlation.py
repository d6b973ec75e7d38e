"""In: a request's X-Correlation-ID or traceparent. Out: a correlation id on its state and on the response."""

from uuid import UUID, uuid4

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from archon.contracts import names
from archon.runtime.telemetry import tracing


class CorrelationMiddleware:
    """Keeps a client's id if it is a UUID; otherwise uses the id of its trace, so that its trace continues;
    otherwise creates one. Upper case."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        correlation_id = _correlation_id(Headers(scope=scope))
        scope.setdefault("state", {})["correlation_id"] = correlation_id

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)[names.HEADER_CORRELATION_ID] = correlation_id
            await send(message)

        await self._app(scope, receive, send_with_id)


def new_correlation_id() -> str:
    return str(uuid4()).upper()


def _correlation_id(headers: Headers) -> str:
    try:
        return str(UUID(headers.get(names.HEADER_CORRELATION_ID, ""))).upper()
    except ValueError:
        caller = tracing.read(headers.get(tracing.TRACEPARENT))
        return new_correlation_id() if caller is None else str(UUID(int=caller.trace_id)).upper()
