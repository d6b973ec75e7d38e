"""In: records of topics. Out: each passed to a handler, its offset committed after it is durable.

The number in flight is limited, and records are in order by key if required. A handler that raises one of our
errors is called again, so an outage behind it pauses consumption and loses nothing.
"""

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, ConsumerRecord, TopicPartition
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError

from archon.contracts.errors import ArchonError
from archon.runtime.flow.backoff import Backoff
from archon.runtime.kafka.recreated import RecreatedPartitions
from archon.runtime.logs import get_logger
from archon.runtime.settings import Settings
from archon.runtime.telemetry import metrics
from kafka_ingress.membership import member
from kafka_ingress.offsets import OffsetTracker
from kafka_ingress.poison import Handler

_COMMIT_EVERY: Final = 0.5
_FIRST_DELAY: Final = 0.2
_MAX_DELAY: Final = 10.0
_WAIT_MS: Final = 200
_SIGN_OF_LIFE: Final = 60.0
"""Seconds without a poll after which the consumer polls to stay in its group; Kafka waits for 300."""
BYTES: Final = 32 * 1024 * 1024
"""Bytes of one topic's records in flight at which no more of them are taken."""
_log = get_logger(__name__)


class RecordConsumer(ConsumerRebalanceListener):  # type: ignore[misc]
    """Consumes topics; earlier topics take precedence for free places.

    `topics`: by name, whether to take no more of it for now; `ordered`: records of one key are handled in
    sequence; `limit`: records of each topic in flight; `fetch_wait`: as in `member`.
    """

    def __init__(
        self,
        settings: Settings,
        topics: Mapping[str, Callable[[], bool]],
        group_id: str,
        handler: Handler,
        *,
        ordered: bool,
        limit: int = 64,
        fetch_wait: float = 0.5,
    ) -> None:
        self._settings = settings
        self._topics = topics
        self._group_id = group_id
        self._handler = handler
        self._ordered = ordered
        self._limit = limit
        self._fetch_wait = fetch_wait
        self._consumer: AIOKafkaConsumer | None = None
        self._trackers: dict[TopicPartition, OffsetTracker] = {}
        self._tasks: dict[asyncio.Task[None], TopicPartition] = {}
        self._in_flight: Counter[str] = Counter()
        self._bytes: Counter[str] = Counter()
        self._last_of_key: dict[tuple[TopicPartition, bytes], asyncio.Task[None]] = {}
        self._recreated = RecreatedPartitions(settings.kafka_recreated_after)
        self._fault: BaseException | None = None
        self._last_commit = self._last_poll = 0.0
        self.consumed = 0
        self.processed = 0
        self.errors = 0
        for topic in topics:
            metrics.MESSAGES_CONSUMED.labels(topic)
            metrics.MESSAGES_PROCESSED.labels(topic)

    @property
    def connected(self) -> bool:
        """Whether it is a member of its group, or joining it."""
        return self._consumer is not None

    @property
    def paused(self) -> bool:
        """Whether consumption of some topic is currently paused."""
        return any(closed() for closed in self._topics.values())

    def holds(self, topic: str, partition: int) -> bool:
        """Whether the partition with this number is assigned to this consumer."""
        assigned = self._consumer.assignment() if self._consumer is not None else ()
        return TopicPartition(topic, partition) in assigned

    async def run(self, stop: asyncio.Event) -> None:
        """Consumes until `stop`, then finishes the records in flight, commits and leaves the group."""
        async with member(
            self._settings, list(self._topics), self._group_id, self, stop=stop, fetch_wait=self._fetch_wait
        ) as consumer:
            if consumer is None:
                return
            self._consumer = consumer
            try:
                while not stop.is_set():
                    if self._fault is not None:
                        raise self._fault  # its offset would silently block all later commits
                    await self._poll(consumer)
                    await self._commit_when_due()
                    await self._rewind_what_is_new(consumer)
            finally:
                try:
                    await self._drain(set(self._tasks), self._settings.shutdown_timeout)
                    await self._commit()
                finally:
                    self._consumer = None

    async def _poll(self, consumer: AIOKafkaConsumer) -> None:
        rooms = self._rooms()
        # Partitions are never paused in the client: that would discard fetched records, which are then
        # fetched again and again.
        wanted = [each for each in consumer.assignment() if each.topic in rooms]
        if not wanted and consumer.assignment():
            await self._rest(consumer)
            return
        self._last_poll = time.monotonic()
        room = min(rooms.values(), default=self._limit)
        batches = await consumer.getmany(*wanted, timeout_ms=_WAIT_MS, max_records=room)
        for partition, records in batches.items():
            for record in records:
                self._begin(partition, record)

    def _rooms(self) -> dict[str, int]:
        """Number of records that may be taken now, by topic."""
        rooms: dict[str, int] = {}
        for topic, closed in self._topics.items():
            if closed():
                continue
            room = self._limit - self._in_flight[topic]
            if room <= 0 or self._bytes[topic] >= BYTES:
                break
            rooms[topic] = room
        return rooms

    async def _rest(self, consumer: AIOKafkaConsumer) -> None:
        """Waits a moment, or until a record is done. Polls from time to time to stay in the group."""
        if time.monotonic() - self._last_poll >= _SIGN_OF_LIFE:
            self._last_poll = time.monotonic()
            consumer.pause(*consumer.assignment())
            await consumer.getmany(timeout_ms=0)
            consumer.resume(*consumer.assignment())
        elif self._tasks:
            await asyncio.wait(self._tasks, timeout=_WAIT_MS / 1000, return_when=asyncio.FIRST_COMPLETED)
        else:
            await asyncio.sleep(_WAIT_MS / 1000)

    def _begin(self, partition: TopicPartition, record: ConsumerRecord) -> None:
        self.consumed += 1
        size = _size(record)
        self._in_flight[record.topic] += 1
        self._bytes[record.topic] += size
        metrics.MESSAGES_CONSUMED.labels(record.topic).inc()
        tracker = self._trackers.setdefault(partition, OffsetTracker())
        tracker.begin(record.offset)
        key = (partition, record.key) if self._ordered and record.key is not None else None
        previous = self._last_of_key.get(key) if key else None
        task = asyncio.create_task(self._process(record, tracker, previous))
        self._tasks[task] = partition
        task.add_done_callback(partial(self._forget, size))
        if key:
            self._last_of_key[key] = task
            task.add_done_callback(lambda done: self._forget_key(key, done))

    def _forget(self, size: int, task: asyncio.Task[None]) -> None:
        topic = self._tasks.pop(task).topic
        self._in_flight[topic] -= 1
        self._bytes[topic] -= size
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.critical("record_handler_failed", topics=list(self._topics), exc_info=error)
            self._fault = self._fault or error

    def _forget_key(self, key: tuple[TopicPartition, bytes], task: asyncio.Task[None]) -> None:
        if self._last_of_key.get(key) is task:
            del self._last_of_key[key]

    async def _process(
        self, record: ConsumerRecord, tracker: OffsetTracker, previous: asyncio.Task[None] | None
    ) -> None:
        if previous is not None:
            await asyncio.wait([previous])
            if previous.cancelled():
                raise asyncio.CancelledError  # it will be delivered again, so this one must be too
        async for delay in Backoff(_FIRST_DELAY, _MAX_DELAY):
            try:
                await self._handler(record)
            except ArchonError as error:
                self.errors += 1
                metrics.ERRORS.labels(type(error).__name__).inc()
                _log.warning(
                    "record_waits",
                    source=f"{record.topic}:{record.partition}:{record.offset}",
                    error_type=type(error).__name__,
                    error=str(error),
                    delay=delay,
                )
            else:
                tracker.done(record.offset)
                self.processed += 1
                metrics.MESSAGES_PROCESSED.labels(record.topic).inc()
                return

    async def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        """Finishes and commits the records in flight; those that cannot finish in time are delivered
        again."""
        tasks = {task for task, partition in self._tasks.items() if partition in revoked}
        await self._drain(tasks, self._settings.shutdown_timeout)
        await self._commit()
        for partition in revoked:
            self._trackers.pop(partition, None)

    async def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        for partition in assigned:
            self._trackers.pop(partition, None)
        for topic in self._topics:
            numbers = sorted(each.partition for each in assigned if each.topic == topic)
            _log.info("partitions_assigned", topic=topic, partitions=numbers)

    async def _drain(self, tasks: set[asyncio.Task[None]], seconds: float) -> None:
        if not tasks:
            return
        _, late = await asyncio.wait(tasks, timeout=seconds)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)

    async def _commit_when_due(self) -> None:
        if time.monotonic() - self._last_commit >= _COMMIT_EVERY:
            self._last_commit = time.monotonic()
            await self._commit()

    async def _rewind_what_is_new(self, consumer: AIOKafkaConsumer) -> None:
        """Starts over with a recreated partition."""
        for partition in await self._recreated.found(consumer):
            _log.warning("partition_recreated", topic=partition.topic, partition=partition.partition)
            self._trackers.pop(partition, None)
            with contextlib.suppress(KafkaError, IllegalStateError):
                await consumer.seek_to_beginning(partition)

    async def _commit(self) -> None:
        positions = {
            partition: tracker.uncommitted
            for partition, tracker in self._trackers.items()
            if tracker.uncommitted is not None
        }
        if not positions or self._consumer is None:
            return
        try:
            await self._consumer.commit(positions)
        except (CommitFailedError, IllegalStateError):
            # The partitions belong to another member now; it starts from the last commit.
            for partition in positions:
                self._trackers.pop(partition, None)
        except KafkaError as error:
            _log.warning("commit_failed", group=self._group_id, error=repr(error))
        else:
            for partition, position in positions.items():
                if partition in self._trackers:
                    self._trackers[partition].committed(position)


def _size(record: ConsumerRecord) -> int:
    """Approximate memory of a record in bytes."""
    headers = sum(len(name) + len(value or b"") for name, value in record.headers)
    return len(record.value or b"") + len(record.key or b"") + headers
