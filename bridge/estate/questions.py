"""In: settings and the clients of a process. Out: every service and server with its check."""

from collections.abc import Mapping, Sequence

import httpx
from temporalio.client import Client

from archon.clients.intelligence import IntelligenceClient
from archon.contracts.estate import PartName
from archon.runtime.estate.parts import Answer, PartCheck, by_check
from archon.runtime.estate.services import OurService, ask_ingress, ask_worker
from archon.runtime.http import health
from archon.runtime.http.clients import bearer
from archon.runtime.http.health import HealthCheck
from archon.runtime.kafka.check import TopicCheck
from archon.runtime.kafka.publisher import KafkaPublisher
from archon.runtime.reasons import place
from archon.runtime.settings import Settings
from archon.runtime.temporal.pollers import Pollers
from archon.runtime.temporal.search_attributes import NamespaceCheck

SECONDS = 2.0
"""Time limit for the answer of a server."""
SERVICE_SECONDS = 2 * SECONDS
"""Time limit for a service of ours, which itself waits for a hanging server."""


def part_checks(
    settings: Settings,
    stores: Mapping[PartName, HealthCheck],
    intelligence: IntelligenceClient,
    publisher: KafkaPublisher,
    connection: Client,
    http: httpx.AsyncClient,
) -> Sequence[PartCheck]:
    """The checks of all parts except the bridge; of the stores, only those in `stores`."""
    topics = (
        settings.kafka_index_topic,
        settings.kafka_enrichment_topic,
        settings.kafka_bulk_topic,
        settings.kafka_dlq_topic,
        settings.kafka_completed_topic,
        settings.kafka_progress_topic,
    )
    worker = OurService(PartName.WORKER, http, settings.worker_url, "worker_url")
    ingress = OurService(PartName.INGRESS, http, settings.ingress_url, "ingress_url")
    pollers = Pollers(connection)
    places = {
        PartName.TEMPORAL: place(settings.temporal_address, "temporal_address"),
        PartName.KAFKA: place(settings.kafka_bootstrap_servers, "kafka_bootstrap_servers"),
        PartName.GRAPH: place(settings.memgraph_uri, "memgraph_uri"),
        PartName.QDRANT: place(settings.qdrant_url, "qdrant_url"),
        PartName.CONTENT: place(settings.content_store_url, "content_store_url"),
        PartName.INTELLIGENCE: place(settings.intelligence_service_url, "intelligence_service_url"),
    }
    checks = {
        PartName.TEMPORAL: NamespaceCheck(connection).check,
        PartName.KAFKA: TopicCheck(publisher, *topics).check,
        **stores,
    }
    return (
        *(by_check(name, places[name], check) for name, check in checks.items()),
        PartCheck(PartName.INTELLIGENCE, places[PartName.INTELLIGENCE], lambda: _intelligence(intelligence)),
        PartCheck(PartName.WORKER, worker.address, lambda: ask_worker(worker, pollers)),
        PartCheck(PartName.INGRESS, ingress.address, lambda: ask_ingress(ingress)),
    )


def bridge_itself(settings: Settings) -> PartCheck:
    """The check of the bridge by itself."""

    async def ask() -> Answer:
        return Answer(health.VERSION, health.STARTED)

    return PartCheck(PartName.BRIDGE, place(settings.bridge_url, "bridge_url"), ask)


def bridge_check(settings: Settings, http: httpx.AsyncClient) -> PartCheck:
    """The check of the bridge by another process."""
    bridge = OurService(
        PartName.BRIDGE, http, settings.bridge_url, "bridge_url", bearer(settings.bridge_api_key)
    )
    return PartCheck(PartName.BRIDGE, bridge.address, bridge.ready)


async def _intelligence(service: IntelligenceClient) -> Answer:
    """Uses only routes that every such service has."""
    await service.ping()
    found = await service.version()
    return Answer(version=f"{found.name} {found.version}")
