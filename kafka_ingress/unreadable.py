"""In: a consumer, and how far each partition was read. Out: records, stand-ins where one cannot be decoded.

aiokafka decodes the keys of headers, which a producer in another language may have written as anything, and
raises out of the whole poll: everything that was polled with such a record would be lost. What follows it in
its batch, its producer's own, cannot be reached either: each is told by its place.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from kafka_ingress.offsets import OffsetTracker

Batches = Mapping[TopicPartition, list[ConsumerRecord]]
_WAIT_MS = 200


@dataclass(frozen=True)
class Unreadable:
    """Why the record at a place cannot be read."""

    reason: str


async def poll(
    consumer: AIOKafkaConsumer, limit: int, trackers: Mapping[TopicPartition, OffsetTracker]
) -> Batches:
    """At most `limit` records. `trackers`: how far each partition was taken, if at all.

    The value of a record that cannot be read is an Unreadable.
    """
    try:
        batches: Batches = await consumer.getmany(timeout_ms=_WAIT_MS, max_records=limit)
    except UnicodeDecodeError:
        return await _one_by_one(consumer, trackers)
    return batches


async def _one_by_one(
    consumer: AIOKafkaConsumer, trackers: Mapping[TopicPartition, OffsetTracker]
) -> Batches:
    """The next record of each partition; all are asked again for what the broken poll has swallowed."""
    for partition in consumer.assignment():
        await _go_back(consumer, partition, trackers.get(partition))
    found = {}
    for partition in consumer.assignment():
        offset = await consumer.position(partition)
        try:
            found.update(await consumer.getmany(partition, timeout_ms=_WAIT_MS, max_records=1))
        except UnicodeDecodeError as error:
            consumer.seek(partition, offset + 1)
            found[partition] = [_stand_in(partition, offset, error)]
    return found


async def _go_back(
    consumer: AIOKafkaConsumer, partition: TopicPartition, tracker: OffsetTracker | None
) -> None:
    position = tracker.next if tracker is not None else None
    if position is None:
        position = await consumer.committed(partition)
    if position is None:
        await consumer.seek_to_beginning(partition)
    else:
        consumer.seek(partition, position)


def _stand_in(partition: TopicPartition, offset: int, error: UnicodeDecodeError) -> ConsumerRecord:
    return ConsumerRecord(
        topic=partition.topic,
        partition=partition.partition,
        offset=offset,
        timestamp=0,
        timestamp_type=0,
        key=None,
        value=Unreadable(f"in its batch a header's key is not UTF-8: {error.reason} at byte {error.start}"),
        checksum=None,
        serialized_key_size=-1,
        serialized_value_size=-1,
        headers=(),
    )
