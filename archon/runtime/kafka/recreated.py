"""In: a consumer and its positions. Out: the partitions that were apparently recreated after it read them."""

import asyncio
import contextlib
import time

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import IllegalStateError, KafkaError


class RecreatedPartitions:
    """Partitions whose end is below our position for `after` seconds: a new leader may briefly report an old
    end.

    A broker that lost its log may not report an offset as out of range; the consumer would wait for it
    forever. The end comes from fetch responses, because a separate request may return the start of the last
    batch. A broker may also report a wrong end; so each end makes a partition recreated only once.
    """

    def __init__(self, after: float) -> None:
        self._after = after
        self._short_since: dict[TopicPartition, float] = {}
        self._found_at: dict[TopicPartition, int] = {}
        """The end at which each partition was found, until it changes."""

    async def found(self, consumer: AIOKafkaConsumer) -> list[TopicPartition]:
        found = []
        with contextlib.suppress(KafkaError, IllegalStateError, TimeoutError):
            async with asyncio.timeout(1.0):
                for partition in consumer.assignment():
                    end = consumer.highwater(partition)
                    if end is None or await consumer.position(partition) <= end:
                        self._short_since.pop(partition, None)
                        if end is not None and end != self._found_at.get(partition):
                            self._found_at.pop(partition, None)
                    elif self._is_new(partition, end):
                        found.append(partition)
        return found

    def _is_new(self, partition: TopicPartition, end: int) -> bool:
        since = self._short_since.setdefault(partition, time.monotonic())
        if time.monotonic() - since < self._after or self._found_at.get(partition) == end:
            return False
        self._found_at[partition] = end
        return True
