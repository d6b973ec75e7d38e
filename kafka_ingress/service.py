"""In: settings. Out: the running ingress: two consumers, their clients, and its health routes."""

import asyncio
from collections.abc import Sequence
from typing import Final

import httpx

from archon.runtime.alerts import Alerts
from archon.runtime.http.clients import Transport, bearer
from archon.runtime.http.health import health_app, state_of
from archon.runtime.http.serving import serve_http
from archon.runtime.kafka.check import TopicCheck
from archon.runtime.kafka.publisher import KafkaPublisher
from archon.runtime.kafka.statistics import topic_statistics
from archon.runtime.settings import Settings
from archon.runtime.tasks import first_of, running, stop_on_signals
from archon.runtime.telemetry.metrics import Exposition
from archon.runtime.temporal import client as temporal
from archon.runtime.temporal.client import EnrichmentClient
from archon.runtime.temporal.sdk_telemetry import SdkTelemetry
from archon.runtime.temporal.search_attributes import NamespaceCheck
from archon.stores.graph.census import Census
from archon.stores.graph.store import GraphStore
from kafka_ingress.backlog import BacklogGate, watch
from kafka_ingress.consumer import RecordConsumer
from kafka_ingress.enrichment import EnrichmentHandler
from kafka_ingress.estate import Estate
from kafka_ingress.health import IngressHealth, breaker_of
from kafka_ingress.indexing import indexing_handler
from kafka_ingress.pace import StartPace, share
from kafka_ingress.poison import DOCUMENT_NAMES, dead_lettering
from kafka_ingress.revisions import Overtaken, Revisions
from kafka_ingress.spans import traced

IN_FLIGHT: Final = 1024
"""Maximum number of started requests of each topic: as many as one project may send ahead of bulk at once, so
that requests after them get a turn."""


async def run(settings: Settings) -> None:
    """Serves until SIGTERM or SIGINT, then drains and commits."""
    async with (
        stop_on_signals() as stop,
        KafkaPublisher.connect(settings, "ingress") as publisher,
        Alerts.connect(settings) as alerts,
        SdkTelemetry.serving() as sdk,
        Census.connect(settings) as census,
        GraphStore.connect(settings) as graph,
        httpx.AsyncClient(
            base_url=settings.bridge_url,
            timeout=30,
            headers=bearer(settings.bridge_api_key),
            transport=Transport(),
        ) as http,
        httpx.AsyncClient(base_url=settings.worker_url, timeout=1) as worker,
    ):
        connection = await temporal.connect(settings, lazy=True, runtime=sdk.runtime)
        client = EnrichmentClient(connection)
        # The fast topic has few requests of each project; it only pauses to protect Temporal.
        gate, bulk_gate = (BacklogGate(settings.ingress_max_backlog * times) for times in (10, 1))
        pace = StartPace(settings.project_rate, settings.ingress_shared_runs)
        revisions = Revisions(settings.ingress_revision_interval)
        handler = EnrichmentHandler(client, pace, revisions, Overtaken(graph, publisher))
        requests = RecordConsumer(
            settings,
            {
                settings.kafka_enrichment_topic: lambda: gate.closed,
                settings.kafka_bulk_topic: lambda: bulk_gate.closed,
            },
            settings.kafka_group_id,
            traced(dead_lettering(handler, publisher, alerts), settings.kafka_group_id),
            ordered=False,
            limit=IN_FLIGHT,
            fetch_wait=settings.kafka_fetch_wait,
        )
        indexing = RecordConsumer(
            settings,
            {settings.kafka_index_topic: lambda: False},
            settings.kafka_index_group_id,
            traced(
                dead_lettering(indexing_handler(http), publisher, alerts, DOCUMENT_NAMES),
                settings.kafka_index_group_id,
            ),
            ordered=True,
            limit=16,
        )
        estate = Estate(
            lambda: requests.holds(settings.kafka_enrichment_topic, 0),
            census.waiting,
            lambda: topic_statistics(settings),
            settings.metrics_interval,
        )
        kafka = TopicCheck(
            publisher,
            settings.kafka_index_topic,
            settings.kafka_enrichment_topic,
            settings.kafka_bulk_topic,
            settings.kafka_dlq_topic,
        ).check
        app = health_app(
            "Archon ingress",
            {"temporal": NamespaceCheck(connection).check, "kafka": kafka},
            Exposition.of("ingress", estate, beside=sdk.text),
        )

        @app.get("/health")
        async def health() -> IngressHealth:
            """Statistics of the consumer of enrichment requests, and the circuit breaker."""
            breaker, answering = await asyncio.gather(breaker_of(worker), state_of(kafka))
            return IngressHealth.of(requests, handler, bulk_gate, breaker, answering)

        async with (
            serve_http(app, settings, settings.ingress_port),
            running(watch(client.backlog, pace, gate, bulk_gate)),
            running(share(client.under_way, pace)),
            running(estate.watch()),
        ):
            await _consume((requests, indexing), stop)


async def _consume(consumers: Sequence[RecordConsumer], stop: asyncio.Event) -> None:
    """Consumes until `stop`, or until a consumer fails; then all finish their started records."""
    tasks = [asyncio.create_task(consumer.run(stop)) for consumer in consumers]
    try:
        await first_of(*tasks)
    finally:
        stop.set()
        await asyncio.gather(*tasks)
