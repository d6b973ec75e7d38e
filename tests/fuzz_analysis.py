"""In: `python -m tests.fuzz_analysis [--seconds N] [PATH...]`. Out: the analyses of mutated sources.

Uses worker processes, as for documents. A worker that dies or a failed analysis is an error; analyses at or
near the time limit are reported. Both are kept.
"""

import argparse
import asyncio
import heapq
import json
import random
import sys
import sysconfig
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from archon.contracts.analysis import AnalysisResult
from archon.contracts.types import EnrichmentType
from intelligence.analysis.analyser import analyse, warm_up
from intelligence.benchmark import sources
from intelligence.service.pool import Pool, PoolError, TimeLimitError
from tests import hostile

SLOWEST = 10
OTHER_LANGUAGE = 0.1


@dataclass
class Report:
    cases: int = 0
    characters: int = 0
    by_language: Counter[str] = field(default_factory=Counter)
    failures: list[dict[str, Any]] = field(default_factory=list)
    ended: list[dict[str, Any]] = field(default_factory=list)
    slowest: list[tuple[float, int, str, str, int]] = field(default_factory=list)
    """Seconds, case, language, mutations and characters."""

    def add(self, case: int, language: str | None, done: str, text: str, seconds: float) -> None:
        self.cases += 1
        self.characters += len(text)
        self.by_language[str(language)] += 1
        heapq.heappush(self.slowest, (round(seconds, 2), case, str(language), done, len(text)))
        if len(self.slowest) > SLOWEST:
            heapq.heappop(self.slowest)


def timed(text: str, language: str | None) -> float:
    """Processor seconds of an analysis; its result must be transferable to the caller."""
    started = time.process_time()
    result = analyse(text, language, EnrichmentType.FULL)
    assert AnalysisResult.model_validate_json(result.model_dump_json()) == result
    return time.process_time() - started


async def fuzz(texts: dict[str, list[str]], given: argparse.Namespace) -> Report:
    """Runs until the time is over; each worker has one case at a time."""
    report = Report()
    pool = Pool(given.workers, given.limit, warm_up)
    chance = random.Random(given.seed)
    end = time.monotonic() + given.seconds

    async def cases() -> None:
        while time.monotonic() < end:
            await _case(report, pool, texts, chance.getrandbits(48), given.keep)

    try:
        await pool.warm()
        await asyncio.gather(*(cases() for _ in range(given.workers)))
    finally:
        pool.close()
    return report


async def _case(report: Report, pool: Pool, texts: dict[str, list[str]], case: int, keep: Path) -> None:
    """The same for the same number."""
    chance = random.Random(case)
    of = chance.choice(sorted(texts))
    done, text = hostile.mutated(chance, texts[of])
    language = chance.choice(hostile.LANGUAGES) if chance.random() < OTHER_LANGUAGE else of
    try:
        report.add(case, language, done, text, await pool.run(timed, text, language))
    except PoolError as error:
        report.add(case, language, done, text, 0)
        keep.mkdir(parents=True, exist_ok=True)
        (keep / f"{case}.{language}.txt").write_text(text, errors="surrogatepass")
        record = {"case": case, "language": language, "mutations": done, "characters": len(text)}
        (report.ended if isinstance(error, TimeLimitError) else report.failures).append(
            {**record, "error": error.code}
        )


def _texts(paths: Sequence[Path]) -> dict[str, list[str]]:
    found: defaultdict[str, list[str]] = defaultdict(list)
    for language, examples in hostile.examples().items():
        found[language] += examples
    for language, texts in sources(paths, 200).items():
        found[language] += texts
    found["markdown"] = [path.read_text() for path in Path("docs").glob("*.md")] or ["# A\n"]
    return dict(found)


def main(arguments: Sequence[str]) -> int:
    """Exit code 1 if a worker died or an analysis failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "paths", nargs="*", type=Path, help="where sources are; else here and in the standard library"
    )
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--limit", type=float, default=30, help="seconds for one case")
    parser.add_argument("--seed", type=int, default=random.randrange(2**32))
    parser.add_argument("--keep", type=Path, default=Path("fuzz-failures"), help="a folder for what failed")
    given = parser.parse_args(arguments)
    paths = given.paths or [Path(), Path(sysconfig.get_path("stdlib"))]
    report = asyncio.run(fuzz(_texts(paths), given))
    record = {**vars(report), "slowest": sorted(report.slowest, reverse=True), "seed": given.seed}
    sys.stdout.write(json.dumps(record, indent=1, default=str) + "\n")
    return 1 if report.failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
