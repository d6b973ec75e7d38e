"""In: a directory, and a bridge or a broker. Out: its documents enriched, progress bars, and a report."""

import asyncio
import contextlib
import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from archon.cli.api import BridgeApi
from archon.cli.output import err
from archon.cli.walk import SourceFile, Walk
from archon.contracts import identity
from archon.contracts.documents import DocumentRow
from archon.contracts.errors import InvalidInputError, PublishError
from archon.contracts.types import EnrichmentStatus
from archon.runtime.brokers import connection, start
from archon.runtime.settings import Settings

CLIENTS: Final = 8
_POLL: Final = 1.0
_UNSETTLED: Final = (EnrichmentStatus.PENDING, EnrichmentStatus.PROCESSING)


@dataclass
class Report:
    """What an ingest did. Times in milliseconds unless said; `index_ms` holds one figure a document."""

    project: str
    submitted: set[str] = field(default_factory=set)
    rejected: dict[str, str] = field(default_factory=dict)
    skipped: Counter[str] = field(default_factory=Counter)
    index_ms: list[float] = field(default_factory=list)
    rows: dict[str, DocumentRow] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def enriched(self) -> int:
        return self._count(EnrichmentStatus.COMPLETED)

    @property
    def failed(self) -> int:
        """Parked documents and those that were refused."""
        return self._count(EnrichmentStatus.FAILED) + len(self.rejected)

    @property
    def documents(self) -> int:
        return len(self.submitted) + len(self.rejected)

    def _count(self, status: EnrichmentStatus) -> int:
        return sum(row.enrichment_status is status for row in self.rows.values())

    def as_json(self) -> dict[str, Any]:
        """The report's figures; latencies are of this run's documents, indexing as the client saw it."""
        enriching = [
            (row.enriched_at - row.indexed_at).total_seconds() * 1000
            for row in self.rows.values()
            if row.enriched_at is not None and row.enrichment_status is EnrichmentStatus.COMPLETED
        ]
        return {
            "project": self.project,
            "documents": self.documents,
            "enriched": self.enriched,
            "failed": self.failed,
            "skipped": sum(self.skipped.values()),
            "skipped_by_reason": dict(self.skipped),
            "rejected": self.rejected,
            "seconds": round(self.seconds, 2),
            "documents_per_second": round(self.enriched / self.seconds, 1) if self.seconds else 0.0,
            "index_p50_ms": percentile(self.index_ms, 50),
            "index_p95_ms": percentile(self.index_ms, 95),
            "enrich_p50_ms": percentile(enriching, 50),
            "enrich_p95_ms": percentile(enriching, 95),
        }


def percentile(values: list[float], percent: int) -> float | None:
    """Nearest-rank percentile, rounded to a tenth; None of nothing."""
    if not values:
        return None
    ordered = sorted(values)
    return round(ordered[max(0, -(-len(ordered) * percent // 100) - 1)], 1)


def project_of(path: Path) -> str:
    """The project name a path suggests: its own."""
    return path.resolve().name or "project"


@contextlib.contextmanager
def bars() -> Iterator[Progress]:
    """Progress bars on stderr; silent where stderr is no terminal."""
    columns = (
        TextColumn("{task.description:<10}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[note]}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=err, disable=not err.is_terminal) as progress:
        yield progress


async def ingest(
    settings: Settings, api: BridgeApi, path: Path, project: str, *, via: str = "http"
) -> Report:
    """Submit every file under `path`, then wait until each is enriched or parked.

    Raises InvalidInputError when the path is missing, StoreUnavailableError when the bridge is.
    """
    if not path.exists():
        raise InvalidInputError("PATH", f"{path} does not exist")
    walk = Walk(path.resolve())
    files = list(walk)
    report = Report(project, skipped=walk.skipped)
    with bars() as progress:
        indexed = progress.add_task("Indexed", total=len(files), note="")
        enriched = progress.add_task("Enriched", total=len(files), note="")
        started = time.monotonic()
        watching = asyncio.create_task(_watch(api, report, len(files), progress, enriched))
        try:
            if via == "kafka":
                await _produce(settings, report, files, progress, indexed)
            else:
                await _post(api, report, files, progress, indexed)
            await watching
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
        report.seconds = time.monotonic() - started
    return report


async def _post(
    api: BridgeApi, report: Report, files: list[SourceFile], progress: Progress, bar: TaskID
) -> None:
    waiting = iter(files)

    async def client() -> None:
        for file in waiting:
            body = {"project_id": report.project, "source_path": file.path, "full_text": file.text}
            started = time.perf_counter()
            try:
                accepted = await api.index(body)
            except InvalidInputError as error:
                report.rejected[file.path] = str(error)
            else:
                report.index_ms.append((time.perf_counter() - started) * 1000)
                report.submitted.add(accepted.document_id)
            progress.advance(bar)

    await asyncio.gather(*(client() for _ in range(CLIENTS)))


async def _produce(
    settings: Settings, report: Report, files: list[SourceFile], progress: Progress, bar: TaskID
) -> None:
    async with _producer(settings) as producer:
        for file in files:
            document_id, _ = identity.document_id(report.project, None, file.path)
            body = {"project_id": report.project, "source_path": file.path, "full_text": file.text}
            await producer.send_and_wait(
                settings.kafka_index_topic, json.dumps(body).encode(), key=document_id.encode()
            )
            report.submitted.add(document_id)
            progress.advance(bar)


async def _watch(api: BridgeApi, report: Report, total: int, progress: Progress, bar: TaskID) -> None:
    """Until every submitted document is settled; counts first, because they are cheap."""
    while True:
        found = await api.statistics(report.project)
        open_ = sum(found.statuses.get(status, 0) for status in _UNSETTLED)
        completed = found.statuses.get(EnrichmentStatus.COMPLETED, 0)
        failed = found.statuses.get(EnrichmentStatus.FAILED, 0)
        note = f"[red]{failed} failed[/red]" if failed else ""
        progress.update(bar, completed=min(completed, total), note=note)
        if not open_ and report.documents == total:
            rows = {row.document_id: row async for row in api.documents(report.project)}
            report.rows = {key: rows[key] for key in report.submitted if key in rows}
            settled = all(row.enrichment_status not in _UNSETTLED for row in report.rows.values())
            if settled and len(report.rows) == len(report.submitted):
                return
        await asyncio.sleep(_POLL)


@contextlib.asynccontextmanager
async def _producer(settings: Settings) -> AsyncIterator[AIOKafkaProducer]:
    producer = AIOKafkaProducer(
        **connection(settings),
        enable_idempotence=settings.kafka_enable_idempotence,
        acks="all",
        max_request_size=4 * 1024 * 1024,
    )
    try:
        await start(producer, settings)
        yield producer
    except (KafkaError, OSError) as error:
        raise PublishError(f"Kafka at {settings.kafka_bootstrap_servers}: {error!r}") from error
    finally:
        await producer.stop()
