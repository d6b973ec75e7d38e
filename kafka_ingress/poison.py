"""In: a record that can never be handled. Out: its dead letter: what it was, where it stood, why."""

import traceback
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from aiokafka import ConsumerRecord

from archon.contracts.dead_letters import original_message
from archon.contracts.errors import ArchonError, InvalidInputError
from archon.contracts.events import DeadLetter, ErrorDetails
from archon.contracts.types import FailureType
from archon.runtime import metrics
from archon.runtime.alerts import Alerts
from archon.runtime.kafka import KafkaPublisher
from archon.runtime.logs import get_logger
from kafka_ingress.unreadable import Unreadable

Handler = Callable[[ConsumerRecord], Awaitable[None]]
"""Returns when the record is durable elsewhere; an error of ours means that it may be tried again."""

ORIGINAL_KEY: Final = "original_key"
"""Header with the key of the message that failed."""
HEADER_BYTES: Final = 64 * 1024
"""How much of a message's headers a dead letter carries."""
_KEPT: Final = ("document_id", "project_name", "content_hash", "file_path", "correlation_id")
_log = get_logger(__name__)


def parking_poison(handler: Handler, publisher: KafkaPublisher, alerts: Alerts) -> Handler:
    """`handler`, but for records that no repetition would mend: those are dead-lettered."""

    async def handle(record: ConsumerRecord) -> None:
        try:
            if isinstance(record.value, Unreadable):
                raise InvalidInputError("record", record.value.reason)  # noqa: TRY301  as if the handler had
            await handler(record)
        except InvalidInputError as error:
            alerts.notify(await dead_letter(publisher, record, str(error), FailureType.DATA_QUALITY, error))
        except ArchonError:
            raise
        except Exception as error:  # noqa: BLE001  a fault of ours must not block the partition either
            alerts.notify(await dead_letter(publisher, record, repr(error), FailureType.PERMANENT, error))

    return handle


async def dead_letter(
    publisher: KafkaPublisher,
    record: ConsumerRecord,
    reason: str,
    failure_type: FailureType,
    error: Exception,
) -> DeadLetter:
    """Publish the record's dead letter, and return it. Raises PublishError when Kafka does not take it."""
    provenance = f"{record.topic}:{record.partition}:{record.offset}"
    message = original_message(None if isinstance(record.value, Unreadable) else record.value)
    fields = {name: value for name in _KEPT if isinstance(value := _get(message, name), str)}
    letter = DeadLetter(
        **fields,
        failure_reason=reason,
        failure_timestamp=datetime.now(UTC),
        failure_type=failure_type,
        original_message=message,
        error_details=ErrorDetails(
            exception_type=type(error).__name__,
            exception_message=reason,
            stack_trace="".join(traceback.format_exception(error))[-4000:],
        ),
        source=provenance,
    )
    headers = [*_bearable(record.headers), *([(ORIGINAL_KEY, record.key)] if record.key is not None else [])]
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
        left -= len(name) + len(value or b"")
        if left >= 0:
            kept.append((name, value))
    return kept


def _get(message: Any, name: str) -> Any:
    return message.get(name) if isinstance(message, dict) else None
