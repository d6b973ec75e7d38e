"""In: records sent and received. Out: producer and consumer spans, and the `traceparent` between them.

Names and attributes follow OpenTelemetry's semantic conventions for Kafka.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any

from aiokafka import ConsumerRecord
from opentelemetry.trace import Span, SpanKind
from pydantic_core import from_json

from archon.contracts import names
from archon.runtime.telemetry import tracing

Headers = list[tuple[str, bytes]]


def publishing(topic: str, key: bytes, correlation_id: str | None) -> AbstractContextManager[Span]:
    """A span for the publishing of an event, in the trace of its correlation id."""
    attributes = _attributes("send", topic, key)
    return tracing.span(_name("publish", topic), SpanKind.PRODUCER, attributes, correlation_id=correlation_id)


def carried(headers: Headers) -> Headers:
    """An event's headers, with the current span, if any, as traceparent."""
    around = tracing.current()
    if around is None:
        return headers
    kept = [(name, value) for name, value in headers if name != tracing.TRACEPARENT]
    return [*kept, (tracing.TRACEPARENT, around.encode())]


def processing(record: ConsumerRecord, group: str) -> AbstractContextManager[Span]:
    """A span for the processing of a record, below the span that published it."""
    if not tracing.on():
        return tracing.span("")
    attributes = {
        **_attributes("process", record.topic, record.key),
        "messaging.consumer.group.name": group,
        "messaging.destination.partition.id": str(record.partition),
        "messaging.kafka.offset": record.offset,
    }
    return tracing.span(
        _name("process", record.topic),
        SpanKind.CONSUMER,
        attributes,
        correlation_id=_correlation_id(record.value),
        traceparent=_header(record.headers),
    )


def _attributes(operation: str, topic: str, key: bytes | None) -> dict[str, str | int]:
    attributes: dict[str, str | int] = {
        "messaging.system": "kafka",
        "messaging.operation.type": operation,
        "messaging.destination.name": topic,
    }
    if key is not None:
        attributes["messaging.kafka.message.key"] = key.decode(errors="replace")[:255]
    return attributes


def _name(operation: str, topic: str) -> str:
    return f"{operation} {topic.removeprefix(names.TOPIC_PREFIX)}"


def _correlation_id(value: Any) -> str | None:
    """The correlation id in the value of an event or a submitted document."""
    try:
        found = from_json(value if isinstance(value, bytes) else b"")
    except ValueError:
        return None
    named = found.get("correlation_id") if isinstance(found, dict) else None
    return named if isinstance(named, str) else None


def _header(headers: Sequence[tuple[str, Any]]) -> str:
    value = dict(headers).get(tracing.TRACEPARENT) or b""
    return value.decode("latin-1") if isinstance(value, bytes) else ""
