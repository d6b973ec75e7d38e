"""In: times of sending and enrichment, searches, process readings. Out: the tenths of a run, which show
growth with the stored data."""

import asyncio
import itertools
import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, TypeVar

from archon.cli.bench.load.documents import WORDS
from archon.cli.bench.load.reading import Reader
from archon.cli.bench.measured.processes import BENCH, Recording, Usage
from archon.cli.bench.measured.report import Growth, Tenth
from archon.cli.ingest.tally import percentile
from archon.contracts.errors import StoreUnavailableError

Each = TypeVar("Each")
TENTHS: Final = 10
_SEARCH_EVERY: Final = 1.0
"""Seconds between searches: enough searches for a percentile, too few to be a load."""
_P95: Final = 95


@dataclass
class Searches:
    """Start and milliseconds of each search; `refused`: number of failed searches."""

    took: list[tuple[datetime, float]] = field(default_factory=list)
    refused: int = 0

    async def go_on(self, reader: Reader, project: str) -> None:
        """One search per second on a fixed schedule, until cancelled."""
        rng, start = random.Random(project), time.perf_counter()
        for number in range(1_000_000):
            due = start + number * _SEARCH_EVERY
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            begun = datetime.now(UTC)
            try:
                await reader.search(" ".join(rng.choice(words) for words in WORDS), project)
            except StoreUnavailableError:
                self.refused += 1
            else:
                self.took.append((begun, (time.perf_counter() - due) * 1000))


@dataclass(frozen=True)
class _Window:
    """The time in which a tenth was enriched."""

    documents: int
    begin: datetime
    end: datetime


def growth(
    accept_ms: Sequence[float],
    start: datetime,
    enriched: Sequence[datetime],
    searches: Searches,
    recording: Recording,
) -> Growth | None:
    """`accept_ms` in the order of sending, `start` is the start of the first document. None for fewer
    documents than tenths."""
    if min(len(enriched), len(accept_ms)) < TENTHS:
        return None
    windows, begin = [], start
    for part in _parts(sorted(enriched)):
        windows.append(_Window(len(part), begin, part[-1]))
        begin = part[-1]
    tenths = [
        _tenth(window, accepted, searches, recording)
        for window, accepted in zip(windows, _parts(accept_ms), strict=True)
    ]
    return Growth(tenths=tenths, last_to_first=_ratios(tenths[0], tenths[-1]))


def _parts(values: Sequence[Each]) -> list[Sequence[Each]]:
    """Tenths of almost equal size."""
    bounds = [number * len(values) // TENTHS for number in range(TENTHS + 1)]
    return [values[low:high] for low, high in itertools.pairwise(bounds)]


def _tenth(window: _Window, accepted: Sequence[float], searches: Searches, recording: Recording) -> Tenth:
    seconds = (window.end - window.begin).total_seconds()
    took = [ms for begun, ms in searches.took if window.begin < begun <= window.end]
    readings = [usages for when, usages in recording.timeline if window.begin < when <= window.end]
    cpu = {
        name: _spent(recording, window.end, name) - _spent(recording, window.begin, name)
        for name in sorted(set(recording.first) - {BENCH})
    }
    return Tenth(
        documents=window.documents,
        per_second=round(window.documents / seconds, 2) if seconds > 0 else 0.0,
        accept_p95_ms=percentile(accepted, _P95),
        searches=len(took),
        search_p95_ms=percentile(took, _P95),
        cpu_ms_per_document={name: round(spent * 1000 / window.documents, 2) for name, spent in cpu.items()},
        peak_rss_bytes=_peaks(readings),
    )


def _spent(recording: Recording, when: datetime, name: str) -> float:
    """Processor seconds at that time, interpolated between the readings before and after it."""
    known = [(at, usages[name].cpu) for at, usages in recording.timeline if name in usages]
    before = max((each for each in known if each[0] <= when), default=known[0])
    after = min((each for each in known if each[0] >= when), default=known[-1])
    gap = (after[0] - before[0]).total_seconds()
    share = (when - before[0]).total_seconds() / gap if gap > 0 else 0.0
    return before[1] + (after[1] - before[1]) * min(max(share, 0.0), 1.0)


def _peaks(readings: Sequence[Mapping[str, Usage]]) -> dict[str, int]:
    names = sorted({name for usages in readings for name in usages} - {BENCH})
    return {name: max(usages[name].rss for usages in readings if name in usages) for name in names}


def _ratios(first: Tenth, last: Tenth) -> dict[str, float | None]:
    of_first, of_last = _figures(first), _figures(last)
    return {name: _ratio(value, of_last[name]) for name, value in of_first.items()}


def _figures(tenth: Tenth) -> dict[str, float | None]:
    return {
        "per_second": tenth.per_second,
        "accept_p95_ms": tenth.accept_p95_ms,
        "search_p95_ms": tenth.search_p95_ms,
        "cpu_ms_per_document": sum(tenth.cpu_ms_per_document.values()),
        "rss_bytes": float(sum(tenth.peak_rss_bytes.values())),
    }


def _ratio(first: float | None, last: float | None) -> float | None:
    return round(last / first, 3) if first and last is not None else None
