"""In: a separate stack and busy processes on the same machine. Out: a table of indexing and enrichment times.

`python -m tests.priorities`: a row without other load, then one for each kind of load. Indexing is measured
with a backlog of enrichments; one document's enrichment on an otherwise idle stack.
"""

import argparse
import asyncio
import contextlib
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx

from archon.cli.bench.load.documents import Generated, generate
from archon.cli.bench.load.sending import load
from archon.cli.bench.measured.groups import ProcessGroups
from archon.cli.bench.measured.processes import Recording
from archon.contracts.types import WORKING, Priority
from archon.devstack.stack import Ports, Stack, running
from tests.eventually import eventually

_BUSY: Final = "import os, sys; os.nice(int(sys.argv[1]))\nwhile True: pass"
_CLIENTS: Final = 8
_PATIENCE: Final = 300.0


@dataclass(frozen=True)
class Company:
    """Busy processes next to the stack: in the session of this command, or each in its own."""

    niceness: int = 0
    count: int = 0
    own_session: bool = True

    def __str__(self) -> str:
        where = "own session" if self.own_session else "same session"
        return f"{self.count} x nice {self.niceness}, {where}" if self.count else "none"


COMPANY: Final = (
    Company(),
    Company(19, 1),
    Company(19, 2),
    Company(0, 1),
    Company(0, 2),
    Company(19, 2, own_session=False),
    Company(0, 2, own_session=False),
)


@dataclass(frozen=True)
class Measured:
    """Milliseconds; `others`: the share of the machine used neither by the stack nor by the load."""

    enriched: Sequence[float]
    accepted: Sequence[float]
    others: float


@contextlib.asynccontextmanager
async def busy(company: Company) -> AsyncIterator[Sequence[int]]:
    """The process ids of the load during the block."""
    processes = [
        await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", _BUSY, str(company.niceness)),
            start_new_session=company.own_session,
            process_group=None if company.own_session else 0,
        )
        for _ in range(company.count)
    ]
    try:
        yield [process.pid for process in processes]
    finally:
        for process in processes:
            process.kill()
            await process.wait()


class Bench:
    """Measures one stack repeatedly, each time with new documents."""

    def __init__(self, stack: Stack, http: httpx.AsyncClient, arguments: argparse.Namespace) -> None:
        self._stack = stack
        self._http = http
        self._arguments = arguments
        self._documents: Iterator[Generated] = generate("priorities", 1_000_000, 4096)

    async def measure(self, company: Company) -> Measured:
        async with busy(company) as pids:
            recording = Recording(ProcessGroups(self._leaders() | {str(pid): pid for pid in pids}))
            await recording.sample()
            enriched = [await self._enriched() for _ in range(self._arguments.single)]
            await self._sent("ahead", self._arguments.ahead)
            accepted = await self._sent("measured", self._arguments.accepted)
            await recording.sample()
        await eventually(self._settled, _PATIENCE)
        return Measured(enriched, accepted, recording.others_share() or 0.0)

    def _leaders(self) -> dict[str, int]:
        children = [*self._stack.servers.all(), *self._stack.services.all()]
        return {child.name: child.pid for child in children if child.pid is not None}

    async def _enriched(self) -> float:
        """One document, from its request to the end of its enrichment."""
        document = next(self._documents)
        began = time.monotonic()
        body = {"project_id": "single", "source_path": document.path, "full_text": document.text}
        answer = (await self._http.post("/api/bridge/document", json=body)).raise_for_status().json()

        async def done() -> bool:
            found = (await self._http.get(answer["links"]["document"])).raise_for_status().json()
            return str(found["enrichment_status"]) == "completed"

        await eventually(done, _PATIENCE)
        return (time.monotonic() - began) * 1000

    async def _sent(self, project: str, count: int) -> Sequence[float]:
        found = await load(
            self._stack.settings,
            project,
            [next(self._documents) for _ in range(count)],
            concurrency=_CLIENTS,
            rate=0,
            priority=Priority.NORMAL,
            answered=lambda: None,
        )
        assert not found.errors
        return found.accept_ms

    async def _settled(self) -> bool:
        found = (await self._http.get("/api/bridge/statistics")).raise_for_status().json()
        return not any(found["statuses"].get(status) for status in WORKING)


def _row(company: Company, found: Measured) -> str:
    accepted = statistics.quantiles(found.accepted, n=20)
    return (
        f"{company!s:28}{statistics.median(found.enriched):>10.0f}{max(found.enriched):>8.0f}"
        f"{accepted[9]:>10.0f}{accepted[18]:>8.0f}{found.others:>8.0%}"
    )


async def _main(arguments: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory(prefix="archon-priorities-") as place:
        async with (
            running(Path(place), Ports.free()) as stack,
            httpx.AsyncClient(base_url=stack.settings.bridge_url, timeout=60) as http,
        ):
            bench = Bench(stack, http, arguments)
            await bench.measure(Company())  # everything is slow the first time
            print(f"{'':28}{'enriched, ms':>18}{'accepted, ms':>18}{'others':>8}")
            print(f"{'busy beside the stack':28}{'median':>10}{'max':>8}{'p50':>10}{'p95':>8}", flush=True)
            for company in COMPANY:
                print(_row(company, await bench.measure(company)), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--single", type=int, default=5, help="documents that are enriched one by one")
    parser.add_argument("--ahead", type=int, default=30, help="documents that keep enrichment busy first")
    parser.add_argument("--accepted", type=int, default=100, help="documents whose indexing is measured")
    asyncio.run(_main(parser.parse_args()))


if __name__ == "__main__":
    main()
