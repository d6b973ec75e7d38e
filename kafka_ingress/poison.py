"""In: a record that can never be handled. Out: its dead letter with content, position and reason."""

import traceback
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from aiokafka import ConsumerRecord

from archon.contracts import json_values
from archon.contracts.errors import ArchonError, InvalidInputError
from archon.contracts.events import DeadLetter, ErrorDetails
from archon.contracts.operations.dead_letters import original_message
from archon.contracts.types import FailureType
from archon.runtime.alerts import Alerts
from archon.runtime.kafka.publisher import KafkaPublisher
from archon.runtime.kafka.record_batches import UnreadableRecord
from archon.runtime.logs import get_logger
from archon.runtime.telemetry import metrics
from kafka_ingress.enrichment import REASON_CHARACTERS

Names = Mapping[str, Sequence[str]]
Handler = Callable[[ConsumerRecord], Awaitable[None]]
"""Returns when the record is durable elsewhere; one of our errors means that it may be tried again."""

ORIGINAL_KEY: Final = "original_key"
"""Header with the key of the failed message."""
HEADER_BYTES: Final = 64 * 1024
"""Maximum bytes of a message's headers in a dead letter."""
READ_BYTES: Final = 16 * 1024 * 1024
READ_VALUES: Final = 20_000
"""Maximum number of values in a message whose fields are copied to its dead letter."""
_A_HEADER: Final = 16
"""Minimum bytes of a header."""
KEPT_CHARACTERS: Final = 4096
"""Maximum length of a text that a dead letter copies as a field."""
REQUEST_NAMES: Final = {
    name: (name,) for name in ("document_id", "project_name", "content_hash", "file_path", "correlation_id")
}
"""For each field of a dead letter, its name in an enrichment request."""
DOCUMENT_NAMES: Final = {
    **REQUEST_NAMES,
    "project_name": ("project_id", "project_name"),
    "file_path": ("source_path", "file_path"),
}
"""For each field of a dead letter, its names in a submission: like the bridge, it uses the first existing
one."""
_log = get_logger(__name__)


def dead_lettering(
    handler: Handler, publisher: KafkaPublisher, alerts: Alerts, names: Names = REQUEST_NAMES
) -> Handler:
    """`handler`, except for records that a retry cannot fix: those are dead-lettered, with the fields that
    `names` finds in them."""

    async def refuse(record: ConsumerRecord, reason: str, failure: FailureType, error: Exception) -> None:
        alerts.notify(await dead_letter(publisher, record, reason, failure, error, names=names))

    async def handle(record: ConsumerRecord) -> None:
        try:
            if isinstance(record, UnreadableRecord):
                raise InvalidInputError("record", record.reason)  # noqa: TRY301  as if the handler had
            await handler(record)
        except InvalidInputError as error:
            await refuse(record, str(error), FailureType.DATA_QUALITY, error)
        except ArchonError:
            raise
        except Exception as error:  # noqa: BLE001  a fault of ours must not block the partition either
            await refuse(record, repr(error), FailureType.PERMANENT, error)

    return handle


async def dead_letter(
    publisher: KafkaPublisher,
    record: ConsumerRecord,
    reason: str,
    failure_type: FailureType,
    error: Exception,
    *,
    names: Names = REQUEST_NAMES,
) -> DeadLetter:
    """Publishes the record's dead letter, and returns it. Raises PublishError if Kafka refuses it."""
    provenance = f"{record.topic}:{record.partition}:{record.offset}"
    fields = _fields(record.value, names)
    reason = _encodable(reason)[:REASON_CHARACTERS]
    letter = DeadLetter(
        **fields,
        failure_reason=reason,
        failure_timestamp=datetime.now(UTC),
        failure_type=failure_type,
        original_message=original_message(record.value),
        error_details=ErrorDetails(
            exception_type=type(error).__name__,
            exception_message=reason,
            stack_trace=_encodable("".join(traceback.format_exception(error)))[-4000:],
        ),
        source=provenance,
    )
    key = [(ORIGINAL_KEY, record.key)] if record.key is not None else []
    headers = _bearable([*key, *record.headers])
    # The key is the record's position, not its own key: compaction keeps one letter per key, and none may be
    # lost.
    await publisher.dead_letter(letter, key=provenance, headers=headers)
    metrics.ERRORS.labels(type(error).__name__).inc()
    _log.warning(
        "message_dead_lettered",
        source=provenance,
        status="dead_lettered",
        reason=reason,
        failure_type=str(failure_type),
        error_type=type(error).__name__,
        **fields,
    )
    return letter


def _bearable(headers: Sequence[tuple[str, bytes]]) -> list[tuple[str, bytes]]:
    """The headers that fit into HEADER_BYTES, so that Kafka accepts the letter."""
    kept, left = [], HEADER_BYTES
    for name, value in headers:
        left -= len(name) + len(value or b"") + _A_HEADER
        if left >= 0:
            kept.append((name, value))
    return kept


def _encodable(text: str) -> str:
    """Replaces lone surrogates, which an error may quote."""
    return text.encode(errors="replace").decode()


def _fields(value: bytes | None, names: Names) -> dict[str, str]:
    """Fields also of a message that is too large or too deep to be copied; none of a message with too many
    values."""
    if len(value or b"") > READ_BYTES:
        return {}
    try:
        message = json_values.read(value or b"", most=READ_VALUES)
    except InvalidInputError:
        return {}
    if not isinstance(message, dict):
        return {}
    found = {field: _first(message, called) for field, called in names.items()}
    return {field: text for field, text in found.items() if text is not None}


def _first(message: Mapping[str, Any], names: Sequence[str]) -> str | None:
    text = next((message[name] for name in names if name in message), None)
    fits = isinstance(text, str) and len(text) <= KEPT_CHARACTERS and json_values.not_unicode(text) is None
    return text if fits else None
