"""In: a running stack under observation. Out: load on it, and each kind of failure that a metric covers."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any
from uuid import uuid4

import httpx
from aiokafka import AIOKafkaProducer

from archon.devstack.process import ChildProcess
from archon.devstack.stack import Stack
from archon.runtime.settings import Settings
from tests.crash.load import Load
from tests.eventually import eventually
from tests.monitoring.server import Answers

OVERRIDES = {
    "MAX_CONCURRENT_ENRICHMENTS": "4",
    "CIRCUIT_BREAKER_RECOVERY_TIMEOUT": "2",
    "RETRY_BACKOFF_BASE": "1",
    "METRICS_INTERVAL": "1",
    "RECONCILE_INTERVAL": "30",
}
BREAKER = "CircuitBreakerOpen"
DOCUMENTS = 24

Step = Callable[[Stack, Answers, Load], Any]


async def nothing_wrong(stack: Stack, answers: Answers, load: Load) -> None:
    """Documents by HTTP and by the index topic, indexed and enriched."""
    await eventually(answers.up)
    await load.submit(range(DOCUMENTS))
    document = {"project_id": load.project, "source_path": "src/by_kafka.py", "full_text": f"# {uuid4()}\n"}
    await send(
        stack.settings, stack.settings.kafka_index_topic, httpx.Request("POST", "/", json=document).read()
    )
    await eventually(lambda: enriched(stack, load, DOCUMENTS + 1), 120)


async def poison_and_a_refusal(stack: Stack, answers: Answers, load: Load) -> None:
    """An unreadable message, and a document without a text anywhere, which is parked."""
    await send(stack.settings, stack.settings.kafka_enrichment_topic, b"not JSON")
    await load.submit_refused()
    await eventually(lambda: answers.ask("archon_documents_parked > 0"))


async def graph_down(stack: Stack, answers: Answers, load: Load) -> None:
    """The bridge refuses, and steps are retried."""

    async def refused() -> bool:
        document = {
            "project_id": load.project,
            "source_path": "src/refused.py",
            "full_text": f"# {uuid4()}\n",
        }
        async with httpx.AsyncClient(timeout=60) as http:
            response = await http.post(f"{stack.settings.bridge_url}/api/bridge/document", json=document)
        return response.status_code == httpx.codes.SERVICE_UNAVAILABLE

    under_way = asyncio.create_task(load.submit(range(DOCUMENTS, 2 * DOCUMENTS)))
    await eventually(lambda: enriched(stack, load, DOCUMENTS + 3))
    async with without(stack.servers.graph):
        await eventually(refused)
        await eventually(lambda: answers.ask("archon_bridge_indexing_errors_total > 0"))
        await eventually(lambda: answers.ask("archon_enrichment_consumer_retries_total > 0"), 120)
    await under_way


async def intelligence_down(stack: Stack, answers: Answers, load: Load) -> None:
    """The breaker opens, and the alert fires; both end when the service is back."""
    seconds = 30.0 + await holding(answers)
    async with without(stack.services.intelligence):
        await load.submit(range(2 * DOCUMENTS, 3 * DOCUMENTS))
        await eventually(lambda: answers.firing(BREAKER), seconds)

    async def over() -> bool:
        return not await answers.firing(BREAKER)

    await eventually(over)
    await eventually(lambda: answers.ask(f"archon_documents_enriched_total > {3 * DOCUMENTS}"), 120)
    await load.submit(range(DOCUMENTS))  # for rates even after a long outage
    await eventually(lambda: answers.ask(f"archon_documents_enriched_total > {4 * DOCUMENTS}"), 120)


STEPS: dict[str, Step] = {
    "documents are indexed and enriched": nothing_wrong,
    "a message is poison, and a document refused": poison_and_a_refusal,
    "the graph is down": graph_down,
    "the intelligence service is down, and back": intelligence_down,
}


async def holding(answers: Answers) -> float:
    """Seconds that the breaker's alert holds before it fires."""
    groups = (await answers.http.get("/api/v1/rules", params={"type": "alert"})).json()["data"]["groups"]
    (found,) = [rule for group in groups for rule in group["rules"] if rule["name"] == BREAKER]
    return float(found["duration"])


async def enriched(stack: Stack, load: Load, count: int) -> bool:
    async with httpx.AsyncClient() as http:
        try:
            found = await http.get(
                f"{stack.settings.bridge_url}/api/bridge/statistics", params={"project": load.project}
            )
        except httpx.TransportError:
            return False
    return found.is_success and bool(found.json()["statuses"].get("completed", 0) >= count)


async def send(settings: Settings, topic: str, value: bytes) -> None:
    async with AIOKafkaProducer(
        bootstrap_servers=settings.kafka_bootstrap_servers,
        enable_idempotence=settings.kafka_enable_idempotence,
    ) as producer:
        await producer.send_and_wait(topic, value)


@contextlib.asynccontextmanager
async def without(process: ChildProcess) -> AsyncIterator[None]:
    await process.kill()
    try:
        yield
    finally:
        await process.start()
