"""A client of the session's bridge; and a stack with a scripted intelligence service, on the session's Kafka,
graph and vectors."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from archon.devstack.stack import Ports, Services, environment
from archon.devstack.temporal import temporal
from archon.runtime.kafka.topics import ensure_topics
from archon.runtime.local_ports import free_ports
from archon.runtime.settings import Settings
from tests.e2e.faulty import FaultyIntelligence
from tests.stacks import TestServers

CONCURRENCY = 4
BACKLOG = 20
BURST = 20
"""Requests of a project that go ahead of bulk."""


@pytest.fixture
async def http(stack: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the session's bridge, without a key."""
    async with httpx.AsyncClient(base_url=f"{stack.bridge_url}/api/bridge", timeout=30) as client:
        yield client


@dataclass
class FaultyStack:
    settings: Settings
    environment: dict[str, str]
    intelligence: FaultyIntelligence
    services: Services
    flags: Path
    """The bridge's flags file."""


@pytest.fixture(scope="session")
async def faulty_stack(
    servers: TestServers, tmp_path_factory: pytest.TempPathFactory, services_forked: None
) -> AsyncIterator[FaultyStack]:
    """Its own Temporal server and services: task queues have the same names everywhere."""
    await servers.start("kafka", "graph", "vectors")
    data_dir = tmp_path_factory.mktemp("faulty")
    ports = Ports.free()
    shared = ("KAFKA", "MEMGRAPH", "QDRANT")
    own = {name: value for name, value in environment(data_dir, ports).items() if not name.startswith(shared)}
    intelligence = FaultyIntelligence(free_ports(1)[0])
    flags = data_dir / "flags.json"
    flags.write_text("{}")
    overrides = {
        **own,
        "INTELLIGENCE_SERVICE_URL": intelligence.url,
        "CIRCUIT_BREAKER_RECOVERY_TIMEOUT": "1",
        "RETRY_BACKOFF_BASE": "0.3",
        "INGRESS_MAX_BACKLOG": str(BACKLOG),
        # A test may hold all runs; those of the next must start.
        "INGRESS_SHARED_RUNS": str(10 * BACKLOG),
        "PROJECT_BURST": str(BURST),
        "PROJECT_RATE": "0.01",
        "MAX_CONCURRENT_ENRICHMENTS": str(CONCURRENCY),
        "ENRICHMENT_FLAGS_FILE": str(flags),
        "SYNC_ENRICHMENT_TIMEOUT": "90",
    }
    settings = servers.settings(data_dir, **{name.lower(): value for name, value in overrides.items()})
    await ensure_topics(settings)
    env = servers.environment_of(settings, **overrides)
    services = Services.on(data_dir, ports, env)
    async with AsyncExitStack() as running:
        await running.enter_async_context(temporal(data_dir, ports.temporal, ports.temporal_ui))
        await running.enter_async_context(intelligence.serving())
        for service in (services.bridge, services.ingress, services.worker):
            await running.enter_async_context(service)
        yield FaultyStack(settings, env, intelligence, services, flags)


@pytest.fixture
async def faulty(faulty_stack: FaultyStack) -> AsyncIterator[FaultyStack]:
    """The stack with a healthy intelligence service and no flags, before and after the test."""
    yield faulty_stack
    faulty_stack.intelligence.heal()
    faulty_stack.flags.write_text("{}")


@pytest.fixture
async def bridge(faulty: FaultyStack) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=f"{faulty.settings.bridge_url}/api/bridge", timeout=100) as client:
        yield client
