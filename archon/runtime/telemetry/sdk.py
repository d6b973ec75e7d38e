"""In: OpenTelemetry's environment variables. Out: a tracer that exports over OTLP/HTTP, in the background.

Imported only by processes that export: the SDK takes a tenth of a second.
"""

import asyncio
import contextlib
import logging
import threading
from collections.abc import AsyncIterator
from importlib.metadata import version
from typing import Any, Final
from uuid import uuid4

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import Sampler, SamplingResult
from opentelemetry.trace import Tracer

from archon.runtime.telemetry.tracing import next_ids

_FLUSH_SECONDS: Final = 3.0
"""Seconds that a stopping process waits for its last spans to be accepted."""


class _GivenIds(RandomIdGenerator):
    """The given ids for the next span, if set."""

    def generate_trace_id(self) -> int:
        return next_ids.get().trace or super().generate_trace_id()

    def generate_span_id(self) -> int:
        return next_ids.get().span or super().generate_span_id()

    def is_trace_id_random(self) -> bool:
        return False  # a caller's correlation id may be any text


class _UuidSampler(Sampler):
    """The sampler from the environment, applied to the random part of a UUID.

    The SDK's ratio sampler uses the low 64 bits of a trace id; in a random UUID the first two of these are
    always 10 (RFC 9562, section 4.1), so a ratio of one half would sample nothing. W3C Trace Context level 2
    defines the low 56 bits as random.
    """

    def __init__(self, sampler: Sampler) -> None:
        self._sampler = sampler

    def should_sample(
        self, parent_context: Any, trace_id: int, *details: Any, **named: Any
    ) -> SamplingResult:
        return self._sampler.should_sample(parent_context, trace_id << 8, *details, **named)

    def get_description(self) -> str:
        return self._sampler.get_description()


def provider_of(service: str, processor: SpanProcessor) -> TracerProvider:
    """Our own provider. The global one stays unset, because FastAPI would trace with it too."""
    provider = TracerProvider(resource=_resource(service), id_generator=_GivenIds(), shutdown_on_exit=False)
    provider.sampler = _UuidSampler(provider.sampler)
    provider.add_span_processor(processor)
    return provider


def _resource(service: str) -> Resource:
    """Describes the process; OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES take precedence."""
    ours = {
        "service.namespace": "archon",
        "service.name": f"archon-{service}",
        "service.version": version("archon-enrichment"),
        "service.instance.id": str(uuid4()),
    }
    return Resource.create(ours).merge(OTELResourceDetector().detect())


@contextlib.asynccontextmanager
async def exporting(service: str) -> AsyncIterator[Tracer]:
    """If the collector is down, spans are dropped; nothing else is affected."""
    # A dropped batch is an error; a retry is not worth a line.
    logging.getLogger("opentelemetry.exporter").setLevel(logging.ERROR)
    provider = provider_of(service, BatchSpanProcessor(OTLPSpanExporter()))
    try:
        yield provider.get_tracer("archon", version("archon-enrichment"))
    finally:
        # A daemon thread: the process ends even if the collector has not answered.
        flushing = threading.Thread(target=provider.shutdown, name="traces-flush", daemon=True)
        flushing.start()
        await asyncio.to_thread(flushing.join, _FLUSH_SECONDS)
