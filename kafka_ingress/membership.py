"""In: topics and a group. Out: a consumer that joins the group as soon as a broker answers."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from typing import Final

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener
from aiokafka.errors import KafkaError

from archon.runtime.flow.backoff import Backoff
from archon.runtime.kafka.brokers import connection, kafka_at, start
from archon.runtime.logs import get_logger
from archon.runtime.reasons import in_words
from archon.runtime.settings import Settings

_RECONNECT_AFTER: Final = 1.0
_log = get_logger(__name__)


@contextlib.asynccontextmanager
async def member(
    settings: Settings,
    topics: Sequence[str],
    group_id: str,
    listener: ConsumerRebalanceListener,
    *,
    stop: asyncio.Event,
    fetch_wait: float,
) -> AsyncIterator[AIOKafkaConsumer | None]:
    """A member of the group during the block; None if `stop` is set before a broker answers. `fetch_wait`:
    seconds that the broker may hold a fetch request."""
    consumer: AIOKafkaConsumer | None = None
    async for _ in Backoff(_RECONNECT_AFTER, stop=stop):
        consumer = await _connect(settings, topics, group_id, listener, fetch_wait)
        if consumer is not None:
            break
    try:
        yield consumer
    finally:
        if consumer is not None:
            await _leave(consumer)


async def _leave(consumer: AIOKafkaConsumer) -> None:
    """Stops it so that the broker does not wait for it until the session ends.

    aiokafka leaves a group from generation 1 on, which is Apache Kafka's first; the embedded broker's is 0.
    """
    coordinator = consumer._coordinator  # noqa: SLF001  nothing public leaves a group
    if coordinator.generation == 0:
        coordinator.generation = 1
    await consumer.stop()


async def _connect(
    settings: Settings,
    topics: Sequence[str],
    group_id: str,
    listener: ConsumerRebalanceListener,
    fetch_wait: float,
) -> AIOKafkaConsumer | None:
    session = int(settings.kafka_session_timeout * 1000)
    consumer = AIOKafkaConsumer(
        **connection(settings),
        group_id=group_id,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        session_timeout_ms=session,
        heartbeat_interval_ms=session // 3,
        rebalance_timeout_ms=60_000,
        fetch_max_wait_ms=int(fetch_wait * 1000),
    )
    consumer.subscribe(topics, listener=listener)
    try:
        await start(consumer, settings)
    except (KafkaError, OSError) as error:
        _log.warning("kafka_connect_failed", topics=topics, error=f"{kafka_at(settings)}: {in_words(error)}")
        await consumer.stop()
        return None
    return consumer
