"""In: a number of documents. Out: processor time of graph and client for each of them, by operation.

Starts an embedded graph of its own. `python -m tests.graph_cost --documents 200 --rounds 3`. To compare two
trees, run this file from both in turn: PYTHONPATH decides whose code it measures.
"""

import argparse
import asyncio
import json
import random
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import psutil

from archon.cli.bench.load import documents
from archon.contracts import identity
from archon.contracts.analysis import AnalysisResult
from archon.contracts.documents import Document
from archon.contracts.errors import StoreConflictError
from archon.contracts.types import EnrichmentType
from archon.contracts.workflow import Step
from archon.devstack.stack import Ports, Servers, environment
from archon.runtime.settings import Settings
from archon.stores.graph.store import GraphStore
from intelligence.analysis.analyser import analyse
from tests import factories

_SHARED = ("os", "json", "typing", "collections", "logging", "acme.store", "acme.cart", "acme.prices")


@dataclass(frozen=True)
class Sample:
    document: Document
    analysis: AnalysisResult


def samples(project: str, seed: str, count: int) -> list[Sample]:
    """Generated sources with their analyses; each imports a few modules that others import too."""
    found = []
    for each in documents.generate(seed, count, 4096):
        result = analyse(each.text, each.language, EnrichmentType.FULL)
        taken = random.Random(each.path).sample(_SHARED, 4)
        imports = factories.analysis(relationships=[]).relationships
        imports += [{"kind": "imports", "target": name} for name in taken]  # type: ignore[list-item]
        result = AnalysisResult.model_validate(
            {**result.model_dump(), "relationships": [*result.model_dump()["relationships"], *imports]}
        )
        document = factories.document(
            project,
            each.text,
            file_path=f"acme/{each.path}",
            name=each.path.rpartition("/")[2],
            language=identity.language_named(each.language),
        )
        found.append(Sample(document, result))
    return found


def processor_time(pid: int) -> float:
    """Seconds that a process has worked."""
    times = psutil.Process(pid).cpu_times()
    return times.user + times.system


def server_of(guard: int) -> int:
    """The process that a guard has started."""
    return psutil.Process(guard).children()[0].pid


class Meter:
    """Milliseconds per document, by operation: processor time of server and client, and wall clock."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self.figures: dict[str, list[tuple[float, float, float]]] = defaultdict(list)
        self.conflicts: Counter[str] = Counter()

    async def measure(
        self, name: str, clients: int, works: Sequence[Callable[[], Awaitable[object]]]
    ) -> None:
        waiting = list(reversed(works))

        async def client() -> None:
            while waiting:
                work = waiting.pop()
                while not await self._done(work):
                    self.conflicts[name] += 1

        before = processor_time(self._pid), time.process_time(), time.monotonic()
        await asyncio.gather(*(client() for _ in range(clients)))
        after = processor_time(self._pid), time.process_time(), time.monotonic()
        server, ours, clock = (1000 * (b - a) / len(works) for a, b in zip(before, after, strict=True))
        self.figures[name].append((server, ours, clock))

    async def _done(self, work: Callable[[], Awaitable[object]]) -> bool:
        """Retries after a conflict, like the activity."""
        try:
            await work()
        except StoreConflictError:
            return False
        return True


async def one_round(graph: GraphStore, meter: Meter, found: Sequence[Sample], clients: int) -> None:
    steps = {
        each.document.entity_id: Step(
            request=factories.request_of(each.document, 1, language=each.document.language),
            version=1,
            workflow_id=f"enrich-{each.document.entity_id}",
        )
        for each in found
    }

    def index(each: Sample) -> Awaitable[object]:
        return graph.index(each.document, str(uuid4()))

    def claim(each: Sample) -> Awaitable[object]:
        step = steps[each.document.entity_id]
        return graph.claim(step.request, step.workflow_id)

    def write(each: Sample) -> Awaitable[object]:
        return graph.write_enrichment(steps[each.document.entity_id], each.analysis)

    for name, work in (("index", index), ("claim", claim), ("write", write), ("write again", write)):
        await meter.measure(name, clients, [lambda each=each, work=work: work(each) for each in found])


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--documents", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--clients", type=int, default=10)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    async with AsyncExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True)))
        ports = Ports.free()
        server = await stack.enter_async_context(Servers.on(directory, ports).graph)
        settings = Settings(**{k.lower(): v for k, v in environment(directory, ports).items()})  # type: ignore[arg-type]
        graph = await stack.enter_async_context(GraphStore.connect(settings))
        await graph.ensure_schema()
        assert server.pid is not None
        meter = Meter(server_of(server.pid))
        for number in range(given.rounds + 1):
            await one_round(graph, meter, samples("load", f"round {number}", given.documents), given.clients)
    # The first round includes the server's warm-up.
    figures = {
        name: [round(sum(column) / given.rounds, 2) for column in zip(*rounds[1:], strict=True)]
        for name, rounds in meter.figures.items()
    }
    if given.json:
        print(json.dumps(figures))
        return
    print(f"{given.documents} documents, {given.rounds} rounds, {given.clients} clients; ms a document")
    for name, (server_ms, client_ms, clock_ms) in figures.items():
        times = f"server {server_ms:7.2f}  client {client_ms:7.2f}  clock {clock_ms:7.2f}"
        print(f"{name:12} {times}  conflicts {meter.conflicts[name]}")


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
