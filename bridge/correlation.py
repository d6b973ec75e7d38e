"""In: a request's X-Correlation-ID. Out: a correlation id on the request's state and on the response."""

from uuid import UUID, uuid4

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from archon.contracts import names


class CorrelationMiddleware:
    """Keeps a client's id where it is a UUID, and makes one where it is not; upper case."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        correlation_id = _correlation_id(
            dict(scope["headers"]).get(names.HEADER_CORRELATION_ID.lower().encode())
        )
        scope.setdefault("state", {})["correlation_id"] = correlation_id

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)[names.HEADER_CORRELATION_ID] = correlation_id
            await send(message)

        await self._app(scope, receive, send_with_id)


def new_correlation_id() -> str:
    return str(uuid4()).upper()


def _correlation_id(header: bytes | None) -> str:
    try:
        return str(UUID((header or b"").decode("latin-1"))).upper()
    except ValueError:
        return new_correlation_id()
