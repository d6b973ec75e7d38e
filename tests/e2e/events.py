"""In: settings and a topic. Out: every event on it so far, read by a plain consumer."""

import json
from typing import Any

from aiokafka import AIOKafkaConsumer

from archon.runtime.settings import Settings
from tests.eventually import eventually


async def read_all(settings: Settings, topic: str) -> list[dict[str, Any]]:
    """Each event as {key, headers, value, partition, offset}, in the order of partitions and offsets."""
    consumer = AIOKafkaConsumer(
        topic, bootstrap_servers=settings.kafka_bootstrap_servers, auto_offset_reset="earliest"
    )
    await consumer.start()
    try:
        partitions = consumer.assignment()
        ends = await consumer.end_offsets(partitions)
        found: list[dict[str, Any]] = []
        left = {partition: end for partition, end in ends.items() if end > 0}
        while left:
            for partition, records in (await consumer.getmany(timeout_ms=500)).items():
                for record in records:
                    found.append(_event(record))
                    if record.offset + 1 >= left.get(partition, 0):
                        left.pop(partition, None)
        return found
    finally:
        await consumer.stop()


async def completed_of(settings: Settings, document_id: str, count: int) -> list[dict[str, Any]]:
    """The document's completed events, when as many different ones are there as expected: after an attempt
    without an answer the same one may be there twice."""

    async def enough() -> list[dict[str, Any]] | None:
        events = [
            each
            for each in await read_all(settings, settings.kafka_completed_topic)
            if each["key"] == document_id
        ]
        return events if len({each["headers"]["ce_id"] for each in events}) >= count else None

    events: list[dict[str, Any]] = await eventually(enough)
    return events


def _event(record: Any) -> dict[str, Any]:
    return {
        "key": record.key.decode() if record.key else None,
        "headers": {name: value.decode(errors="replace") for name, value in record.headers},
        "value": _json(record.value),
        "partition": record.partition,
        "offset": record.offset,
    }


def _json(value: bytes | None) -> Any:
    """None for a tombstone, and for what is not JSON."""
    try:
        return json.loads(value) if value else None
    except ValueError:
        return None
