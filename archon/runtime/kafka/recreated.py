"""In: a consumer and where it is. Out: the partitions that must have been made anew since it read them."""

import asyncio
import contextlib
import time

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import IllegalStateError, KafkaError


class RecreatedPartitions:
    """Those that have ended before our position for `after` seconds: a new leader may not know its end for a
    while.

    A broker that lost its log may not say that an offset is out of range, and would be waited for. The end is
    what fetches tell: the answer to a question for it may be where the last batch begins. A broker may be
    wrong about that too; so one end makes a partition new once, and not again and again.
    """

    def __init__(self, after: float) -> None:
        self._after = after
        self._short_since: dict[TopicPartition, float] = {}
        self._found_at: dict[TopicPartition, int] = {}
        """Ends at which partitions were found, until another is seen."""

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
