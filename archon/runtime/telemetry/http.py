"""In: HTTP requests. Out: a server span for each, in the trace of the request's correlation id or of its
caller.

FastAPI's own tracing starts its span before any middleware, when the correlation id is unknown. It stays off,
because no global tracer provider is set.
"""

from typing import Any, Final

from opentelemetry.trace import Span, SpanKind
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from archon.runtime.telemetry import tracing

_UNTRACED: Final = (
    "/livez",
    "/readyz",
    "/health",
    "/metrics",
    "/docs",
    "/openapi.json",
    "/static-offline-docs",
)
"""Prefixes of paths that machines call every few seconds, or that concern no document."""
_SERVER_ERROR: Final = 500


class TracingMiddleware:
    """Names and attributes follow the semantic conventions for HTTP servers."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not tracing.on() or scope["path"].startswith(_UNTRACED):
            await self._app(scope, receive, send)
            return
        attributes = {"http.request.method": scope["method"], "url.scheme": scope["scheme"]}
        with tracing.span(
            scope["method"],
            SpanKind.SERVER,
            attributes,
            correlation_id=scope.get("state", {}).get("correlation_id"),
            traceparent=Headers(scope=scope).get(tracing.TRACEPARENT, ""),
        ) as span:

            async def send_noting_status(message: Message) -> None:
                if message["type"] == "http.response.start":
                    _note_status(span, message["status"])
                await send(message)

            try:
                await self._app(scope, receive, send_noting_status)
            finally:
                _note_route(span, scope["method"], scope.get("route"))


def _note_status(span: Span, status: int) -> None:
    span.set_attribute("http.response.status_code", status)
    if status >= _SERVER_ERROR:
        tracing.failed(span, str(status))


def _note_route(span: Span, method: str, route: Any) -> None:
    """The route is only known after routing."""
    path = getattr(route, "path", None)
    if path is not None:
        span.update_name(f"{method} {path}")
        span.set_attribute("http.route", path)
