"""In: a consumer's positions. Out: the partitions that ended before them for a while, and so must be new.

A broker that lost its log may not say that an offset is out of range, and would be waited for.
"""

import asyncio
import contextlib
import time

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import IllegalStateError, KafkaError


class Recreation:
    """`after`: for how many seconds a partition must have ended too early; a new leader may not know its end
    for a while."""

    def __init__(self, after: float) -> None:
        self._after = after
        self._short_since: dict[TopicPartition, float] = {}

    async def found(self, consumer: AIOKafkaConsumer) -> list[TopicPartition]:
        """Partitions to be read from their beginnings. None while the broker does not answer.

        The end is what fetches tell: the answer to a question for it may be where the last batch begins.
        """
        found = []
        with contextlib.suppress(KafkaError, IllegalStateError, TimeoutError):
            async with asyncio.timeout(1.0):
                for partition in consumer.assignment():
                    end = consumer.highwater(partition)
                    if end is None or await consumer.position(partition) <= end:
                        self._short_since.pop(partition, None)
                        continue
                    since = self._short_since.setdefault(partition, time.monotonic())
                    if time.monotonic() - since >= self._after:
                        found.append(partition)
        return found
