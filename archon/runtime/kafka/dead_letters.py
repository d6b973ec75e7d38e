"""In: the dead-letter topic. Out: the current letters: the last one of each key, without the cleared ones.

Reads the topic from its beginning each time: there are few letters, and no state must be kept in sync.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from typing import Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError
from pydantic import ValidationError

from archon.contracts.errors import NotFoundError, TopicUnavailableError
from archon.contracts.events import DeadLetter
from archon.contracts.operations.dead_letters import DeadLetterFilter, DeadLetterRow
from archon.contracts.types import Projects
from archon.runtime.flow.turns import Turns
from archon.runtime.kafka.brokers import connection, kafka_at, start
from archon.runtime.reasons import in_words
from archon.runtime.settings import Settings

_SECONDS: Final = 30.0
"""Seconds without a record after which the topic counts as unavailable."""
_READERS: Final = 4
"""Maximum number of concurrent readers, each of which reads the whole topic; one for each API key."""
_PATIENCE: Final = 5.0
"""Seconds that a further reader waits for its turn."""
_AT_ONCE: Final = 100
"""Records after which other tasks get a turn."""


class DeadLetterTopic:
    """The topic as a table. Raises TopicUnavailableError. `holder`: the caller's API key, None without
    keys."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._topic = settings.kafka_dlq_topic
        self._turns = Turns(_READERS, each=1)

    async def rows(
        self, wanted: DeadLetterFilter, projects: Projects, holder: str | None = None
    ) -> list[DeadLetterRow]:
        """The current letters, the latest failure first; letters without a project belong to no result."""
        standing: dict[str, DeadLetterRow] = {}
        async with self.records(holder=holder) as records:
            async for key, value in records:
                standing.pop(key, None)
                letter = parsed(value)
                if letter is None or not _within(projects, letter):
                    continue
                row = DeadLetterRow.of(key, letter)
                if wanted.takes(row):
                    standing[key] = row
        return sorted(standing.values(), key=lambda row: row.failure_timestamp, reverse=True)

    async def get(self, wanted: str, projects: Projects, holder: str | None = None) -> DeadLetter:
        """The current letter with a key. Raises NotFoundError, also for a letter of another project."""
        found: DeadLetter | None = None
        async with self.records(holder=holder) as records:
            async for key, value in records:
                if key == wanted:
                    found = parsed(value)
        if found is None or not _within(projects, found):
            raise NotFoundError(f"there is no dead letter {wanted}")
        return found

    @contextlib.asynccontextmanager
    async def records(
        self, positions: dict[int, int] | None = None, *, holder: str | None = None
    ) -> AsyncIterator[AsyncIterator[tuple[str, bytes | None]]]:
        """Keys and values from `positions` on, by partition; updates `positions`. Without them, from the
        beginning."""
        async with self._turn(holder):
            consumer = AIOKafkaConsumer(
                self._topic, **connection(self._settings), auto_offset_reset="earliest"
            )
            try:
                async with asyncio.timeout(_SECONDS) as patience:
                    await start(consumer, self._settings)
                    yield self._read(consumer, positions if positions is not None else {}, patience)
            except (KafkaError, TimeoutError, OSError) as error:
                raise TopicUnavailableError(
                    f"{kafka_at(self._settings)}: {self._topic}: {in_words(error)}"
                ) from error
            finally:
                await consumer.stop()

    @contextlib.asynccontextmanager
    async def _turn(self, holder: str | None) -> AsyncIterator[None]:
        async with contextlib.AsyncExitStack() as held:
            try:
                async with asyncio.timeout(_PATIENCE):
                    await held.enter_async_context(self._turns.taken(holder))
            except TimeoutError:
                raise TopicUnavailableError(f"{self._topic}: others are already reading it") from None
            yield

    async def _read(
        self, consumer: AIOKafkaConsumer, positions: dict[int, int], patience: asyncio.Timeout
    ) -> AsyncIterator[tuple[str, bytes | None]]:
        """Keys and values up to the topic's end at the start of the call; every step renews `patience`."""
        partitions = consumer.assignment()
        ends = await consumer.end_offsets(partitions)
        begun = dict(positions)
        await _seek(consumer, ends, begun)
        found: dict[TopicPartition, int] = {}
        left = {partition for partition in partitions if await consumer.position(partition) < ends[partition]}
        while left:
            batches = await consumer.getmany(*left, timeout_ms=200, max_records=_AT_ONCE)
            for partition, records in batches.items():
                for record in records:
                    yield (record.key or b"").decode(errors="replace"), record.value
                positions[partition.partition] = records[-1].offset + 1
                if partition not in found:
                    found[partition] = await _end(consumer, partition, ends[partition], begun)
            if batches:
                patience.reschedule(asyncio.get_running_loop().time() + _SECONDS)
            await asyncio.sleep(0)  # fetched records would otherwise be processed without a pause
            # Positions, not offsets: records removed by compaction at the end are never delivered.
            for partition in list(left):
                if await consumer.position(partition) >= found.get(partition, ends[partition]):
                    left.discard(partition)
        positions |= {each.partition: await consumer.position(each) for each in partitions}


async def _seek(
    consumer: AIOKafkaConsumer, ends: Mapping[TopicPartition, int], positions: Mapping[int, int]
) -> None:
    """Seeks to the positions, or the beginning. Some brokers report the start of a topic's last batch as its
    end: that batch is read again, and the records after it give the right end."""
    await consumer.seek_to_beginning(*ends)
    for partition, end in ends.items():
        if partition.partition in positions:
            consumer.seek(partition, min(positions[partition.partition], max(0, end - 1)))


async def _end(
    consumer: AIOKafkaConsumer, partition: TopicPartition, known: int, begun: Mapping[int, int]
) -> int:
    """The end of a partition, after its first fetch."""
    end: int = max(known, consumer.highwater(partition))
    if begun.get(partition.partition, 0) > end:  # the topic was recreated
        await consumer.seek_to_beginning(partition)
    return end


def _within(projects: Projects, letter: DeadLetter | DeadLetterRow) -> bool:
    return projects is None or letter.project_name in projects


def parsed(value: bytes | None) -> DeadLetter | None:
    """None for a tombstone, and for a record that another program wrote."""
    if value is None:
        return None
    try:
        return DeadLetter.model_validate_json(value)
    except ValidationError:
        return None
