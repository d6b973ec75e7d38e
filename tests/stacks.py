"""The servers and services for the tests: real ones, started once, on free ports, in a temporary directory.

ARCHON_TEST_KAFKA (host:port), ARCHON_TEST_GRAPH_URI, _USER, _PASSWORD, _DATABASE and ARCHON_TEST_QDRANT_URL
select other servers instead. Topics, consumer groups, collections, projects and ids are new for every test,
so no test depends on the leftovers of another.
"""

import os
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from uuid import uuid4

import pytest

from archon.devstack import stack as devstack
from archon.devstack.process import ChildProcess
from archon.devstack.stack import Ports, Servers, Services, Stack, environment, running
from archon.runtime.kafka.topics import ensure_topics
from archon.runtime.local_ports import free_ports
from archon.runtime.settings import Settings
from tests.collector import Collector
from tests.e2e.faulty import FaultyIntelligence
from tests.forking import forking
from tests.memory import vectors_in_memory

_EXTERNAL = {
    "KAFKA_BOOTSTRAP_SERVERS": "ARCHON_TEST_KAFKA",
    "MEMGRAPH_URI": "ARCHON_TEST_GRAPH_URI",
    "MEMGRAPH_USER": "ARCHON_TEST_GRAPH_USER",
    "MEMGRAPH_PASSWORD": "ARCHON_TEST_GRAPH_PASSWORD",
    "MEMGRAPH_DATABASE": "ARCHON_TEST_GRAPH_DATABASE",
    "QDRANT_URL": "ARCHON_TEST_QDRANT_URL",
}


class TestServers:
    """The embedded servers, each started when a test first needs it, unless an external one replaces it."""

    __test__ = False

    def __init__(self, data_dir: Path, stack: AsyncExitStack) -> None:
        self.data_dir = data_dir
        self.ports = Ports.free()
        self.embedded = Servers.on(data_dir, self.ports)
        self.environment = environment(data_dir, self.ports)
        outside = {ours: os.environ[theirs] for ours, theirs in _EXTERNAL.items() if theirs in os.environ}
        if "MEMGRAPH_URI" in outside:
            outside = {"MEMGRAPH_USER": "", "MEMGRAPH_PASSWORD": "", "MEMGRAPH_DATABASE": "", **outside}
        if "KAFKA_BOOTSTRAP_SERVERS" in outside:
            outside["KAFKA_ENABLE_IDEMPOTENCE"] = "true"
        self.environment |= outside
        self._stack = stack
        self._started: set[str] = {
            name
            for name, key in (
                ("kafka", "KAFKA_BOOTSTRAP_SERVERS"),
                ("graph", "MEMGRAPH_URI"),
                ("vectors", "QDRANT_URL"),
            )
            if key in outside
        }

    async def start(self, *names: str) -> None:
        for name in names:
            if name not in self._started:
                server: ChildProcess = getattr(self.embedded, name)
                await self._stack.enter_async_context(server)
                self._started.add(name)

    def settings(self, data_dir: Path, **overrides: object) -> Settings:
        """Settings for these servers with their own topics, group, collection and content."""
        own = f"t{uuid4().hex[:10]}"
        values: dict[str, object] = {
            **{name.lower(): value for name, value in self.environment.items()},
            **{
                f"kafka_{topic}_topic": f"{own}.{topic}"
                for topic in ("index", "enrichment", "bulk", "dlq", "completed", "progress")
            },
            "kafka_group_id": own,
            "kafka_publish_timeout": 5,
            "qdrant_collection": own,
            "qdrant_symbols_collection": f"{own}-symbols",
            "content_store_url": (data_dir / "content").as_uri(),
            **overrides,
        }
        return Settings(**values)

    def environment_of(self, settings: Settings, **overrides: str) -> dict[str, str]:
        """The environment that points a process to these servers, with the individual values of
        `settings`."""
        own = {
            **{
                f"KAFKA_{name.upper()}_TOPIC": getattr(settings, f"kafka_{name}_topic")
                for name in ("index", "enrichment", "bulk", "dlq", "completed", "progress")
            },
            "KAFKA_GROUP_ID": settings.kafka_group_id,
            "QDRANT_COLLECTION": settings.qdrant_collection,
            "QDRANT_SYMBOLS_COLLECTION": settings.qdrant_symbols_collection,
            "CONTENT_STORE_URL": settings.content_store_url,
        }
        return {**self.environment, **own, **overrides}


@pytest.fixture(scope="session")
async def servers(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[TestServers]:
    data_dir = tmp_path_factory.mktemp("servers")
    with vectors_in_memory(data_dir):
        async with AsyncExitStack() as stack:
            yield TestServers(data_dir, stack)


@pytest.fixture
def settings(servers: TestServers, tmp_path: Path) -> Settings:
    return servers.settings(tmp_path)


@pytest.fixture
def project() -> str:
    return f"project-{uuid4().hex[:10]}"


@pytest.fixture(scope="session")
def stack_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Directory of the stack's content and logs."""
    return tmp_path_factory.mktemp("stack")


@pytest.fixture(scope="session")
async def collector() -> AsyncIterator[Collector]:
    collector = Collector(free_ports(1)[0])
    async with collector.serving():
        yield collector


@pytest.fixture(scope="session")
def services_forked() -> Iterator[None]:
    """The services of stacks that this process starts are forked from one with their imports."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(devstack, "service", forking().service)
        yield


@pytest.fixture(scope="session")
async def stack(
    servers: TestServers, collector: Collector, stack_dir: Path, services_forked: None
) -> AsyncIterator[Settings]:
    """Servers and services, all running and traced; their settings."""
    await servers.start("temporal", "kafka", "graph", "vectors")
    settings = servers.settings(stack_dir, kafka_publish_timeout=0.5)
    await ensure_topics(settings)
    env = servers.environment_of(
        settings, METRICS_INTERVAL="1", INTELLIGENCE_WORKERS="1", **collector.environment
    )
    services = Services.on(stack_dir, servers.ports, env)
    async with AsyncExitStack() as running:
        for service in services.all():
            await running.enter_async_context(service)
        yield settings


@pytest.fixture(scope="session")
async def own(tmp_path_factory: pytest.TempPathFactory, services_forked: None) -> AsyncIterator[Stack]:
    """A separate stack whose processes a test may kill, if it brings them back."""
    overrides = {
        "CIRCUIT_BREAKER_RECOVERY_TIMEOUT": "5",
        "INTELLIGENCE_WORKERS": "1",
        "MAX_CONCURRENT_ENRICHMENTS": "4",
        "RETRY_BACKOFF_BASE": "0.3",
    }
    async with running(tmp_path_factory.mktemp("own"), Ports.free(), overrides) as stack:
        yield stack


@pytest.fixture(scope="session")
async def intelligence() -> AsyncIterator[FaultyIntelligence]:
    """The intelligence service of `scripted`; healthy until a test changes it."""
    intelligence = FaultyIntelligence(free_ports(1)[0])
    async with intelligence.serving():
        yield intelligence


@pytest.fixture(scope="session")
async def scripted(
    intelligence: FaultyIntelligence, tmp_path_factory: pytest.TempPathFactory, services_forked: None
) -> AsyncIterator[Stack]:
    """Like `own`, but its analyses are scripted; it compares its stores once a day."""
    overrides = {"INTELLIGENCE_SERVICE_URL": intelligence.url, "RECONCILE_INTERVAL": "86400"}
    async with running(tmp_path_factory.mktemp("scripted"), Ports.free(), overrides) as stack:
        yield stack
