"""The incidents: failures, and words by which an operator would recognise the cause."""

import asyncio
import contextlib
import os
import shutil
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from archon.cli.bench.load.documents import generate
from archon.runtime.kafka.topics import ensure_topics
from archon.runtime.local_ports import HOST, free_ports
from tests import factories
from tests.incidents.estate import Estate
from tests.monitoring.trouble import send
from tests.outages import rehearsal
from tests.outages.servers import Outage, Way

_NOT_THERE: Final = (
    r"[^\n]*(refused|reachable|no answer|no connection|not answer|does not|unavailable|down|nobody)"
)
_CLOCK: Final = Path(__file__).parent / "clock"
_HOUR: Final = 3600.0
_NO_SPACE: Final = r"\bdisk\b|no space|GiB free"
Trouble = Callable[[Estate], AbstractAsyncContextManager[None]]


@dataclass(frozen=True)
class Incident:
    """`cause`: a regular expression for the problem. `seconds`: minimum duration. `parked`: documents that
    must be parked because of it. `needs`: whether it can be provoked here."""

    trouble: Trouble
    cause: str
    seconds: float = 20.0
    parked: int = 0
    needs: Callable[[Estate], bool] = lambda _: True


@contextlib.asynccontextmanager
async def away(outage: Outage, estate: Estate) -> AsyncIterator[None]:
    """A server or service is killed, or frozen."""
    try:
        await outage.begin(estate.stack)
        yield
    finally:
        await outage.end(estate.stack)
        if outage.server == "kafka":
            await ensure_topics(estate.stack.settings)  # Kafka keeps topics in memory


@contextlib.asynccontextmanager
async def misled(service: str, settings: Mapping[str, str], estate: Estate) -> AsyncIterator[None]:
    """A service was started with wrong settings."""
    async with estate.restarted(getattr(estate.stack.services, service), **settings):
        yield


def clock_off(service: str, seconds: float) -> Trouble:
    """A service of ours runs on a machine whose clock is ahead or behind."""
    return partial(misled, service, {"PYTHONPATH": str(_CLOCK), "CLOCK_AHEAD": str(seconds)})


@contextlib.asynccontextmanager
async def nowhere(service: str, setting: str, address: str, estate: Estate) -> AsyncIterator[None]:
    """The same with the address of a port that nobody serves."""
    async with misled(service, {setting: address.format(port=free_ports(1)[0])}, estate):
        yield


@contextlib.asynccontextmanager
async def older(estate: Estate) -> AsyncIterator[None]:
    """The worker uses an empty vector store of an unsupported old version."""

    async def answered(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, OSError):
            while head := await reader.readuntil(b"\r\n\r\n"):
                writer.write(_as_old_qdrant(head.split()[1]))
                await writer.drain()

    server = await asyncio.start_server(answered, HOST, 0)
    port = server.sockets[0].getsockname()[1]
    try:
        async with misled("worker", {"QDRANT_URL": f"http://{HOST}:{port}"}, estate):
            yield
    finally:
        server.close()


def _as_old_qdrant(path: bytes) -> bytes:
    if path == b"/":
        status, body = "200 OK", b'{"title":"qdrant - vector search engine","version":"1.10.0"}'
    else:
        status, body = "404 Not Found", b'{"status":{"error":"Not found"},"time":0.0}'
    head = f"HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    return head.encode() + body


@contextlib.asynccontextmanager
async def slow(server: str, seconds: float, estate: Estate) -> AsyncIterator[None]:
    estate.proxies[server].delay = seconds
    try:
        yield
    finally:
        estate.proxies[server].delay = 0.0


@contextlib.asynccontextmanager
async def full(disk: str, estate: Estate) -> AsyncIterator[None]:
    ballast = estate.directory / disk / "ballast"
    try:
        _fill(ballast)
        yield
    finally:
        ballast.unlink(missing_ok=True)


def _fill(ballast: Path) -> None:
    """To the last byte: first free blocks, then smaller parts until nothing more fits."""
    with ballast.open("wb", buffering=0) as file:
        os.posix_fallocate(file.fileno(), 0, max(1, shutil.disk_usage(ballast.parent).free - (1 << 16)))
        file.seek(0, os.SEEK_END)
        with contextlib.suppress(OSError):
            while True:
                file.write(bytes(4096))


@contextlib.asynccontextmanager
async def poison(count: int, estate: Estate) -> AsyncIterator[None]:
    """Requests for documents without a text anywhere, and as many unreadable messages."""
    settings = estate.stack.settings
    for number in range(count):
        request = factories.request(
            "poison", text=f"nobody has {number}", file_path=f"src/poison_{number}.py"
        )
        await send(
            settings, settings.kafka_enrichment_topic, request.model_dump_json(exclude_none=True).encode()
        )
        await send(settings, settings.kafka_index_topic, b"{ not JSON")
    yield


