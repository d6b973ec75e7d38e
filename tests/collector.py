"""In: spans that processes export over OTLP/HTTP. Out: the spans of one trace, and their tree.

A receiver of the real protocol (OTLP 1.x, `POST /v1/traces` with a binary ExportTraceServiceRequest) that
keeps all spans.
"""

import contextlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI, Request, Response
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import KeyValue

from archon.runtime.http.serving import serve_http
from archon.runtime.settings import Settings


@dataclass(frozen=True)
class Seen:
    """A span as exported; ids in hex, an absent parent is empty."""

    service: str
    name: str
    kind: int
    trace_id: str
    span_id: str
    parent_id: str
    started: int
    ended: int
    attributes: dict[str, Any]
    failed: bool
    links: list[str]
    events: int


class Collector:
    def __init__(self, port: int) -> None:
        self.port = port
        self.seen: list[Seen] = []

    @property
    def environment(self) -> dict[str, str]:
        """Settings that make a process export to it without delay."""
        return {
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{self.port}",
            "OTEL_BSP_SCHEDULE_DELAY": "200",
        }

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        async with serve_http(self._app(), Settings(shutdown_timeout=1), self.port):
            yield

    def trace(self, correlation_id: str) -> list[Seen]:
        """The spans of a document's trace so far, in order of their start."""
        trace_id = correlation_id.replace("-", "").lower()
        return sorted(
            (each for each in self.seen if each.trace_id == trace_id), key=lambda each: each.started
        )

    def _app(self) -> FastAPI:
        app = FastAPI()

        @app.post("/v1/traces")
        async def take(request: Request) -> Response:
            self.seen += _spans(ExportTraceServiceRequest.FromString(await request.body()))
            answer = ExportTraceServiceResponse().SerializeToString()
            return Response(answer, media_type="application/x-protobuf")

        return app


def tree(spans: list[Seen], parent: str = "", depth: int = 0) -> Iterator[str]:
    """The spans as lines, each under its parent: name, service, duration in milliseconds."""
    for each in spans:
        if each.parent_id == parent:
            took = (each.ended - each.started) / 1e6
            yield f"{'  ' * depth + each.name:<58}{each.service:<22}{took:>9.1f}"
            yield from tree(spans, each.span_id, depth + 1)


def _spans(exported: ExportTraceServiceRequest) -> Iterator[Seen]:
    for resource in exported.resource_spans:
        service = _values(resource.resource.attributes)["service.name"]
        for scope in resource.scope_spans:
            for span in scope.spans:
                yield Seen(
                    service,
                    span.name,
                    span.kind,
                    span.trace_id.hex(),
                    span.span_id.hex(),
                    span.parent_span_id.hex(),
                    span.start_time_unix_nano,
                    span.end_time_unix_nano,
                    _values(span.attributes),
                    span.status.code == span.status.STATUS_CODE_ERROR,
                    [link.trace_id.hex() for link in span.links],
                    len(span.events),
                )


def _values(attributes: Any) -> dict[str, Any]:
    return {each.key: _value(each) for each in attributes}


def _value(attribute: KeyValue) -> Any:
    return getattr(attribute.value, str(attribute.value.WhichOneof("value")))
