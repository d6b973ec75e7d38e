"""In: `python -m intelligence.benchmark PATH... [--workers N] [-o json]`. Out: the speed of the analysis.

First each language alone in one process, by processor time; then all of them through worker processes, by
wall clock, in batches like those of `POST /process/document/batch`.
"""

import argparse
import asyncio
import random
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from pydantic import BaseModel
from rich.console import Console
from rich.table import Table

from archon.contracts.identity import language_of
from archon.contracts.types import EnrichmentType
from intelligence.analysis.analyser import analyse, warm_up
from intelligence.analysis.fitness import PARSED_CHARACTERS
from intelligence.service.pool import Pool
from intelligence.service.processing import BATCH_DOCUMENTS
from intelligence.syntax.grammar import grammars

PROCESSED: Final = "all, in worker processes"
Source = tuple[str, str]
"""Language and text."""


class Row(BaseModel):
    """One language, or all. Megabytes are 10^6 bytes of UTF-8; milliseconds are per document, None for
    concurrent documents."""

    language: str
    files: int
    megabytes: float
    megabytes_per_second: float
    p50_ms: float | None = None
    p95_ms: float | None = None


def sources(paths: Sequence[Path], most: int) -> dict[str, list[str]]:
    """Sources by language, at most `most` each, the same at every call; only parsable ones."""
    found: dict[str, list[Path]] = {}
    for path in sorted(each for root in paths for each in ([root] if root.is_file() else root.rglob("*"))):
        language = language_of(path.name)
        if (
            language is not None
            and language in grammars()
            and path.is_file()
            and 0 < path.stat().st_size <= PARSED_CHARACTERS
        ):
            found.setdefault(language, []).append(path)
    chosen = {
        language: random.Random(0).sample(all_, min(most, len(all_))) for language, all_ in found.items()
    }
    return {
        language: [path.read_text(errors="replace") for path in files] for language, files in chosen.items()
    }


def measured(language: str, texts: Sequence[str]) -> Row:
    """One document after the other; other load on the machine hardly matters."""
    taken = []
    for text in texts:
        started = time.process_time()
        analyse(text, language, EnrichmentType.FULL)
        taken.append(1000 * (time.process_time() - started))
    deciles = statistics.quantiles(taken, n=20, method="inclusive") if len(taken) > 1 else taken * 19
    return _row(language, texts, sum(taken) / 1000, deciles[9], deciles[18])


async def processed(documents: Sequence[Source], workers: int) -> Row:
    """All batches concurrently, without the start of the processes."""
    pool = Pool(workers, 600, warm_up)
    try:
        await pool.warm()
        started = time.perf_counter()
        await asyncio.gather(*(_batch(pool, batch) for batch in _batches(documents)))
        return _row(PROCESSED, [text for _, text in documents], time.perf_counter() - started)
    finally:
        pool.close()


async def _batch(pool: Pool, batch: Sequence[Source]) -> None:
    items = [(text, language, EnrichmentType.FULL) for language, text in batch]
    await pool.run_each(analyse, items, [len(text) for _, text in batch])


def _batches(documents: Sequence[Source]) -> Iterator[Sequence[Source]]:
    for start in range(0, len(documents), BATCH_DOCUMENTS):
        yield documents[start : start + BATCH_DOCUMENTS]


def _row(
    language: str, texts: Sequence[str], seconds: float, p50: float | None = None, p95: float | None = None
) -> Row:
    megabytes = sum(len(text.encode(errors="replace")) for text in texts) / 1e6
    return Row(
        language=language,
        files=len(texts),
        megabytes=round(megabytes, 3),
        megabytes_per_second=round(megabytes / seconds, 3),
        p50_ms=None if p50 is None else round(p50, 2),
        p95_ms=None if p95 is None else round(p95, 2),
    )


def _print(rows: Sequence[Row]) -> None:
    table = Table("language", "files", "MB", "MB/s", "p50 ms", "p95 ms", box=None)
    for row in rows:
        table.add_row(*("" if value is None else str(value) for value in row.model_dump().values()))
    Console().print(table)


def _arguments(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m intelligence.benchmark", description=__doc__)
    parser.add_argument("paths", nargs="+", type=Path, metavar="PATH")
    parser.add_argument(
        "--files", type=int, default=300, help="maximum number of files per language (%(default)s)"
    )
    parser.add_argument("--workers", type=int, default=0, help="number of processes for the concurrent run")
    parser.add_argument("-o", "--output", choices=("table", "json"), default="table")
    given = parser.parse_args(arguments)
    if missing := [str(path) for path in given.paths if not path.exists()]:
        parser.error(f"PATH: there is no {', '.join(missing)}")
    return given


def main(arguments: Sequence[str]) -> int:
    """Exit code 1 if there is no source in a language with a grammar."""
    given = _arguments(arguments)
    found = sources(given.paths, given.files)
    if not found:
        sys.stderr.write("no source in a language with a grammar\n")
        return 1
    warm_up()
    rows = [measured(language, texts) for language, texts in sorted(found.items())]
    if given.workers:
        documents = [(language, text) for language, texts in found.items() for text in texts]
        random.Random(0).shuffle(documents)
        rows.append(asyncio.run(processed(documents, given.workers)))
    if given.output == "json":
        sys.stdout.write(f"[{', '.join(row.model_dump_json() for row in rows)}]\n")
    else:
        _print(rows)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
