"""In: the broker. Out: each topic's length and size, and the ingress's lag in the topics that it reads.

Uses new connections each time: occasional reads need no state to keep in sync.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field
from datetime import datetime

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError, UnknownTopicOrPartitionError

from archon.contracts.errors import TopicUnavailableError
from archon.runtime.kafka.brokers import administering, connection, kafka_at, start
from archon.runtime.kafka.log_dirs import DescribeLogDirs, sizes
from archon.runtime.kafka.topics import topics
from archon.runtime.reasons import in_words
from archon.runtime.settings import Settings

_SECONDS = 10.0


@dataclass
class TopicStatistics:
    """`lag`: uncommitted records, by (topic, partition); `messages`: between beginning and end of a topic;
    `sizes`: bytes at the partitions' leaders, empty if the broker does not report them."""

    lag: dict[tuple[str, int], int] = field(default_factory=dict)
    messages: dict[str, int] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)


async def topic_statistics(settings: Settings) -> TopicStatistics:
    """Raises TopicUnavailableError."""
    groups = dict.fromkeys(_enrichment_topics(settings), settings.kafka_group_id)
    groups[settings.kafka_index_topic] = settings.kafka_index_group_id
    async with _admin(settings) as admin:
        leaders = await _leaders(admin, settings)
        found = TopicStatistics(sizes=await _sizes(admin, leaders))
        for topic, numbers in _by_topic(leaders).items():
            partitions = [TopicPartition(topic, number) for number in numbers]
            async with _consumer(settings, groups.get(topic)) as consumer:
                await _measure(consumer, partitions, found, grouped=topic in groups)
    return found


class Consumption:
    """The ingress's progress with the enrichment requests."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    async def behind(self, moment: datetime) -> bool:
        """Whether a request published before `moment` is still to be consumed.

        Not whether any request is: a busy installation always has one. Raises TopicUnavailableError.
        """
        async with _enrichment_requests(self._settings) as (consumer, topics_read):
            partitions = [each for topic in topics_read for each in topic]
            return await _unread_before(consumer, partitions, moment)


async def _unread_before(
    consumer: AIOKafkaConsumer, partitions: list[TopicPartition], moment: datetime
) -> bool:
    consumer.assign(partitions)
    ends = await consumer.end_offsets(partitions)
    beginnings = await consumer.beginning_offsets(partitions)
    times = dict.fromkeys(partitions, int(moment.timestamp() * 1000))
    later = await consumer.offsets_for_times(times)
    for partition in partitions:
        first = later[partition]
        # No record is that late: the result is None, or an offset without a timestamp.
        until = ends[partition] if first is None or first.timestamp < 0 else first.offset
        committed = await consumer.committed(partition)
        # A committed offset beyond the end belongs to a deleted topic, whose records are then read again
        # without harm, or the broker reports a wrong end.
        if (beginnings[partition] if committed is None else committed) < until:
            return True
    return False


async def enrichment_lag(settings: Settings) -> int:
    """Number of enrichment requests that the ingress has not committed. Raises TopicUnavailableError."""
    found = TopicStatistics()
    async with _enrichment_requests(settings) as (consumer, topics_read):
        for partitions in topics_read:
            await _measure(consumer, partitions, found, grouped=True)
    return sum(found.lag.values())


@contextlib.asynccontextmanager
async def _enrichment_requests(
    settings: Settings,
) -> AsyncIterator[tuple[AIOKafkaConsumer, list[list[TopicPartition]]]]:
    """The ingress's offsets, and the partitions by request topic. Raises TopicUnavailableError."""
    async with _admin(settings) as admin:
        leaders = await _leaders(admin, settings)
        found = []
        for topic in _enrichment_topics(settings):
            found.append([each for each in leaders if each.topic == topic])
            if not found[-1]:
                raise UnknownTopicOrPartitionError(topic)
        async with _consumer(settings, settings.kafka_group_id) as consumer:
            yield consumer, found


def _enrichment_topics(settings: Settings) -> tuple[str, str]:
    """The request topics, which the ingress reads in one group."""
    return settings.kafka_enrichment_topic, settings.kafka_bulk_topic


@contextlib.asynccontextmanager
async def _admin(settings: Settings) -> AsyncIterator[AIOKafkaAdminClient]:
    """Limits the broker's answer time. Raises TopicUnavailableError."""
    try:
        async with asyncio.timeout(_SECONDS), administering(settings) as admin:
            yield admin
    except (KafkaError, TimeoutError, OSError) as error:
        raise TopicUnavailableError(f"{kafka_at(settings)}: {in_words(error)}") from error


@contextlib.asynccontextmanager
async def _consumer(settings: Settings, group_id: str | None) -> AsyncIterator[AIOKafkaConsumer]:
    """Reads a group's offsets without joining it."""
    consumer = AIOKafkaConsumer(**connection(settings), group_id=group_id, enable_auto_commit=False)
    try:
        await start(consumer, settings)
        yield consumer
    finally:
        await consumer.stop()


async def _measure(
    consumer: AIOKafkaConsumer, partitions: list[TopicPartition], found: TopicStatistics, *, grouped: bool
) -> None:
    consumer.assign(partitions)
    ends = await consumer.end_offsets(partitions)
    beginnings = await consumer.beginning_offsets(partitions)
    found.messages[partitions[0].topic] = sum(max(0, ends[each] - beginnings[each]) for each in partitions)
    for partition in partitions if grouped else ():
        committed = await consumer.committed(partition)
        position = beginnings[partition] if committed is None else committed
        found.lag[partition.topic, partition.partition] = max(0, ends[partition] - position)


async def _leaders(admin: AIOKafkaAdminClient, settings: Settings) -> dict[TopicPartition, int]:
    """The leader of each partition of our existing topics."""
    described = await admin.describe_topics([topic.name for topic in topics(settings)])
    return {
        TopicPartition(topic["topic"], partition["partition"]): partition["leader"]
        for topic in described
        for partition in topic["partitions"]
    }


async def _sizes(admin: AIOKafkaAdminClient, leaders: dict[TopicPartition, int]) -> dict[str, int]:
    """Empty if a broker does not support the request."""
    totals: dict[str, int] = {}
    with contextlib.suppress(KafkaError):
        for broker in set(leaders.values()):
            led = [each for each, leader in leaders.items() if leader == broker]
            answer = await admin._client.send(broker, DescribeLogDirs(_by_topic(led)))  # noqa: SLF001
            for partition, size in sizes(answer).items():
                totals[partition.topic] = totals.get(partition.topic, 0) + size
    return totals


def _by_topic(partitions: Iterable[TopicPartition]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for topic, partition in partitions:
        found.setdefault(topic, []).append(partition)
    return found
