"""In: the ends of the progress, completed and dead-letter topics. Out: each event, to every stream that
watches its document.

One consumer per process, whatever the number of streams. It starts with the first stream, commits nothing,
and never waits for a stream: a slow stream is closed, and may resume by its position.
"""

import asyncio
import contextlib
import heapq
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import IllegalStateError, KafkaError

from archon.contracts.errors import TooManyStreamsError
from archon.contracts.streams import Place, Position, StreamClosed
from archon.events.records import StreamedEvent, Watched, event_of, sources
from archon.events.replay import Replay
from archon.runtime.flow.backoff import Backoff
from archon.runtime.flow.rates import TokenBuckets
from archon.runtime.flow.turns import Turns
from archon.runtime.kafka.brokers import connection, start
from archon.runtime.kafka.recreated import RecreatedPartitions
from archon.runtime.logs import get_logger
from archon.runtime.settings import Settings

BUFFERED: Final = 1000
"""Maximum number of events that a stream may lag behind."""
_AT_ONCE: Final = BUFFERED // 4
"""Records delivered before streams get a turn to read them."""
_RECONNECT_AFTER: Final = 1.0
REPLAYED: Final = 1000.0
"""Records a second that the replays of one API key may read: ten cost as much as to index a document."""
_PATIENCE: Final = 5.0
"""Seconds that a client waits for a free replay before it is refused."""
_STOPPING: Final = "the bridge is stopping"
_log = get_logger(__name__)


@dataclass(frozen=True)
class Missed:
    """Events before `until` may have been missed: read Kafka or the graph to catch up."""

    until: Position


class Subscription:
    """The pending events of one stream."""

    def __init__(self, watched: Watched) -> None:
        self.watched = watched
        self.stopping = False
        self._closed = False
        self._waiting: asyncio.Queue[StreamedEvent | Missed | StreamClosed] = asyncio.Queue()

    def tell(self, what: StreamedEvent | Missed) -> None:
        """Closes the stream instead if it lags too far behind."""
        if self._closed:
            return
        if self._waiting.qsize() < BUFFERED:
            self._waiting.put_nowait(what)
        else:
            self.close(f"{BUFFERED} events wait; resume by the last id", at_once=False)

    def close(self, reason: str, *, at_once: bool = True) -> None:
        """Delivers pending events first, unless `at_once`."""
        if at_once:
            self.stopping = True
            while not self._waiting.empty():
                self._waiting.get_nowait()
        self._closed = True
        self._waiting.put_nowait(StreamClosed(reason=reason))

    async def next(self, seconds: float) -> StreamedEvent | Missed | StreamClosed | None:
        """None if there was nothing within that time."""
        try:
            return await asyncio.wait_for(self._waiting.get(), seconds)
        except TimeoutError:
            return None

    @property
    def idle(self) -> bool:
        return self._waiting.empty()


class StreamPlace:
    """A place for an open stream, limited in number; reserved on construction."""

    def __init__(self, taken: Counter[str | None], holder: str | None) -> None:
        self._taken: Counter[str | None] | None = taken
        self._holder = holder
        taken[holder] += 1

    def leave(self) -> None:
        """Safe to repeat."""
        if self._taken is None:
            return
        self._taken[self._holder] -= 1
        if not self._taken[self._holder]:
            del self._taken[self._holder]
        self._taken = None


