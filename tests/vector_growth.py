"""In: a number of chunks. Out: a table of the embedded vector server's cost of writes and searches at that
size.

The chunks are random numbers in the shape of real ones, in eight projects, written through the product's
code. A write is a document that is indexed and enriched. A search is limited to a project. Its first figure
is the client's median, its second the server's processor time, which is valid on a busy machine too: exit
code 1 if that is over 50 ms.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Final

import numpy as np

from archon.cli.bench.measured.groups import ProcessGroups
from archon.cli.bench.measured.processes import Usage
from archon.contracts.analysis import Chunk, Terms
from archon.contracts.documents import Indexed
from archon.contracts.types import EnrichmentStatus
from archon.devstack.stack import Ports, Servers, environment
from archon.runtime.settings import Settings
from archon.stores.vectors.search import Mode, Query, Wanted
from archon.stores.vectors.store import VectorStore
from tests import factories

PROJECTS: Final = [f"project-{number}" for number in range(8)]
OF_A_DOCUMENT: Final = 8
IN_BULK: Final = 100
WRITES: Final = 200
SEARCHES: Final = 80
MOST_MS: Final = 50.0
_TERMS: Final = 40
_VOCABULARY: Final = 50_000
_RANDOM: Final = np.random.default_rng(7)


def terms(many: int) -> Terms:
    """Frequent ones and rare ones, as in a language (G. Zipf, 1949)."""
    ranks = np.unique(np.minimum(_RANDOM.zipf(1.3, many), _VOCABULARY))
    indices = [int(rank) * 40_503 % 2**32 for rank in ranks]
    return Terms(indices=indices, values=_RANDOM.uniform(0.3, 2.0, len(indices)).tolist())


def vector() -> list[float]:
    raw = _RANDOM.standard_normal(256)
    numbers: list[float] = (raw / np.linalg.norm(raw)).tolist()
    return numbers


def chunks(many: int) -> list[Chunk]:
    return [
        Chunk(
            symbol=f"module.Class.method_{number}",
            kind="function",
            start_line=number * 20 + 1,
            end_line=number * 20 + 19,
            embedding=vector(),
            terms=terms(_TERMS),
        )
        for number in range(many)
    ]


async def write(vectors: VectorStore, project: str, of: list[Chunk]) -> None:
    """A new document, indexed and enriched."""
    document = factories.document(project)
    await vectors.index(document, Indexed(version=1, changed=True, status=EnrichmentStatus.PENDING))
    step = factories.step(factories.request_of(document))
    assert await vectors.write(step, EnrichmentStatus.COMPLETED, vector(), of)


async def search(vectors: VectorStore, project: str, mode: Mode) -> float:
    """Milliseconds."""
    query = Query(embedding=vector(), terms=terms(6))
    began = time.perf_counter()
    found = await vectors.search.nearest(query, Wanted(projects=[project]), 10, mode)
    assert found
    return (time.perf_counter() - began) * 1000


def sizes(most: int) -> Iterator[int]:
    size = 1_000
    while size < most:
        yield size
        size *= 10
    yield most


async def measured(vectors: VectorStore, processes: ProcessGroups, size: int) -> tuple[float, float]:
    """Prints a line; processor milliseconds of a write, and of the slowest kind of search."""

    async def usage() -> Usage:
        return (await processes.read())["vectors"]

    documents = [chunks(OF_A_DOCUMENT) for _ in range(WRITES)]
    before = await usage()
    for number, document in enumerate(documents):
        await write(vectors, PROJECTS[number % len(PROJECTS)], document)
    after = await usage()
    cost = (after.cpu - before.cpu) / WRITES * 1000
    row, dearest = f"{size:>9,}{cost:>16.1f}", 0.0
    for mode in Mode:
        before = await usage()
        taken = [await search(vectors, PROJECTS[each % len(PROJECTS)], mode) for each in range(SEARCHES)]
        after = await usage()
        spent = (after.cpu - before.cpu) / SEARCHES * 1000
        row += f"{f'{median(taken):.0f} / {spent:.1f}':>14}"
        dearest = max(dearest, spent)
    print(f"{row}{after.rss / 2**20:>8.0f}", flush=True)
    return cost, dearest


async def grown(vectors: VectorStore, there: int, size: int) -> int:
    while there < size:
        await write(vectors, PROJECTS[there // IN_BULK % len(PROJECTS)], chunks(IN_BULK))
        there += IN_BULK
    return there


async def run(most: int) -> float:
    """Processor milliseconds of the slowest search."""
    with tempfile.TemporaryDirectory(prefix="archon-scale-") as place:
        ports = Ports.free()
        of_server = {name.lower(): value for name, value in environment(Path(place), ports).items()}
        settings = Settings(**of_server)  # type: ignore[arg-type]
        server = Servers.on(Path(place), ports).vectors
        async with server, VectorStore.connect(settings) as vectors:
            await vectors.ensure_collections()
            assert server.pid is not None
            processes = ProcessGroups({"vectors": server.pid})
            searches = "".join(f"{mode:>14}" for mode in Mode)
            print(f"{'chunks':>9}{'CPU ms a write':>16}{searches}{'MiB':>8}")
            there, costs, dearest = 0, [], 0.0
            for size in sizes(most):
                there = await grown(vectors, there, size)
                cost, found = await measured(vectors, processes, size)
                there += WRITES * OF_A_DOCUMENT
                costs.append(cost)
                dearest = max(dearest, found)
            print(f"a write at {most:,} chunks costs {costs[-1] / costs[0]:.2f} times one at 1,000")
    return dearest


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--chunks", type=int, default=20_000, help="at most")
    dearest = asyncio.run(run(parser.parse_args().chunks))
    if dearest > MOST_MS:
        sys.exit(f"a search costs {dearest:.0f} ms of a processor; it may cost {MOST_MS:.0f}")


if __name__ == "__main__":
    main()
