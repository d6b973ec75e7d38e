"""In: the dead-letter topic. Out: the letters that stand: the last of each key, without those cleared.

Read from its beginning each time: there are few letters, and nothing has to be kept in step.
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
"""How long Kafka may yield nothing before the topic is taken as unavailable."""
_READERS: Final = 4
"""Who read the topic at once, each of them through all of it; of one API key one alone."""
_PATIENCE: Final = 5.0
"""Seconds that one more waits for its turn."""
_AT_ONCE: Final = 100
"""Records after which others have their turn."""


class DeadLetterTopic:
    """The topic as a table. Raises TopicUnavailableError. `holder`: whose API key asks, None where there are
    none."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._topic = settings.kafka_dlq_topic
        self._turns = Turns(_READERS, each=1)

    async def rows(
        self, wanted: DeadLetterFilter, projects: Projects, holder: str | None = None
    ) -> list[DeadLetterRow]:
        """The letters that stand, the latest failure first; one that names no project is in none."""
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
        """The letter that stands under a key. Raises NotFoundError, also for another project's."""
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
        """Keys and values from `positions` on, by partition, which then tell how far this has read; else
        from the beginning."""
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
                raise TopicUnavailableError(f"{self._topic}: others are reading it already") from None
            yield

    async def _read(
        self, consumer: AIOKafkaConsumer, positions: dict[int, int], patience: asyncio.Timeout
    ) -> AsyncIterator[tuple[str, bytes | None]]:
        """Keys and values up to where the topic ended when this began; `patience` is renewed at each step."""
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
            await asyncio.sleep(0)  # what is fetched already would be gone through without a pause
            # Positions, not offsets: what compaction has removed from the end is never delivered.
            for partition in list(left):
                if await consumer.position(partition) >= found.get(partition, ends[partition]):
                    left.discard(partition)
        positions |= {each.partition: await consumer.position(each) for each in partitions}


async def _seek(
    consumer: AIOKafkaConsumer, ends: Mapping[TopicPartition, int], positions: Mapping[int, int]
) -> None:
    """To the positions, or the beginning. A broker may give the beginning of a topic's last batch as its end:
    that batch is read again, and what comes with it has the right one."""
    await consumer.seek_to_beginning(*ends)
    for partition, end in ends.items():
        if partition.partition in positions:
            consumer.seek(partition, min(positions[partition.partition], max(0, end - 1)))


async def _end(
    consumer: AIOKafkaConsumer, partition: TopicPartition, known: int, begun: Mapping[int, int]
) -> int:
    """Where a partition ends, once something of it was fetched."""
    end: int = max(known, consumer.highwater(partition))
    if begun.get(partition.partition, 0) > end:  # the topic was made anew
        await consumer.seek_to_beginning(partition)
    return end


def _within(projects: Projects, letter: DeadLetter | DeadLetterRow) -> bool:
    return projects is None or letter.project_name in projects


def parsed(value: bytes | None) -> DeadLetter | None:
    """None for a tombstone, and for what nobody here has written."""
    if value is None:
        return None
    try:
        return DeadLetter.model_validate_json(value)
    except ValidationError:
        return None
