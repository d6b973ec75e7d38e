"""In: settings. Out: the running ingress: two consumers, their clients, and its health routes."""

import asyncio
from typing import Literal

import httpx
from pydantic import BaseModel

from archon.runtime import temporal
from archon.runtime.alerts import Alerts
from archon.runtime.health import health_app
from archon.runtime.kafka import KafkaPublisher
from archon.runtime.lifecycle import first_of, running, serve_http, stop_on_signals
from archon.runtime.settings import Settings
from archon.runtime.temporal import EnrichmentClient
from kafka_ingress.backlog import BacklogGate
from kafka_ingress.consumer import RecordConsumer
from kafka_ingress.enrichment import EnrichmentHandler
from kafka_ingress.indexing import indexing_handler
from kafka_ingress.poison import parking_poison
from kafka_ingress.spans import traced


class IngressHealth(BaseModel):
    """Answer of `GET /health`. `pauses`: how often a deep backlog has stopped consumption."""

    status: Literal["consuming", "paused"]
    messages_consumed: int
    messages_processed: int
    duplicates: int
    pauses: int


async def run(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT, then drain and commit."""
    async with (
        stop_on_signals() as stop,
        KafkaPublisher.connect(settings, "ingress") as publisher,
        Alerts.connect(settings) as alerts,
        httpx.AsyncClient(base_url=settings.bridge_url, timeout=30) as http,
    ):
        client = EnrichmentClient(await temporal.connect(settings, lazy=True))
        gate = BacklogGate(client.backlog, settings.ingress_max_backlog)
        handler = EnrichmentHandler(client)
        enrichment = RecordConsumer(
            settings,
            settings.kafka_enrichment_topic,
            settings.kafka_group_id,
            traced(parking_poison(handler, publisher, alerts), settings.kafka_group_id),
            ordered=False,
            closed=lambda: gate.closed,
        )
        index_group = f"{settings.kafka_group_id}-index"
        indexing = RecordConsumer(
            settings,
            settings.kafka_index_topic,
            index_group,
            traced(parking_poison(indexing_handler(http), publisher, alerts), index_group),
            ordered=True,
            limit=16,
        )
        app = health_app("Archon ingress", {"temporal": client.ping, "kafka": publisher.ping})

        @app.get("/health")
        async def health() -> IngressHealth:
            """What the consumer of enrichment requests has done so far."""
            return IngressHealth(
                status="paused" if enrichment.paused else "consuming",
                messages_consumed=enrichment.consumed,
                messages_processed=enrichment.processed,
                duplicates=handler.duplicates,
                pauses=gate.pauses,
            )

        async with serve_http(app, settings, settings.ingress_port), running(gate.watch()):
            consumers = [asyncio.create_task(consumer.run(stop)) for consumer in (enrichment, indexing)]
            try:
                await first_of(*consumers)
            finally:
                stop.set()
                await asyncio.gather(*consumers)
