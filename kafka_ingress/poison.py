"""In: a record that can never be handled. Out: its dead letter: what it was, where it stood, why."""

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
"""Returns when the record is durable elsewhere; an error of ours means that it may be tried again."""

ORIGINAL_KEY: Final = "original_key"
"""Header with the key of the message that failed."""
HEADER_BYTES: Final = 64 * 1024
"""How much of a message's headers a dead letter carries."""
READ_BYTES: Final = 16 * 1024 * 1024
READ_VALUES: Final = 20_000
"""The largest message whose fields are in its dead letter."""
_A_HEADER: Final = 16
"""Bytes that a header has at least, however short."""
KEPT_CHARACTERS: Final = 4096
"""The longest text of a message that a dead letter has as a field of its own."""
REQUEST_NAMES: Final = {
    name: (name,) for name in ("document_id", "project_name", "content_hash", "file_path", "correlation_id")
}
"""By field of a dead letter, what an enrichment request calls it."""
DOCUMENT_NAMES: Final = {
    **REQUEST_NAMES,
    "project_name": ("project_id", "project_name"),
    "file_path": ("source_path", "file_path"),
}
"""By field of a dead letter, what a submission calls it: as the bridge reads it, the first that is there."""
_log = get_logger(__name__)


def parking_poison(
    handler: Handler, publisher: KafkaPublisher, alerts: Alerts, names: Names = REQUEST_NAMES
) -> Handler:
    """`handler`, but for records that no repetition would mend: those are dead-lettered, with the fields
    that `names` finds in them."""

    async def park(record: ConsumerRecord, reason: str, failure: FailureType, error: Exception) -> None:
        alerts.notify(await dead_letter(publisher, record, reason, failure, error, names=names))

    async def handle(record: ConsumerRecord) -> None:
        try:
            if isinstance(record, UnreadableRecord):
                raise InvalidInputError("record", record.reason)  # noqa: TRY301  as if the handler had
            await handler(record)
        except InvalidInputError as error:
            await park(record, str(error), FailureType.DATA_QUALITY, error)
        except ArchonError:
            raise
        except Exception as error:  # noqa: BLE001  a fault of ours must not block the partition either
            await park(record, repr(error), FailureType.PERMANENT, error)

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
    """Publish the record's dead letter, and return it. Raises PublishError when Kafka does not take it."""
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
    # Under its own place, not its key: compaction keeps one letter a key, and none may be lost.
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
    """Those that fit into HEADER_BYTES, so that the letter is one that Kafka takes."""
    kept, left = [], HEADER_BYTES
    for name, value in headers:
        left -= len(name) + len(value or b"") + _A_HEADER
        if left >= 0:
            kept.append((name, value))
    return kept


def _encodable(text: str) -> str:
    """An error may quote half of a surrogate pair."""
    return text.encode(errors="replace").decode()


def _fields(value: bytes | None, names: Names) -> dict[str, str]:
    """Also of a message that is too large, or too deep, to be in the letter as it was; of one that would keep
    us busy, none."""
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
