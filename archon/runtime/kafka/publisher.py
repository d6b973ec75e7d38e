"""In: typed events. Out: acknowledged Kafka records with CloudEvents headers, keyed by document.

One producer per process. It connects in the background, so a service starts even if Kafka is down.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Collection, Sequence
from typing import Final
from uuid import uuid4, uuid5

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from pydantic import BaseModel

from archon.contracts import identity
from archon.contracts.errors import PublishError
from archon.contracts.events import (
    DeadLetter,
    EnrichmentCompleted,
    EnrichmentProgress,
    EnrichmentRequest,
    event_headers,
)
from archon.runtime.flow.backoff import Backoff
from archon.runtime.kafka.brokers import connection, kafka_at, start
from archon.runtime.kafka.lanes import Lanes
from archon.runtime.kafka.unawaited import Record, Unawaited
from archon.runtime.logs import get_logger
from archon.runtime.reasons import in_words
from archon.runtime.settings import Settings
from archon.runtime.telemetry import kafka as tracing_kafka
from archon.runtime.telemetry import metrics

_RECONNECT_AFTER: Final = 1.0
"""Seconds for which a broker that failed to answer counts as down, and is not called."""

_log = get_logger(__name__)


class KafkaPublisher:
    """Publishes the pipeline's events. Every method except `progress` returns after Kafka's acknowledgement,
    or raises PublishError: after `timeout` seconds, or at once while the broker is known to be down."""

    def __init__(self, settings: Settings, source: str) -> None:
        self._settings = settings
        self._connection = connection(settings)
        self._source = f"/archon/{source}"
        self._producer: AIOKafkaProducer | None = None
        self._down_until = 0.0
        self._doubted = False
        self._kafka = kafka_at(settings)
        self._problem = f"{self._kafka}: not connected yet"
        self._unawaited = Unawaited(self._hand_over)
        self._lanes = Lanes(settings)

    @classmethod
    @contextlib.asynccontextmanager
    async def connect(cls, settings: Settings, source: str) -> AsyncIterator["KafkaPublisher"]:
        """A publisher whose producer connects in the background, and reconnects. Raises
        ConfigurationError."""
        publisher = cls(settings, source)
        connecting = asyncio.create_task(publisher._connect(), name="kafka-connect")
        try:
            await asyncio.wait([connecting], timeout=settings.kafka_publish_timeout)
            async with publisher._unawaited.sending():
                yield publisher
        finally:
            connecting.cancel()
            await asyncio.gather(connecting, return_exceptions=True)
            if publisher._producer is not None:
                await publisher._producer.stop()

    @property
    def available(self) -> bool:
        """Whether a publish would be attempted now."""
        return self._producer is not None and time.monotonic() >= self._down_until

    async def ping(self) -> None:
        """Raises PublishError if the broker does not answer."""
        if self._producer is None:
            raise PublishError(self._problem)
        if not await self._producer.client.force_metadata_update():
            raise PublishError(f"{self._kafka}: no answer to a metadata request")

    async def topics(self) -> Collection[str]:
        """All topics visible to us; a request for one by name might create it. Raises PublishError."""
        if self._producer is None:
            raise PublishError(self._problem)
        try:
            return set((await self._producer.client.fetch_all_metadata()).topics())
        except KafkaError as error:
            raise PublishError(f"{self._kafka}: no list of its topics: {in_words(error)}") from error

    async def _connect(self) -> None:
        async for _ in Backoff(_RECONNECT_AFTER):
            producer = AIOKafkaProducer(
                **self._connection,
                acks="all",
                enable_idempotence=self._settings.kafka_enable_idempotence,
                linger_ms=5,
                compression_type="snappy",
                max_request_size=2 * 1024 * 1024,
            )
            try:
                await start(producer, self._settings)
            except (KafkaError, OSError) as error:
                await producer.stop()
                self._problem = f"{self._kafka}: {in_words(error)}"
                _log.warning("kafka_connect_failed", error=self._problem)
            except asyncio.CancelledError:
                await producer.stop()
                raise
            else:
                self._producer = producer
                return

    async def request(self, event: EnrichmentRequest) -> None:
        """Publishes an enrichment request within settings.kafka_publish_timeout."""
        event_id = identity.event_id(
            event.document_id, event.document_version or 0, f"requested:{event.correlation_id}"
        )
        headers = event_headers("enrich-document.v1", event_id, event.correlation_id, source=self._source)
        try:
            with metrics.PUBLISH_SECONDS.time():
                await self._publish(
                    self._lanes.topic(event),
                    event,
                    headers,
                    self._settings.kafka_publish_timeout,
                )
        except PublishError:
            metrics.PUBLISH_ERRORS.inc()
            raise
        metrics.REQUESTS_PUBLISHED.inc()

    def progress(self, event: EnrichmentProgress) -> None:
        """Publishes a progress event in order, without waiting; lost events are counted."""
        event_id = identity.event_id(event.document_id, event.document_version or 0, event.stage)
        headers = event_headers("enrichment-progress.v1", event_id, event.correlation_id, source=self._source)
        topic, key = self._settings.kafka_progress_topic, event.document_id.encode()
        with tracing_kafka.publishing(topic, key, event.correlation_id):
            value = event.model_dump_json(exclude_none=True).encode()
            self._unawaited.put(Record(topic, key, value, tracing_kafka.carried(headers)))

    async def flushed(self) -> None:
        """Returns when all progress events so far are acknowledged or lost."""
        await self._unawaited.flushed()

    async def completed(self, event: EnrichmentCompleted, what: str | None = None) -> None:
        """Publishes the end of a run; `what` distinguishes different ends of the same version.

        First waits briefly for the document's progress events: clients that watch a document stop at the
        completed event.
        """
        await self._unawaited.flushed(event.document_id.encode(), self._settings.kafka_publish_timeout)
        event_id = identity.event_id(
            event.document_id, event.document_version, what or event.enrichment_status
        )
        await self._publish(
            self._settings.kafka_completed_topic,
            event,
            event_headers("enrichment-completed.v1", event_id, event.correlation_id, source=self._source),
        )

    async def dead_letter(
        self, event: DeadLetter, *, key: str | None = None, headers: Sequence[tuple[str, bytes]] = ()
    ) -> None:
        """Publishes a dead letter with its document's id as key, or `key` if it has none.

        `headers` are those of the original message, which are kept in addition to ours.
        """
        key = key or event.document_id or "unknown"
        cause = f"dead-letter\0{key}\0{event.source or event.correlation_id}\0{event.failure_count}"
        event_id = str(uuid5(identity.NAMESPACE, cause))
        ours = event_headers(
            "enrich-document-dlq.v1", event_id, event.correlation_id or event_id, source=self._source
        )
        taken = {name for name, _ in ours}
        kept = [(name, value) for name, value in headers if name not in taken]
        await self._publish(self._settings.kafka_dlq_topic, event, [*ours, *kept], key=key.encode())
        metrics.DEAD_LETTERS.labels(event.failure_type).inc()

    async def clear_dead_letter(self, key: str) -> None:
        """Writes a tombstone, which removes `key` from the topic as a table."""
        event_id = str(uuid4())
        headers = event_headers("enrich-document-dlq.v1", event_id, event_id, source=self._source)
        await self._publish(self._settings.kafka_dlq_topic, None, headers, key=key.encode())

    async def _publish(
        self,
        topic: str,
        event: BaseModel | None,
        headers: list[tuple[str, bytes]],
        seconds: float = 10.0,
        *,
        key: bytes | None = None,
    ) -> None:
        key = key if key is not None else str(getattr(event, "document_id", "")).encode()
        value = event.model_dump_json(exclude_none=True).encode() if event is not None else None
        with tracing_kafka.publishing(topic, key, getattr(event, "correlation_id", None)):
            await self._send(topic, value, key, tracing_kafka.carried(headers), seconds)

    async def _hand_over(self, record: Record) -> asyncio.Future[object]:
        async with self._answering(record.topic, self._settings.kafka_publish_timeout) as producer:
            acknowledged: asyncio.Future[object] = await producer.send(
                record.topic, record.value, key=record.key, headers=record.headers
            )
            return acknowledged
        raise AssertionError("unreachable")

    async def _send(
        self, topic: str, value: bytes | None, key: bytes, headers: list[tuple[str, bytes]], seconds: float
    ) -> None:
        async with self._answering(topic, seconds) as producer:
            await producer.send_and_wait(topic, value, key=key, headers=headers)

    @contextlib.asynccontextmanager
    async def _answering(self, topic: str, seconds: float) -> AsyncIterator[AIOKafkaProducer]:
        """The producer, unless it is known to be down. Raises its errors as PublishError.

        An event that was given up may still arrive, if the broker hung. To prevent a copy per retry, a broker
        that has left an event unanswered must first answer a request without side effects.
        """
        if self._producer is None or time.monotonic() < self._down_until:
            raise PublishError(self._problem)
        try:
            async with asyncio.timeout(seconds):
                if self._doubted:
                    await self.ping()
                    self._doubted = False
                yield self._producer
        except asyncio.CancelledError:
            self._doubted = True
            raise
        except (KafkaError, TimeoutError, OSError) as error:
            self._doubted = True
            self._down_until = time.monotonic() + _RECONNECT_AFTER
            self._problem = f"{self._kafka}: did not acknowledge an event on {topic}: {in_words(error)}"
            raise PublishError(self._problem) from error
