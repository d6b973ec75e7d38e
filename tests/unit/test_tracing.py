"""The place and contents of spans; they cost nothing when disabled."""

import subprocess
import sys
import time
from collections.abc import Iterator
from uuid import UUID, uuid4

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import INVALID_SPAN
from starlette.datastructures import Headers

from archon.contracts.errors import StoreRejectedError
from archon.contracts.events import event_headers
from archon.runtime.local_ports import free_ports
from archon.runtime.telemetry import kafka as tracing_kafka
from archon.runtime.telemetry import sdk as tracing_sdk
from archon.runtime.telemetry import tracing
from bridge.requests.correlation import _correlation_id

CALLER = "00f067aa0ba902b7"


@pytest.fixture
def spans() -> Iterator[InMemorySpanExporter]:
    recorded = InMemorySpanExporter()
    with tracing.recorded_by(_provider(recorded).get_tracer("test")):
        yield recorded


def _provider(recorded: InMemorySpanExporter) -> TracerProvider:
    return tracing_sdk.provider_of("test", SimpleSpanProcessor(recorded))


def _traceparent(correlation_id: str, flags: str = "01") -> str:
    return f"00-{UUID(correlation_id).hex}-{CALLER}-{flags}"


def _only(spans: InMemorySpanExporter) -> ReadableSpan:
    (found,) = spans.get_finished_spans()
    return found


def test_the_trace_is_the_correlation_id(spans: InMemorySpanExporter) -> None:
    correlation_id = str(uuid4()).upper()
    with tracing.span("a", correlation_id=correlation_id):
        pass
    assert _only(spans).context.trace_id == UUID(correlation_id).int
    assert _only(spans).parent is None


def test_a_caller_of_the_same_trace_is_the_parent(spans: InMemorySpanExporter) -> None:
    correlation_id = str(uuid4())
    with tracing.span("a", correlation_id=correlation_id, traceparent=_traceparent(correlation_id)):
        pass
    assert f"{_only(spans).parent.span_id:016x}" == CALLER
    assert not _only(spans).links


def test_a_caller_of_another_trace_is_a_link(spans: InMemorySpanExporter) -> None:
    correlation_id, other = str(uuid4()), str(uuid4())
    with tracing.span("a", correlation_id=correlation_id, traceparent=_traceparent(other)):
        pass
    assert (_only(spans).context.trace_id, _only(spans).parent) == (UUID(correlation_id).int, None)
    assert [link.context.trace_id for link in _only(spans).links] == [UUID(other).int]


def test_the_span_around_is_a_caller_too(spans: InMemorySpanExporter) -> None:
    first, second = str(uuid4()), str(uuid4())
    with tracing.span("a", correlation_id=first) as outer:
        with tracing.span("b", correlation_id=first) as inner:
            pass
        with tracing.span("c", correlation_id=second) as apart:
            pass
    assert inner.parent.span_id == outer.get_span_context().span_id
    assert apart.get_span_context().trace_id == UUID(second).int
    assert apart.links[0].context == outer.get_span_context()


@pytest.mark.parametrize("unusable", ["", "no traceparent", f"00-{'0' * 32}-{CALLER}-01", "ff-1-2-3"])
def test_what_is_no_traceparent_is_no_caller(spans: InMemorySpanExporter, unusable: str) -> None:
    assert tracing.read(unusable) is None
    correlation_id = str(uuid4())
    with tracing.span("a", correlation_id=correlation_id, traceparent=unusable):
        pass
    assert (_only(spans).parent, _only(spans).context.trace_id) == (None, UUID(correlation_id).int)


def test_what_a_caller_does_not_record_is_not_recorded(spans: InMemorySpanExporter) -> None:
    correlation_id = str(uuid4())
    unsampled = _traceparent(correlation_id, "00")
    with tracing.span("a", correlation_id=correlation_id, traceparent=unsampled):
        assert (tracing.current() or "").startswith(f"00-{UUID(correlation_id).hex}-")
        assert (tracing.current() or "").endswith("-00")
    assert not spans.get_finished_spans()


def test_an_error_is_recorded_by_its_type_only(spans: InMemorySpanExporter) -> None:
    with pytest.raises(StoreRejectedError), tracing.span("a"):
        raise StoreRejectedError("graph", "invalid: 'a line of a document'")
    failed = _only(spans)
    assert failed.attributes == {"error.type": "StoreRejectedError"}
    assert (failed.status.is_ok, failed.status.description, failed.events) == (False, None, ())


