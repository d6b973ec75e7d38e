"""In: a start and an end position. Out: the events in Kafka between them, in the order of their timestamps.

Each replay has its own consumer, which commits nothing.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Final

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError

from archon.contracts.errors import TopicUnavailableError
from archon.contracts.streams import Place, Position, Source
from archon.events.records import StreamedEvent, Watched, event_of, sources
from archon.runtime.kafka.brokers import connection, kafka_at, start
from archon.runtime.reasons import in_words
from archon.runtime.settings import Settings

_SECONDS: Final = 30.0
"""Seconds without a record after which a partition counts as unavailable."""
_AT_ONCE: Final = 500

Range = tuple[int, int]
"""The first offset, and the one after the last."""


def ranges(start: Position, until: Position) -> dict[Place, Range]:
    """The offsets between both positions. A position beyond the end, for example of a recreated topic, gives
    nothing."""
    found = {
        place: (start.offsets.get(place, 0), end)
        for place, end in until.offsets.items()
        if start.offsets.get(place, 0) < end
    }
    if start.bare:  # a bare id names the only partition of progress that has the document
        passed = [place for place in found if place[0] is Source.PROGRESS and place not in start.offsets]
        for place in passed:
            del found[place]
    return found


class Replay:
    """`pace` is awaited with the number of records that were read. Raises TopicUnavailableError."""

    def __init__(
        self,
        settings: Settings,
        watched: Watched,
        start: Position,
        until: Position,
        pace: Callable[[int], Awaitable[None]],
    ) -> None:
        self._settings = settings
        self._pace = pace
        self._watched = watched
        topics = {source: topic for topic, source in sources(settings).items()}
        self._places = {TopicPartition(topics[place[0]], place[1]): place for place in until.offsets}
        self._ranges = ranges(start, until)
        self._read = {place: self._ranges.get(place, (end, end))[0] for place, end in until.offsets.items()}
        self._heads: dict[TopicPartition, deque[ConsumerRecord]] = {}

    async def events(self) -> AsyncIterator[StreamedEvent]:
        """The watched events, each with the position after it."""
        if not self._ranges:
            return
        consumer = AIOKafkaConsumer(
            **connection(self._settings),
            auto_offset_reset="earliest",
            fetch_max_wait_ms=100,
        )
        wanted = [partition for partition, place in self._places.items() if place in self._ranges]
        consumer.assign(wanted)
        try:
            await start(consumer, self._settings)
            for partition in wanted:
                consumer.seek(partition, self._ranges[self._places[partition]][0])
                self._heads[partition] = deque()
            async for event in self._merged(consumer):
                yield event
        except (KafkaError, TimeoutError, OSError) as error:
            raise TopicUnavailableError(
                f"{kafka_at(self._settings)}: cannot replay: {in_words(error)}"
            ) from error
        finally:
            await consumer.stop()

    async def _merged(self, consumer: AIOKafkaConsumer) -> AsyncIterator[StreamedEvent]:
        while True:
            for partition in [each for each, records in self._heads.items() if not records]:
                await self._refill(consumer, partition)
            if not self._heads:
                return
            oldest = min(self._heads, key=lambda each: self._heads[each][0].timestamp)
            record, place = self._heads[oldest].popleft(), self._places[oldest]
            self._read[place] = record.offset + 1
            event = event_of(place[0], record)
            if event is not None and self._watched.takes(event):
                yield event.streamed(Position(dict(self._read)))

    async def _refill(self, consumer: AIOKafkaConsumer, partition: TopicPartition) -> None:
        """Fetches the partition's next records; at the end of its range the partition is done."""
        _, end = self._ranges[self._places[partition]]
        await asyncio.sleep(0)  # fetched records would otherwise be processed without a pause
        async with asyncio.timeout(_SECONDS):
            # Positions, not offsets: records removed by compaction at the end are never delivered.
            while await consumer.position(partition) < end:
                batch: Mapping[TopicPartition, list[ConsumerRecord]] = await consumer.getmany(
                    partition, timeout_ms=200, max_records=_AT_ONCE
                )
                records = [record for record in batch.get(partition, []) if record.offset < end]
                if records:
                    self._heads[partition].extend(records)
                    break
            else:
                self._read[self._places[partition]] = end
                del self._heads[partition]
                return
        await self._pace(len(records))
