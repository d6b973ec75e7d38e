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
from tests.retrieval import jsdoc, quick
from tests.retrieval.corpus import Corpus, corpus
from tests.retrieval.measure import AT, WAYS, Measured, index, measure

TUNED_ON = (
    *("httpx", "rich", "structlog", "pydantic_settings"),
    *("typer", "urllib3", "tomlkit", "prometheus_client"),
)
"""Libraries by which parameters were chosen."""
HELD_OUT = ("starlette", "click", "requests", "aiokafka", "jsonschema", "packaging", "anyio", "pathspec")
"""Libraries without influence on parameters."""
NPM_TUNED_ON = ("eslint@10.15.0", "async@3.2.6", "mocha@12.0.3")
NPM_HELD_OUT = ("ws@8.23.0", "commander@15.1.0", "mongoose@9.12.1", "three@0.187.0", "winston@3.19.0")
LEAST = {"python": 0.6, "npm": 0.62}
"""MRR of the combined search."""


async def measured(corpora: Sequence[Corpus]) -> list[Measured]:
    """Results of each library."""
    with tempfile.TemporaryDirectory(prefix="archon-retrieval-") as place:
        ports = Ports.free()
        of_server = {name.lower(): value for name, value in environment(Path(place), ports).items()}
        settings = Settings(**of_server)  # type: ignore[arg-type]
        assert settings.qdrant_symbols_collection == names.COLLECTION_SYMBOLS
        async with Servers.on(Path(place), ports).vectors, VectorStore.connect(settings) as vectors:
            await vectors.ensure_collections()
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
        "libraries", nargs="*", help="installed packages, or name@version; none: held-out ones"
    )
    parser.add_argument("--npm", action="store_true", help="packages of npm instead of installed libraries")
    parser.add_argument("--tuned-on", action="store_true", help="those by which parameters were chosen")
    parser.add_argument("--quick", action="store_true", help="without a server")
    parser.add_argument(
        "--parts", action="store_true", help="what each part of the ranking adds; implies --quick"
    )
    parser.add_argument("--queries", type=int, default=300, help="at most, of one library")
    arguments = parser.parse_args()
    tuned_on, held_out = (NPM_TUNED_ON, NPM_HELD_OUT) if arguments.npm else (TUNED_ON, HELD_OUT)
    libraries = arguments.libraries or (tuned_on if arguments.tuned_on else held_out)
    read = jsdoc.corpus if arguments.npm else corpus
    corpora = [read(library, arguments.queries) for library in libraries]
    if arguments.quick or arguments.parts:
        indexed = [quick.index(each) for each in corpora]
        found = [quick.measure(each) for each in indexed]
    else:
        found = asyncio.run(measured(corpora))
    print_table(found)
    if arguments.parts:
        quick.print_parts(indexed)
    whole, least = Measured.of_all(found), LEAST["npm" if arguments.npm else "python"]
    best = max(WAYS, key=whole.mrr)
    if best != Mode.COMBINED or whole.mrr(best) < least:
        sys.exit(f"{best} is best, at {whole.mrr(best):.3f}; combined was to be, at {least} at least")


if __name__ == "__main__":
    main()