@contextlib.asynccontextmanager
async def flood(count: int, estate: Estate) -> AsyncIterator[None]:
    """Another project's documents, faster than the analysis, with a low limit in Temporal."""
    documents = list(generate("flood", count, 2048))
    async with (
        misled("intelligence", {"INTELLIGENCE_SIMULATED_LATENCY": "1"}, estate),
        misled("ingress", {"INGRESS_MAX_BACKLOG": "20"}, estate),
    ):
        sending = asyncio.create_task(rehearsal.send(estate.stack.settings, "flood", documents))
        try:
            yield
        finally:
            await sending


def _killed_or_frozen() -> dict[str, Incident]:
    """Every server and service, each in both ways."""
    causes = {
        "temporal": "temporal",
        "kafka": "kafka",
        "graph": "graph|memgraph",
        "vectors": "vector|qdrant",
        "intelligence": "intelligence",
        "bridge": "bridge",
        "ingress": "ingress",
        "worker": "worker",
    }
    found = {}
    for server, cause in causes.items():
        group = "services" if server in {"intelligence", "bridge", "ingress", "worker"} else "servers"
        down = rf"({cause}){_NOT_THERE}"
        for way, word in ((Way.KILLED, "killed"), (Way.FROZEN, "paused")):
            if server == "kafka" and way is Way.KILLED:
                continue  # the embedded broker keeps its records in memory
            seconds = 20.0 if way is Way.KILLED else 90.0
            outage = Outage(group, server, way)
            found[f"{server} {word}"] = Incident(partial(away, outage), down, seconds)
    return found


INCIDENTS: Final[Mapping[str, Incident]] = {
    **_killed_or_frozen(),
    "wrong password": Incident(
        partial(misled, "worker", {"MEMGRAPH_PASSWORD": "wrong"}),
        r"(graph|memgraph)[^\n]*(password|credential|auth|security|user)",
    ),
    "wrong address of the graph": Incident(
        partial(nowhere, "worker", "MEMGRAPH_URI", f"bolt://{HOST}:{{port}}"),
        rf"(graph|memgraph){_NOT_THERE}",
    ),
    "wrong address of the vectors": Incident(
        partial(nowhere, "worker", "QDRANT_URL", f"http://{HOST}:{{port}}"), rf"(vector|qdrant){_NOT_THERE}"
    ),
    "wrong address of Kafka": Incident(
        partial(nowhere, "ingress", "KAFKA_BOOTSTRAP_SERVERS", f"{HOST}:{{port}}"), rf"kafka{_NOT_THERE}"
    ),
    "wrong address of Temporal": Incident(
        partial(nowhere, "worker", "TEMPORAL_ADDRESS", f"{HOST}:{{port}}"), rf"temporal{_NOT_THERE}"
    ),
    "older vector store": Incident(older, r"(qdrant|vector)[^\n]*1\.10"),
    "wrong dimensions": Incident(
        partial(misled, "worker", {"EMBEDDING_DIMENSIONS": "384"}), r"(dimension|size)[^\n]*(256|384)"
    ),
    "slow graph": Incident(
        partial(slow, "graph", 2.0), r"(graph|memgraph)[^\n]*(slow|no answer|not answer|down)"
    ),
    "slow intelligence": Incident(
        partial(misled, "intelligence", {"INTELLIGENCE_SIMULATED_LATENCY": "12"}),
        r"intelligence[^\n]*(slow|not answer|seconds|for \d+ s|since)",
    ),
    "disk full under the graph": Incident(
        partial(full, "graph"), _NO_SPACE, needs=lambda estate: estate.disks
    ),
    "disk full under the texts": Incident(
        partial(full, "content"), _NO_SPACE, needs=lambda estate: estate.disks
    ),
    "clock of the worker an hour ahead": Incident(
        clock_off("worker", _HOUR), r"worker[^\n]*clock|clocks_ahead[^\n]*worker|clock of the worker"
    ),
    "clock of the bridge an hour behind": Incident(
        clock_off("bridge", -_HOUR), r"bridge[^\n]*clock|clocks_ahead[^\n]*worker|clock_off"
    ),
    "flood": Incident(partial(flood, 150), r"ingress[^\n]*INGRESS_MAX_BACKLOG|consumption_paused"),
    "poison": Incident(partial(poison, 12), r"(parked|failed|dead letter)[^\n]*\d", seconds=5, parked=12),
}
