"""In: counts of graph and broker. Out: the metrics of the whole installation, from one of several ingresses.

That one is the reader of partition 0 of the enrichment topic. Counts that are unavailable are not exported.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Final, TypeVar

from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from archon.contracts.errors import ArchonError
from archon.runtime.kafka.statistics import TopicStatistics
from archon.runtime.logs import get_logger
from archon.stores.graph.census import Waiting

LAG: Final = "archon_kafka_consumer_lag"
TOPIC_BYTES: Final = "archon_kafka_topic_size_bytes"
TOPIC_MESSAGES: Final = "archon_kafka_topic_messages_count"
PENDING: Final = "archon_documents_pending_enrichment"
PARKED: Final = "archon_documents_parked"
_log = get_logger(__name__)
Answer = TypeVar("Answer")


class Estate(Collector):
    """`mine`: whether this process exports the metrics. `interval` in seconds."""

    def __init__(
        self,
        mine: Callable[[], bool],
        waiting: Callable[[], Awaitable[Waiting]],
        statistics: Callable[[], Awaitable[TopicStatistics]],
        interval: float,
    ) -> None:
        self._mine = mine
        self._ask_waiting = waiting
        self._ask_statistics = statistics
        self._interval = interval
        self._waiting: Waiting | None = None
        self._statistics: TopicStatistics | None = None

    async def watch(self) -> None:
        """Counts until cancelled."""
        while True:
            await self.count()
            await asyncio.sleep(self._interval)

    async def count(self) -> None:
        self._waiting = await _told(self._ask_waiting) if self._mine() else None
        self._statistics = await _told(self._ask_statistics) if self._mine() else None

    def collect(self) -> Iterator[Metric]:
        if not self._mine():
            return
        if self._waiting is not None:
            yield from _of_documents(self._waiting)
        if self._statistics is not None:
            yield from _of_topics(self._statistics)


async def _told(ask: Callable[[], Awaitable[Answer]]) -> Answer | None:
    try:
        return await ask()
    except ArchonError as error:
        _log.warning("estate_not_counted", error_type=type(error).__name__, error=str(error))
        return None


def _of_documents(waiting: Waiting) -> Iterator[Metric]:
    pending = GaugeMetricFamily(
        PENDING, "Documents pending or processing, by the time since they were indexed.", labels=["age"]
    )
    for age, documents in waiting.pending.items():
        pending.add_metric([age], documents)
    yield pending
    yield GaugeMetricFamily(PARKED, "Documents that wait for a retry.", waiting.parked)


def _of_topics(statistics: TopicStatistics) -> Iterator[Metric]:
    lag = GaugeMetricFamily(LAG, "Records that the ingress has not committed.", labels=["topic", "partition"])
    for (topic, partition), records in statistics.lag.items():
        lag.add_metric([topic, str(partition)], records)
    yield lag
    messages = GaugeMetricFamily(
        TOPIC_MESSAGES, "Offsets between a topic's beginnings and its ends.", labels=["topic"]
    )
    for topic, count in statistics.messages.items():
        messages.add_metric([topic], count)
    yield messages
    size = GaugeMetricFamily(TOPIC_BYTES, "Bytes of a topic at its partitions' leaders.", labels=["topic"])
    for topic, count in statistics.sizes.items():
        size.add_metric([topic], count)
    yield size