class EventTail:
    """`run` is its work in the background.

    `holder`: the API key of a stream, None without keys. A key may use at most half of the places that the
    others leave, so that every key gets one.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._sources = sources(settings)
        self._offsets: dict[Place, int] = {}
        self._subscriptions: set[Subscription] = set()
        self._open: Counter[str | None] = Counter()
        self._wanted, self._placed = asyncio.Event(), asyncio.Event()
        self._replays = Turns(settings.max_stream_replays, _share(settings.max_stream_replays))
        self._paces = TokenBuckets()
        self._ended = False

    @property
    def position(self) -> Position | None:
        """The position after the last event; None before Kafka is first reached."""
        return Position(dict(self._offsets)) if self._placed.is_set() else None

    async def place(self, *, replay: bool, holder: str | None = None) -> "StreamPlace":
        """Reserves a place for a stream. Raises TooManyStreamsError."""
        if replay:
            try:
                async with asyncio.timeout(_PATIENCE), self._replays.taken(holder):
                    pass
            except TimeoutError:
                raise TooManyStreamsError(
                    f"{self._settings.max_stream_replays} replays are already running"
                ) from None
        if self._ended:
            raise TooManyStreamsError(_STOPPING)
        most, total = self._settings.max_streams, self._open.total()
        if total >= most:
            raise TooManyStreamsError(f"{most} streams are already open")
        share = _share(most - total + self._open[holder])
        if holder is not None and self._open[holder] >= share:
            raise TooManyStreamsError(f"{share} streams of this API key are already open")
        return StreamPlace(self._open, holder)

    @contextlib.asynccontextmanager
    async def subscribed(self, watched: Watched) -> AsyncIterator[Subscription]:
        """All events from now on. If Kafka is not reached yet, the stream starts with Missed."""
        self._wanted.set()
        subscription = Subscription(watched)
        try:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._placed.wait(), _RECONNECT_AFTER)
            self._subscriptions.add(subscription)
            if self._ended:
                subscription.close(_STOPPING)
            yield subscription
        finally:
            self._subscriptions.discard(subscription)

    async def replay(
        self, watched: Watched, start: Position, until: Position, holder: str | None = None
    ) -> AsyncGenerator[StreamedEvent]:
        """Raises TopicUnavailableError."""

        async def pace(records: int) -> None:
            if holder is not None:
                await asyncio.sleep(self._paces.spend(holder, REPLAYED, REPLAYED, records))

        async with self._replays.taken(holder):
            async for event in Replay(self._settings, watched, start, until, pace).events():
                yield event

    def end(self) -> None:
        """Closes every stream, because a stopping server waits for open responses without limit."""
        self._ended = True
        for subscription in self._subscriptions:
            subscription.close(_STOPPING)

    async def run(self) -> None:
        """Reads from the first subscription on."""
        await self._wanted.wait()
        async for _ in Backoff(_RECONNECT_AFTER):
            consumer = AIOKafkaConsumer(
                *self._sources,
                **connection(self._settings),
                auto_offset_reset="earliest",
                fetch_max_wait_ms=100,
            )
            try:
                await start(consumer, self._settings)
                await self._follow(consumer)
            except (KafkaError, IllegalStateError, OSError) as error:
                _log.warning("event_tail_interrupted", error=repr(error))
            finally:
                await consumer.stop()

    async def _follow(self, consumer: AIOKafkaConsumer) -> None:
        recreated = RecreatedPartitions(self._settings.kafka_recreated_after)
        placed: frozenset[TopicPartition] = frozenset()
        while True:
            if consumer.assignment() != placed:
                placed = await self._place(consumer)
            batches = (await consumer.getmany(timeout_ms=200, max_records=_AT_ONCE)).values()
            if consumer.assignment() != placed:
                continue  # recreated, and perhaps read from the beginning
            self._tell(heapq.merge(*batches, key=lambda record: record.timestamp))
            await asyncio.sleep(0)  # streams get a turn, however many records are waiting
            if made_anew := await recreated.found(consumer):
                await self._start_over(consumer, made_anew)

    async def _place(self, consumer: AIOKafkaConsumer) -> frozenset[TopicPartition]:
        """Continues at the last position; the first time, at the ends. A partition that appears later is read
        completely."""
        partitions = frozenset(consumer.assignment())
        if not self._placed.is_set():
            ends = await consumer.end_offsets(partitions)
            self._offsets = {self._place_of(partition): end for partition, end in ends.items()}
            self._placed.set()
            self._say_missed()
        for partition in partitions:
            consumer.seek(partition, self._offsets.setdefault(self._place_of(partition), 0))
        return partitions

    async def _start_over(self, consumer: AIOKafkaConsumer, partitions: Sequence[TopicPartition]) -> None:
        for partition in partitions:
            _log.warning("partition_recreated", topic=partition.topic, partition=partition.partition)
            self._offsets[self._place_of(partition)] = 0
        await consumer.seek_to_beginning(*partitions)
        self._say_missed()

    def _place_of(self, partition: TopicPartition) -> Place:
        return self._sources[partition.topic], partition.partition

    def _say_missed(self) -> None:
        for subscription in self._subscriptions:
            subscription.tell(Missed(Position(dict(self._offsets))))

    def _tell(self, records: Iterable[ConsumerRecord]) -> None:
        for record in records:
            source = self._sources[record.topic]
            place = (source, record.partition)
            self._offsets[place] = record.offset + 1
            event = event_of(source, record) if self._subscriptions else None
            takers = [each for each in self._subscriptions if event and each.watched.takes(event)]
            if event is not None and takers:
                streamed = event.streamed(Position(dict(self._offsets)))
                for each in takers:
                    each.tell(streamed)


def _share(most: int) -> int:
    return max(1, most // 2)
