"""In: the work of a process for a document. Out: OpenTelemetry spans of it, in the document's own trace.

One rule places every span. The correlation id is the trace id. The caller (a `traceparent`, or the current
span) is the parent if it belongs to that trace, and a link if not. Disabled unless
OTEL_EXPORTER_OTLP_ENDPOINT is set; then each call only reads a variable, and the SDK is not imported. W3C
Trace Context: https://www.w3.org/TR/trace-context/
"""

import contextlib
import os
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import UUID

from opentelemetry.context import Context
from opentelemetry.trace import (
    INVALID_SPAN,
    Link,
    Span,
    SpanContext,
    SpanKind,
    StatusCode,
    Tracer,
    get_current_span,
    set_span_in_context,
    use_span,
)
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

TRACEPARENT: Final = "traceparent"
Attributes = Mapping[str, str | int]

_ENDPOINTS: Final = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
_OFF: Final = contextlib.nullcontext(INVALID_SPAN)
_W3C: Final = TraceContextTextMapPropagator()
_tracer: Tracer | None = None


@dataclass(frozen=True)
class Ids:
    """The ids of the next span; 0: random."""

    trace: int = 0
    span: int = 0


next_ids: Final[ContextVar[Ids]] = ContextVar("next_ids", default=Ids())  # noqa: B039  frozen


def wanted(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether the environment enables traces (OpenTelemetry's standard variables)."""
    disabled = environment.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"
    exporter = environment.get("OTEL_TRACES_EXPORTER", "otlp").strip().lower()
    return not disabled and exporter != "none" and any(environment.get(name) for name in _ENDPOINTS)


@contextlib.asynccontextmanager
async def exported(service: str) -> AsyncIterator[None]:
    """Exports this process's spans during the block, if enabled; at its end the rest is flushed, within a
    time limit."""
    if not wanted():
        yield
        return
    async with import_module("archon.runtime.telemetry.sdk").exporting(service) as tracer:
        with recorded_by(tracer):
            yield


@contextlib.contextmanager
def recorded_by(tracer: Tracer) -> Iterator[None]:
    """Uses this tracer during the block."""
    global _tracer  # noqa: PLW0603  one a process, as its logging is
    before, _tracer = _tracer, tracer
    try:
        yield
    finally:
        _tracer = before


def on() -> bool:
    return _tracer is not None


def span(
    name: str,
    kind: SpanKind = SpanKind.INTERNAL,
    attributes: Attributes | None = None,
    *,
    correlation_id: str | None = None,
    traceparent: str | None = None,
) -> contextlib.AbstractContextManager[Span]:
    """A span for the block, placed by the rule above. An error is recorded by its type only: its message may
    quote a document.

    `traceparent`: the caller, if it is not the current span.
    """
    if _tracer is None:
        return _OFF
    trace, caller = trace_id(correlation_id), _caller(traceparent)
    return _around(_begin(_tracer, trace, caller, name=name, kind=kind, attributes=attributes))


def _begin(tracer: Tracer, trace: int, caller: Span, **described: Any) -> Span:
    found = caller.get_span_context()
    mine = found.is_valid and trace in {0, found.trace_id}
    context = set_span_in_context(caller, Context()) if mine else Context()
    links = [Link(found)] if found.is_valid and not mine else None
    with _next(Ids(trace=trace)):
        return tracer.start_span(context=context, links=links, **described)


@contextlib.contextmanager
def _around(begun: Span) -> Iterator[Span]:
    with use_span(begun, end_on_exit=True, record_exception=False, set_status_on_exception=False):
        try:
            yield begun
        except BaseException as error:
            failed(begun, _type_of(error))
            raise


def _caller(traceparent: str | None) -> Span:
    """An invalid span if there is none, or the text is not a traceparent."""
    if traceparent is None:
        return get_current_span()
    return get_current_span(_W3C.extract({TRACEPARENT: traceparent}, Context()))


def completed(
    name: str, traceparent: str, span_id: int, attributes: Attributes, times: tuple[int, int]
) -> None:
    """Records a finished span. `times`: its start and end in nanoseconds."""
    if _tracer is None:
        return
    with _next(Ids(span=span_id)):
        context = set_span_in_context(_caller(traceparent), Context())
        begun = _tracer.start_span(name, context, SpanKind.SERVER, dict(attributes), start_time=times[0])
    begun.end(times[1])


@contextlib.contextmanager
def _next(ids: Ids) -> Iterator[None]:
    token = next_ids.set(ids)
    try:
        yield
    finally:
        next_ids.reset(token)


def failed(span: Span, error_type: str) -> None:
    """Marks a span as failed."""
    span.set_attribute("error.type", error_type)
    span.set_status(StatusCode.ERROR)


def _type_of(error: BaseException) -> str:
    """The error type; Temporal's application errors contain it as text."""
    named = getattr(error, "type", None)
    return named if isinstance(named, str) else type(error).__name__


def current() -> str | None:
    """The traceparent of the current span, None without one."""
    context = get_current_span().get_span_context() if _tracer is not None else None
    return written(context) if context is not None and context.is_valid else None


def written(context: SpanContext) -> str:
    """A traceparent of version 00."""
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"


def read(traceparent: str | None) -> SpanContext | None:
    """None if the text is not a traceparent."""
    context = _caller(traceparent or "").get_span_context()
    return context if context.is_valid else None


def headers() -> dict[str, str]:
    """Headers that pass the current span to the server of an HTTP request."""
    traceparent = current()
    return {TRACEPARENT: traceparent} if traceparent is not None else {}


def trace_id(correlation_id: str | None) -> int:
    """0 if the correlation id is not a UUID."""
    try:
        return UUID(correlation_id or "").int
    except ValueError:
        return 0


def logged(_: Any, __: str, event: Any) -> Any:
    """A log processor that adds the ids of the current span, if it is recorded."""
    if _tracer is not None and (around := get_current_span()).is_recording():
        context = around.get_span_context()
        event |= {"trace_id": f"{context.trace_id:032x}", "span_id": f"{context.span_id:016x}"}
    return event


def within(name: str, attributes: Attributes | None = None) -> contextlib.AbstractContextManager[Span]:
    """A client span, if there is a current span: work for no document is not traced."""
    if _tracer is None or not get_current_span().get_span_context().is_valid:
        return _OFF
    return span(name, SpanKind.CLIENT, attributes)


def client(store: str, system: str, url: str) -> Callable[[str], contextlib.AbstractContextManager[Span]]:
    """A maker of spans for database operations, by the semantic conventions for database clients.

    `system` is the database's name in the conventions; of `url` only host and port are recorded.
    """
    attributes = {"db.system.name": system, **server(url)}
    return lambda operation: within(f"{store} {operation}", {**attributes, "db.operation.name": operation})


def server(url: str) -> dict[str, str | int]:
    """The server of a client, as attributes."""
    where = urlsplit(url)
    found: dict[str, str | int] = {}
    if where.hostname:
        found["server.address"] = where.hostname
    if where.port:
        found["server.port"] = where.port
    return found
