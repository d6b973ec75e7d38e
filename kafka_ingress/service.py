"""In: settings. Out: the running ingress: two consumers, their clients, and its health routes."""

import asyncio

import httpx

from archon.runtime import temporal
from archon.runtime.health import health_app
from archon.runtime.kafka import KafkaPublisher
from archon.runtime.lifecycle import first_of, serve_http, stop_on_signals
from archon.runtime.settings import Settings
from archon.runtime.temporal import EnrichmentClient
from kafka_ingress.consumer import RecordConsumer
from kafka_ingress.enrichment import enrichment_handler
from kafka_ingress.indexing import indexing_handler
from kafka_ingress.poison import parking_poison


async def run(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT, then drain and commit."""
    async with (
        stop_on_signals() as stop,
        KafkaPublisher.connect(settings, "ingress") as publisher,
        httpx.AsyncClient(base_url=settings.bridge_url, timeout=30) as http,
    ):
        client = EnrichmentClient(await temporal.connect(settings, lazy=True))
        enrichment = RecordConsumer(
            settings,
            settings.kafka_enrichment_topic,
            settings.kafka_group_id,
            parking_poison(enrichment_handler(client), publisher),
            ordered=False,
        )
        indexing = RecordConsumer(
            settings,
            settings.kafka_index_topic,
            f"{settings.kafka_group_id}-index",
            parking_poison(indexing_handler(http), publisher),
            ordered=True,
            limit=16,
        )
        app = health_app("Archon ingress", {"temporal": client.ping, "kafka": publisher.ping})
        async with serve_http(app, settings, settings.ingress_port):
            consumers = [asyncio.create_task(consumer.run(stop)) for consumer in (enrichment, indexing)]
            try:
                await first_of(*consumers)
            finally:
                stop.set()
                await asyncio.gather(*consumers)
