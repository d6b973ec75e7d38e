"""In: settings. Out: the answer of every service and server, and other facts about their state."""

import asyncio
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack, suppress
from typing import Final

import httpx

from archon.clients.intelligence import IntelligenceClient
from archon.contracts.errors import ArchonError
from archon.contracts.estate import Part, PartName
from archon.runtime.estate.parts import Parts
from archon.runtime.estate.services import clock_ahead
from archon.runtime.kafka.publisher import KafkaPublisher
from archon.runtime.kafka.statistics import enrichment_lag
from archon.runtime.settings import Settings
from archon.runtime.temporal import client as temporal
from archon.stores.graph.store import GraphStore
from archon.stores.vectors.store import VectorStore
from bridge.estate.questions import SECONDS, SERVICE_SECONDS, bridge_check, part_checks

_LAG_SECONDS: Final = 4.0


async def parts(settings: Settings) -> list[Part]:
    """All parts except the content store, which only services must reach; takes at most eight seconds."""
    patient = settings.model_copy(update={"kafka_publish_timeout": SECONDS})
    async with AsyncExitStack() as stack:
        entered = stack.enter_async_context
        graph = await entered(GraphStore.connect(settings))
        vectors = await entered(VectorStore.connect(settings))
        intelligence = await entered(IntelligenceClient.connect(settings))
        publisher = await entered(KafkaPublisher.connect(patient, "cli"))
        http = await entered(httpx.AsyncClient(timeout=SERVICE_SECONDS))
        stores = {PartName.GRAPH: graph.ping, PartName.QDRANT: vectors.check}
        connection = await temporal.connect(settings, lazy=True)
        checks = part_checks(settings, stores, intelligence, publisher, connection, http)
        return await Parts([*checks, bridge_check(settings, http)]).now()


async def lag(settings: Settings) -> int | None:
    """Number of enrichment requests that no ingress has committed; None if Kafka does not answer."""
    with suppress(ArchonError, TimeoutError):
        async with asyncio.timeout(_LAG_SECONDS):
            return await enrichment_lag(settings)
    return None


async def dimensions(settings: Settings) -> int | None:
    """Length of the vectors of the intelligence service, if it reports it."""
    with suppress(ArchonError, TimeoutError):
        async with asyncio.timeout(SECONDS), IntelligenceClient.connect(settings) as intelligence:
            return (await intelligence.version()).embedding_dimensions
    return None


async def clocks(settings: Settings) -> Mapping[PartName, float]:
    """Seconds by which the clock of each HTTP service is ahead of ours."""
    urls = {
        PartName.BRIDGE: settings.bridge_url,
        PartName.INGRESS: settings.ingress_url,
        PartName.WORKER: settings.worker_url,
        PartName.INTELLIGENCE: settings.intelligence_service_url,
        PartName.QDRANT: settings.qdrant_url,
    }
    async with httpx.AsyncClient(timeout=SECONDS) as http:
        found = await asyncio.gather(*(_ahead(http, url) for url in urls.values()))
    return {name: ahead for name, ahead in zip(urls, found, strict=True) if ahead is not None}


async def _ahead(http: httpx.AsyncClient, url: str) -> float | None:
    sent = time.time()
    try:
        return clock_ahead(await http.get(f"{url}/livez"), sent)
    except httpx.HTTPError:
        return None
