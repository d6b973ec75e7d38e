"""The record consumer on a real broker: commits, redeliveries, and records without either."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Callable

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.record.default_records import _DefaultRecordBatchBuilderPy

from archon.contracts.errors import StoreUnavailableError
from archon.runtime.kafka import record_batches
from archon.runtime.kafka.brokers import connection
from archon.runtime.kafka.record_batches import UnreadableRecord
from archon.runtime.kafka.topics import ensure_topics
from archon.runtime.settings import Settings
from kafka_ingress import consumer as consumer_module
from kafka_ingress.consumer import RecordConsumer
from kafka_ingress.poison import Handler as RecordHandler
from tests.eventually import eventually
from tests.stacks import TestServers


class Handler:
    """Records its calls. `failing`: offsets that are refused until they are removed."""

    def __init__(self) -> None:
        self.taken: list[int] = []
        self.failing: set[int] = set()

    async def __call__(self, record: ConsumerRecord) -> None:
        if record.offset in self.failing:
            raise StoreUnavailableError("graph", "down")
        self.taken.append(record.offset)


@pytest.fixture
async def topic(servers: TestServers, settings: Settings) -> str:
    await servers.start("kafka")
    await ensure_topics(settings)
    return settings.kafka_enrichment_topic


@pytest.fixture
async def producer(settings: Settings, topic: str) -> AsyncIterator[AIOKafkaProducer]:
    async with AIOKafkaProducer(
        bootstrap_servers=settings.kafka_bootstrap_servers,
        enable_idempotence=settings.kafka_enable_idempotence,
        linger_ms=20,
    ) as producer:
        yield producer


@contextlib.asynccontextmanager
async def consuming(settings: Settings, topic: str, handler: RecordHandler) -> AsyncIterator[RecordConsumer]:
    consumer, stop = (
        RecordConsumer(settings, {topic: lambda: False}, settings.kafka_group_id, handler, ordered=False),
        asyncio.Event(),
    )
    task = asyncio.create_task(consumer.run(stop))
    try:
        yield consumer
    finally:
        stop.set()
        await task


async def send(producer: AIOKafkaProducer, topic: str, count: int) -> None:
    """In one batch."""
    await asyncio.gather(*(producer.send_and_wait(topic, b"x", partition=0) for _ in range(count)))


async def taken(handler: Handler, count: int) -> None:
    async def enough() -> bool:
        return len(handler.taken) >= count

    await eventually(enough)


async def committed(settings: Settings, topic: str) -> int | None:
    async with AIOKafkaConsumer(
        bootstrap_servers=settings.kafka_bootstrap_servers, group_id=settings.kafka_group_id
    ) as consumer:
        position: int | None = await consumer.committed(TopicPartition(topic, 0))
        return position


# The next test covers most of it.
@pytest.mark.full
async def test_what_is_done_is_committed_and_not_delivered_again(
    settings: Settings, topic: str, producer: AIOKafkaProducer
) -> None:
    first, second = Handler(), Handler()
    async with consuming(settings, topic, first):
        await send(producer, topic, 10)
        await taken(first, 10)
    assert await committed(settings, topic) == 10
    async with consuming(settings, topic, second):
        await send(producer, topic, 1)
        await taken(second, 1)
    assert second.taken == [10]


async def members(settings: Settings) -> list[object]:
    """Of the group."""
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka_bootstrap_servers)
    try:
        await admin.start()
        (found,) = await admin.describe_consumer_groups([settings.kafka_group_id])
    finally:
        await admin.close()
    return [member for group in found.to_object()["groups"] for member in group["members"]]


async def test_a_consumer_that_stops_is_no_member_any_more(
    settings: Settings, topic: str, producer: AIOKafkaProducer
) -> None:
    """The broker would wait for it, and whoever comes next for the broker."""
    handler = Handler()
    async with consuming(settings, topic, handler):
        await send(producer, topic, 1)
        await taken(handler, 1)
        assert len(await members(settings)) == 1
    assert await members(settings) == []


async def test_what_follows_a_record_that_waits_is_handled_and_not_committed(
    settings: Settings, topic: str, producer: AIOKafkaProducer
) -> None:
    handler = Handler()
    handler.failing.add(3)
    settings = settings.model_copy(update={"shutdown_timeout": 0.5})
    async with consuming(settings, topic, handler):
        await send(producer, topic, 10)
        await taken(handler, 9)
    assert await committed(settings, topic) == 3
    handler.failing.clear()
    async with consuming(settings, topic, handler):
        await taken(handler, 9 + 7)
    assert handler.taken[9:] == [3, 4, 5, 6, 7, 8, 9]
    assert await committed(settings, topic) == 10


class NotUtf8(str):
    """A header key that a producer in another language may write."""

    __slots__ = ()

    def encode(self, *_: object) -> bytes:
        return b"\xff\xfe"


async def test_a_record_that_cannot_be_decoded_is_passed_on_as_such_and_holds_nothing_up(
    settings: Settings, topic: str, producer: AIOKafkaProducer, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A broker that recompresses, as on the other topic, would repair it.
    topic = settings.kafka_index_topic
    # The C implementation writes only UTF-8.
    for module in ("message_accumulator", "producer"):
        name = f"aiokafka.producer.{module}.DefaultRecordBatchBuilder"
        monkeypatch.setattr(name, _DefaultRecordBatchBuilderPy)
    taken: list[tuple[int, bool]] = []

    async def handle(record: ConsumerRecord) -> None:
        taken.append((record.offset, isinstance(record, UnreadableRecord)))

    async def all_taken() -> bool:
        return len(taken) >= 10

    headers = {3: [(NotUtf8("x"), b"1")]}
    batch = [await producer.send(topic, b"x", partition=0, headers=headers.get(n)) for n in range(8)]
    await asyncio.gather(*batch)
    await send(producer, topic, 2)
    async with consuming(settings, topic, handle):
        await eventually(all_taken)
    assert [offset for offset, _ in taken] == list(range(10))
    unreadable = {offset for offset, broken in taken if broken}
    assert {3} <= unreadable <= {3, 4, 5, 6, 7}
    assert await committed(settings, topic) == 10


@pytest.mark.threat
async def test_a_batch_that_becomes_too_large_costs_itself_alone(
    settings: Settings, topic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(record_batches, "UNPACKED_BYTES", 4 * 1024 * 1024)
    taken: dict[int, bool] = {}

    async def handle(record: ConsumerRecord) -> None:
        taken[record.offset] = isinstance(record, UnreadableRecord)

    async def all_taken() -> bool:
        return len(taken) == 3

    limits = {"max_request_size": 2**25, "max_batch_size": 2**25}
    async with AIOKafkaProducer(**connection(settings), compression_type="gzip", **limits) as hostile:
        for value in (b"before", bytes(16 * 1024 * 1024), b"after"):
            await hostile.send_and_wait(topic, value, partition=0)
    async with consuming(settings, topic, handle):
        await eventually(all_taken)
    assert taken == {0: False, 1: True, 2: False}


async def test_a_handler_that_breaks_stops_the_consumer(
    settings: Settings, topic: str, producer: AIOKafkaProducer
) -> None:
    async def breaking(_: ConsumerRecord) -> None:
        raise KeyError("x")

    consumer = RecordConsumer(
        settings, {topic: lambda: False}, settings.kafka_group_id, breaking, ordered=False
    )
    await send(producer, topic, 3)
    with pytest.raises(KeyError):
        await consumer.run(asyncio.Event())
    assert await committed(settings, topic) is None


class Gate(asyncio.Event):
    """Passes records on after it is set; `taken` counts the records of each topic."""

    def __init__(self) -> None:
        super().__init__()
        self.taken: Counter[str] = Counter()

    async def __call__(self, record: ConsumerRecord) -> None:
        self.taken[record.topic] += 1
        await self.wait()

    async def has_taken(self, **topics: int) -> None:
        async def as_many() -> bool:
            return all(self.taken[topic] >= count for topic, count in topics.items())

        await eventually(as_many)


@contextlib.asynccontextmanager
async def consuming_two(
    settings: Settings, handler: RecordHandler, closed: Callable[[], bool] = lambda: False
) -> AsyncIterator[None]:
    """The enrichment topic and, unless `closed`, the bulk topic, with four records in flight of each."""
    topics = {settings.kafka_enrichment_topic: lambda: False, settings.kafka_bulk_topic: closed}
    consumer = RecordConsumer(settings, topics, settings.kafka_group_id, handler, ordered=False, limit=4)
    stop = asyncio.Event()
    task = asyncio.create_task(consumer.run(stop))
    try:
        yield
    finally:
        stop.set()
        await task


async def test_a_topic_that_is_full_holds_back_those_behind_it_and_none_before_it(
    settings: Settings, topic: str, producer: AIOKafkaProducer
) -> None:
    bulk, gate = settings.kafka_bulk_topic, Gate()
    await send(producer, bulk, 10)
    async with consuming_two(settings, gate):
        await gate.has_taken(**{bulk: 4})
        await send(producer, topic, 10)
        await gate.has_taken(**{topic: 4})
        assert gate.taken == {topic: 4, bulk: 4}
        gate.set()
        await gate.has_taken(**{topic: 10, bulk: 10})
    assert gate.taken == {topic: 10, bulk: 10}, "each record once"
    assert (await committed(settings, topic), await committed(settings, bulk)) == (10, 10)


async def test_a_closed_topic_waits_where_it_is(
    settings: Settings, topic: str, producer: AIOKafkaProducer
) -> None:
    bulk, gate, closed = settings.kafka_bulk_topic, Gate(), asyncio.Event()
    gate.set()
    async with consuming_two(settings, gate, closed.is_set):
        await send(producer, bulk, 3)
        await gate.has_taken(**{bulk: 3})
        closed.set()
        for so_far in (1, 2, 3):
            await send(producer, topic, 1)
            await gate.has_taken(**{topic: so_far})
            if so_far == 1:  # Ends the poll that began before the topic was closed.
                await send(producer, bulk, 5)
        assert gate.taken[bulk] == 3
        closed.clear()
        await gate.has_taken(**{bulk: 8})
    assert gate.taken == {topic: 3, bulk: 8}


async def test_a_consumer_that_takes_nothing_stays_in_its_group(
    settings: Settings, topic: str, producer: AIOKafkaProducer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumer_module, "_SIGN_OF_LIFE", 0.1)  # every other turn
    gate, bulk = Gate(), settings.kafka_bulk_topic
    async with consuming_two(settings, gate):
        await send(producer, topic, 10)
        await send(producer, bulk, 1)
        await gate.has_taken(**{topic: 4})
        await asyncio.sleep(1)  # some turns
        assert gate.taken[topic] == 4
        gate.set()
        await gate.has_taken(**{topic: 10, bulk: 1})
    assert gate.taken == {topic: 10, bulk: 1}


async def test_a_quiet_partition_is_not_taken_for_a_new_one(
    settings: Settings, topic: str, producer: AIOKafkaProducer
) -> None:
    handler = Handler()
    async with consuming(settings, topic, handler):
        for count in (10, 3, 7):
            await send(producer, topic, count)
        await taken(handler, 20)
        await asyncio.sleep(1.5)  # a few fetches
    assert sorted(handler.taken) == list(range(20))
