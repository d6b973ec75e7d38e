"""In: installed libraries. Out: a table of how well search finds their functions.

Exit code 1 if both signals together are not the best, or not good enough.
"""

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from archon.contracts import names
from archon.devstack.stack import Ports, Servers, environment
from archon.runtime.settings import Settings
from archon.stores.vectors.search import Mode
from archon.stores.vectors.store import VectorStore
from tests.retrieval.corpus import corpus
from tests.retrieval.measure import AT, WAYS, Measured, index, measure

TUNED_ON = (
    *("httpx", "rich", "structlog", "pydantic_settings"),
    *("typer", "urllib3", "tomlkit", "prometheus_client"),
)
"""Libraries by which parameters were chosen."""
HELD_OUT = ("starlette", "click", "requests", "aiokafka", "jsonschema", "packaging", "anyio", "pathspec")
"""Libraries without influence on parameters."""
LEAST = 0.5


async def measured(libraries: Sequence[str], most: int) -> list[Measured]:
    """Results of each library, each on its own vector server."""
    with tempfile.TemporaryDirectory(prefix="archon-retrieval-") as place:
        ports = Ports.free()
        of_server = {name.lower(): value for name, value in environment(Path(place), ports).items()}
        settings = Settings(**of_server)  # type: ignore[arg-type]
        assert settings.qdrant_symbols_collection == names.COLLECTION_SYMBOLS
        async with Servers.on(Path(place), ports).vectors, VectorStore.connect(settings) as vectors:
            await vectors.ensure_collections()
            corpora = [corpus(library, most) for library in libraries]
            chunks = [await index(vectors, each) for each in corpora]
            return [
                await measure(vectors.search, each, count)
                for each, count in zip(corpora, chunks, strict=True)
            ]


def print_table(found: Sequence[Measured]) -> None:
    print(f"{'':20}{'chunks':>8}{'queries':>8}{'p95 ms':>8}" + "".join(f"{way:>16}" for way in WAYS))
    print(f"{'':44}" + f"{f'MRR@{AT}  R@{AT}':>16}" * len(WAYS))
    for each in [*found, Measured.of_all(found)]:
        figures = "".join(f"{each.mrr(way):>10.3f}{each.recall(way):>6.2f}" for way in WAYS)
        queries = len(each.seconds)
        print(f"{each.library:20}{each.chunks:>8}{queries:>8}{each.p95() * 1000:>8.0f}{figures}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "libraries", nargs="*", default=HELD_OUT, help="installed packages; none: held-out ones"
    )
    parser.add_argument("--tuned-on", action="store_true", help="those by which parameters were chosen")
    parser.add_argument("--queries", type=int, default=300, help="at most, of one library")
    arguments = parser.parse_args()
    libraries = TUNED_ON if arguments.tuned_on else arguments.libraries
    found = asyncio.run(measured(libraries, arguments.queries))
    print_table(found)
    whole = Measured.of_all(found)
    best = max(WAYS, key=whole.mrr)
    if best != Mode.COMBINED or whole.mrr(best) < LEAST:
        sys.exit(f"{best} is best, at {whole.mrr(best):.3f}; combined was to be, at {LEAST} at least")


if __name__ == "__main__":
    main()
