"""In: the processes of a stack. Out: processor time and memory of each, before, during and after a run.

For a stack of bench's own it reads process groups; for another stack the services' `/metrics`, which cover
only the process that answers.
"""

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncIterator, Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, Literal, Protocol

import httpx
from prometheus_client.parser import text_string_to_metric_families

from archon.cli.bench.measured.report import ProcessUsage
from archon.runtime.settings import Settings

BENCH: Final = "bench"
"""This process, which sends the load: it is reported, but not part of the stack."""
_EVERY: Final = 1.0


@dataclass(frozen=True)
class Usage:
    """Processor seconds since the start of the process, and current resident bytes."""

    cpu: float
    rss: int


class Source(Protocol):
    """A source of usages; omits processes that it cannot read."""

    @property
    def kind(self) -> Literal["proc", "metrics"]: ...

    @property
    def names(self) -> Collection[str]: ...

    async def read(self) -> Mapping[str, Usage]: ...

    def busy(self) -> float | None:
        """Processor seconds of the whole machine since it started; None where they are unknown."""


@dataclass(frozen=True)
class Endpoints:
    """Services by name, each with its `/metrics`; nothing is known about `servers`."""

    http: httpx.AsyncClient
    urls: Mapping[str, str]
    servers: Collection[str]
    kind: Literal["proc", "metrics"] = "metrics"

    @property
    def names(self) -> Collection[str]:
        return [*self.urls, *self.servers]

    async def read(self) -> Mapping[str, Usage]:
        read = await asyncio.gather(*map(self._read, self.urls.values()))
        return {name: usage for name, usage in zip(self.urls, read, strict=True) if usage is not None}

    def busy(self) -> float | None:
        return None

    async def _read(self, url: str) -> Usage | None:
        try:
            response = (await self.http.get(f"{url}/metrics")).raise_for_status()
        except httpx.HTTPError:
            return None
        values = {
            family.name: family.samples[0].value
            for family in text_string_to_metric_families(response.text)
            if family.name in {"process_cpu_seconds", "process_resident_memory_bytes"}
        }
        if len(values) < 2:  # noqa: PLR2004
            return None
        return Usage(values["process_cpu_seconds"], int(values["process_resident_memory_bytes"]))


def endpoints(settings: Settings, http: httpx.AsyncClient, servers: Collection[str]) -> Endpoints:
    """The services at the addresses in the settings; ingress and worker only if they run on this machine."""
    scheme = "https" if settings.http_tls_certfile else "http"
    urls = {
        "bridge": settings.bridge_url,
        "intelligence": settings.intelligence_service_url,
        "ingress": f"{scheme}://{settings.host}:{settings.ingress_port}",
        "worker": f"{scheme}://{settings.host}:{settings.worker_port}",
    }
    return Endpoints(http, urls, servers)


@dataclass
class Recording:
    """Usages sampled once a second. Omits processes that existed only for a part of the time."""

    source: Source
    first: Mapping[str, Usage] = field(default_factory=dict)
    last: Mapping[str, Usage] = field(default_factory=dict)
    peaks: dict[str, int] = field(default_factory=dict)
    timeline: list[tuple[datetime, Mapping[str, Usage]]] = field(default_factory=list)
    """All readings."""
    busy: list[tuple[float, float]] = field(default_factory=list)
    """Processor seconds of the whole machine, with the time, at the first and the latest reading."""

    async def sample(self) -> None:
        self.last = await self.source.read()
        self.first = self.first or self.last
        self.timeline.append((datetime.now(UTC), self.last))
        if (busy := self.source.busy()) is not None:
            self.busy = [*self.busy[:1], (busy, time.monotonic())]
        for name, usage in self.last.items():
            self.peaks[name] = max(usage.rss, self.peaks.get(name, 0))

    def others_share(self) -> float | None:
        """Share of the machine's processors that other processes used, 0 to 1; None if unknown."""
        if len(self.busy) < 2:  # noqa: PLR2004
            return None
        (busy, since), (busy_now, now) = self.busy
        others = busy_now - busy - sum(each.cpu_seconds for each in self.usages(0))
        return round(max(others, 0.0) / ((now - since) * (os.cpu_count() or 1)), 3)

    def peak(self) -> int | None:
        """Maximum resident bytes of the whole stack; None if a process is unknown."""
        if self.source.kind != "proc" or self.not_told():
            return None
        return max(sum(usage.rss for name, usage in now.items() if name != BENCH) for _, now in self.timeline)

    def not_told(self) -> list[str]:
        known = {each.name for each in self.usages(0)}
        return [name for name in self.source.names if name not in known]

    def usages(self, documents: int) -> list[ProcessUsage]:
        """Sorted by processor time, the highest first."""
        spent = {
            name: self.last[name].cpu - usage.cpu
            for name, usage in self.first.items()
            # A process that restarted meanwhile has lost its earlier time.
            if name in self.last and self.last[name].cpu >= usage.cpu
        }
        return [
            ProcessUsage(
                name=name,
                source=self.source.kind,
                cpu_seconds=round(cpu, 2),
                cpu_ms_per_document=round(cpu * 1000 / documents, 2) if documents else None,
                peak_rss_bytes=self.peaks[name],
            )
            for name, cpu in sorted(spent.items(), key=lambda item: -item[1])
        ]


@contextlib.asynccontextmanager
async def recorded(source: Source) -> AsyncIterator[Recording]:
    """Samples during the block, and once more at its end."""
    recording = Recording(source)
    await recording.sample()

    async def sampling() -> None:
        while True:
            await asyncio.sleep(_EVERY)
            await recording.sample()

    task = asyncio.create_task(sampling())
    try:
        yield recording
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    await recording.sample()