def test_work_for_no_document_is_not_traced(spans: InMemorySpanExporter) -> None:
    read = tracing.client("graph", "neo4j", "bolt://user:secret@graph:7687")
    with read("read"):
        pass
    assert not spans.get_finished_spans()
    with tracing.span("a"), read("read"):
        pass
    assert spans.get_finished_spans()[0].attributes == {
        "db.system.name": "neo4j",
        "server.address": "graph",
        "server.port": 7687,
        "db.operation.name": "read",
    }


def test_an_event_carries_the_span_that_published_it(spans: InMemorySpanExporter) -> None:
    correlation_id = str(uuid4())
    headers = event_headers("x.v1", str(uuid4()), correlation_id, source="/test")
    assert tracing_kafka.carried(headers) == headers
    with tracing_kafka.publishing("dev.archon-intelligence.x.v1", b"k", correlation_id):
        carried = dict(tracing_kafka.carried(headers))
        expected = tracing.current()
    assert carried == {**dict(headers), "traceparent": expected.encode()}
    assert expected == tracing.written(_only(spans).context)
    assert expected.endswith("-01")


def test_log_lines_name_the_span_around_them(spans: InMemorySpanExporter) -> None:
    with tracing.span("a") as around:
        line = tracing.logged(None, "info", {"event": "e"})
    context = around.get_span_context()
    assert line == {
        "event": "e",
        "trace_id": f"{context.trace_id:032x}",
        "span_id": f"{context.span_id:016x}",
    }
    assert tracing.logged(None, "info", {"event": "e"}) == {"event": "e"}


def test_a_request_without_a_correlation_id_takes_its_trace_s() -> None:
    trace = str(uuid4())
    caller = {"traceparent": _traceparent(trace)}
    assert _correlation_id(Headers(caller)) == trace.upper()
    own = str(uuid4()).upper()
    assert _correlation_id(Headers({**caller, "X-Correlation-ID": own})) == own
    assert UUID(_correlation_id(Headers({"traceparent": "nonsense"}))).version == 4


@pytest.mark.parametrize("ratio", [0.1, 0.5, 0.9])
def test_a_ratio_of_the_documents_is_sampled(ratio: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Although the bits that the SDK uses are not all random in a UUID."""
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "parentbased_traceidratio")
    monkeypatch.setenv("OTEL_TRACES_SAMPLER_ARG", str(ratio))
    recorded = InMemorySpanExporter()
    with tracing.recorded_by(_provider(recorded).get_tracer("test")):
        for _ in range(2000):
            with tracing.span("a", correlation_id=str(uuid4())):
                pass
    assert len(recorded.get_finished_spans()) / 2000 == pytest.approx(ratio, abs=0.06)


def test_tracing_is_off_unless_an_endpoint_is_named() -> None:
    endpoint = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}
    assert not tracing.wanted({})
    assert tracing.wanted(endpoint)
    assert tracing.wanted({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://collector:4318/v1/traces"})
    assert not tracing.wanted({**endpoint, "OTEL_SDK_DISABLED": "true"})
    assert not tracing.wanted({**endpoint, "OTEL_TRACES_EXPORTER": "none"})


def test_without_a_collector_no_span_is_made() -> None:
    headers = event_headers("x.v1", str(uuid4()), str(uuid4()), source="/test")
    with tracing.span("a") as nothing, tracing_kafka.publishing("t", b"k", None):
        assert nothing is INVALID_SPAN
        assert tracing_kafka.carried(headers) is headers
        assert (tracing.headers(), tracing.current()) == ({}, None)


@pytest.mark.slow
def test_without_a_collector_the_sdk_is_not_imported() -> None:
    loaded = "import sys, worker, bridge.app, kafka_ingress.service, intelligence.app; print(*sys.modules)"
    found = subprocess.run([sys.executable, "-c", loaded], check=True, capture_output=True, text=True)
    assert "opentelemetry.trace" in found.stdout.split()
    assert "opentelemetry.sdk" not in found.stdout.split()


async def test_a_collector_that_is_down_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{free_ports(1)[0]}")
    monkeypatch.setattr(tracing_sdk, "_FLUSH_SECONDS", 0.2)
    async with tracing.exported("test"):
        with tracing.span("a") as span:
            assert span.is_recording()
        ending = time.monotonic()
    assert time.monotonic() - ending < 2
    assert not tracing.on()
