"""In: settings and a topic. Out: every event on it so far, read by a plain consumer of its own."""

import json
from typing import Any

from aiokafka import AIOKafkaConsumer

from archon.runtime.settings import Settings


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


def _event(record: Any) -> dict[str, Any]:
    return {
        "key": record.key.decode() if record.key else None,
        "headers": {name: value.decode(errors="replace") for name, value in record.headers},
        "value": json.loads(record.value) if record.value else None,
        "partition": record.partition,
        "offset": record.offset,
    }
