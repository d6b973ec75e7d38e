"""In: the dead-letter topic. Out: the letters that stand: the last of each key, without those cleared.

Read from its beginning each time: there are few letters, and nothing has to be kept in step.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Final

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError
from pydantic import ValidationError

from archon.contracts.dead_letters import DeadLetterFilter, DeadLetterRow
from archon.contracts.errors import NotFoundError, TopicUnavailableError
from archon.contracts.events import DeadLetter
from archon.contracts.types import Projects
from archon.runtime.brokers import connection, start
from archon.runtime.settings import Settings

_SECONDS: Final = 30.0


class DeadLetterTopic:
    """The topic as a table. Raises TopicUnavailableError."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._servers = settings.kafka_bootstrap_servers
        self._topic = settings.kafka_dlq_topic

    async def rows(self, wanted: DeadLetterFilter, projects: Projects) -> list[DeadLetterRow]:
        """The letters that stand, the latest failure first; one that names no project is in none."""
        standing: dict[str, DeadLetterRow] = {}
        async with self._records() as records:
            async for key, value in records:
                standing.pop(key, None)
                if (letter := _parsed(value)) is not None:
                    standing[key] = DeadLetterRow.of(key, letter)
        rows = [row for row in standing.values() if _within(projects, row) and wanted.takes(row)]
        return sorted(rows, key=lambda row: row.failure_timestamp, reverse=True)

    async def get(self, wanted: str, projects: Projects) -> DeadLetter:
        """The letter that stands under a key. Raises NotFoundError, also for another project's."""
        found: DeadLetter | None = None
        async with self._records() as records:
            async for key, value in records:
                if key == wanted:
                    found = _parsed(value)
        if found is None or not _within(projects, found):
            raise NotFoundError(f"there is no dead letter {wanted}")
        return found

    @contextlib.asynccontextmanager
    async def _records(self) -> AsyncIterator[AsyncIterator[tuple[str, bytes | None]]]:
        consumer = AIOKafkaConsumer(self._topic, **connection(self._settings), auto_offset_reset="earliest")
        try:
            async with asyncio.timeout(_SECONDS):
                await start(consumer, self._settings)
                yield self._read(consumer)
        except (KafkaError, TimeoutError, OSError, UnicodeDecodeError) as error:
            raise TopicUnavailableError(f"{self._topic} at {self._servers}: {error!r}") from error
        finally:
            await consumer.stop()

    async def _read(self, consumer: AIOKafkaConsumer) -> AsyncIterator[tuple[str, bytes | None]]:
        """Keys and values up to where the topic ended when this began."""
        partitions = consumer.assignment()
        ends = await consumer.end_offsets(partitions)
        await consumer.seek_to_beginning(*partitions)
        left = {partition for partition in partitions if await consumer.position(partition) < ends[partition]}
        while left:
            for records in (await consumer.getmany(*left, timeout_ms=200)).values():
                for record in records:
                    yield (record.key or b"").decode(errors="replace"), record.value
            # Positions, not offsets: what compaction has removed from the end is never delivered.
            for partition in list(left):
                if await consumer.position(partition) >= ends[partition]:
                    left.discard(partition)


def _within(projects: Projects, letter: DeadLetter | DeadLetterRow) -> bool:
    return projects is None or letter.project_name in projects


def _parsed(value: bytes | None) -> DeadLetter | None:
    """None for a tombstone, and for what nobody here has written."""
    if value is None:
        return None
    try:
        return DeadLetter.model_validate_json(value)
    except ValidationError:
        return None
