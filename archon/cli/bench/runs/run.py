"""In: what to measure, and a stack that runs. Out: the report: load, histories, baseline and validation.

One after the other, so that nothing measures what another measurement does.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
from rich.progress import Progress
from temporalio.client import Client
from temporalio.service import RPCError

from archon.cli.bench.bare.baseline import baseline
from archon.cli.bench.load.documents import generate
from archon.cli.bench.load.reading import Reader
from archon.cli.bench.load.sending import Load, load
from archon.cli.bench.load.watch import Rows, watch
from archon.cli.bench.measured import machine
from archon.cli.bench.measured.history import describe, history_of, spread
from archon.cli.bench.measured.processes import ProcessGroups, Recording, Source, endpoints, recorded
from archon.cli.bench.measured.report import AtRest, Baseline, BenchReport, History, Parameters
from archon.cli.bench.runs.checking import drift, write_list
from archon.cli.bench.runs.figures import Findings, compose
from archon.cli.bench.runs.growth import Searches
from archon.cli.bench.runs.rest import WARM_UP, at_rest
from archon.cli.terminal.output import bars
from archon.contracts.errors import ArchonError, InvalidInputError
from archon.runtime.settings import Settings
from archon.runtime.temporal import client as temporal

_SERVERS = ("Temporal", "Kafka", "graph", "vectors")


@dataclass(frozen=True)
class Target:
    """A stack. `environment` leads a process to it; `directory`: for what is written meanwhile; `leaders`:
    process groups by name, where the stack is bench's own; `versions`: of the servers, as far as known;
    `foreign`: of another commit, so that its stores and limits are not read by this one's code."""

    settings: Settings
    environment: Mapping[str, str]
    directory: Path
    leaders: Mapping[str, int] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    foreign: bool = False


@dataclass(frozen=True)
class Plan:
    """`bare`: workflows of the baseline; `timeout`: seconds for the enrichment after the last document was
    answered; `submitted`: where the list of accepted documents is to be kept, if it is; `rest`: documents to
    send one after the other, before the load; `tenths`: whether to tell how the run went on."""

    parameters: Parameters
    bare: int
    timeout: float
    submitted: Path | None
    rest: int = 0
    tenths: bool = False


async def bench(plan: Plan, target: Target) -> BenchReport:
    """Raises what keeps the load from being measured; what fails after it is a note in the report.

    InvalidInputError: the project has documents already, whose content might be enriched without any work.
    """
    asked = plan.parameters
    client = await temporal.connect(target.settings)
    async with Reader.connect(target.settings) as reader:
        if there := sum((await reader.statuses(asked.project)).values()):
            raise InvalidInputError("--project", f"{asked.project} has {there} documents already")
        simulated = await machine.simulated_latency(target.settings)
        started_at = datetime.now(UTC)
        before = machine.machine(target.versions or await machine.temporal_version(client))
        with bars() as progress:
            notes: list[str] = []
            resting = await _noted(notes, "at rest", _at_rest(plan, target, client, reader, progress))
            sent, rows, recording, searches = await _measure(plan, target, reader, progress)
            limits = machine.limits(target.settings) if target.leaders and not target.foreign else {}
            found = Findings(started_at, before, simulated, limits, sent, rows, recording)
            found.at_rest, found.searches, found.notes = resting, searches, notes
            write_list(plan.submitted or target.directory / "submitted.jsonl", sent.accepted)
            if not target.foreign:
                checking = drift(target.settings, asked.project, sent.accepted)
                found.drift = await _noted(notes, "validation", checking)
            found.history = await _noted(notes, "history", _history(client, sent))
            if plan.bare:
                running = _baseline(plan, target, client, progress)
                found.baseline = await _noted(notes, "baseline", running)
    return compose(asked, found, str(plan.submitted) if plan.submitted else None)


async def _at_rest(
    plan: Plan, target: Target, client: Client, reader: Reader, progress: Progress
) -> AtRest | None:
    """Before the load, in a project of its own: what is measured later must not begin with it."""
    if not plan.rest:
        return None
    project = f"{plan.parameters.project}-at-rest"
    documents = list(generate(project, WARM_UP + plan.rest, plan.parameters.size))
    bar = progress.add_task("At rest", total=len(documents), note="")
    told: Callable[[], None] = lambda: progress.advance(bar)  # noqa: E731
    return await at_rest(target.settings, client, reader, project, documents, told)


async def _measure(
    plan: Plan, target: Target, reader: Reader, progress: Progress
) -> tuple[Load, Rows, Recording, Searches | None]:
    """Send all, wait until all of it is enriched, and watch the processes meanwhile."""
    asked = plan.parameters
    enriched = progress.add_task("Enriched", total=asked.documents, note="")
    searches = Searches() if plan.tenths else None

    def told(completed: int, parked: int) -> None:
        note = f"[red]{parked} parked[/red]" if parked else ""
        progress.update(enriched, completed=completed, note=note)

    async with _source(target) as source, recorded(source) as recording:
        sending = asyncio.create_task(_sent(plan, target, progress))
        beside = [asyncio.create_task(searches.go_on(reader, asked.project))] if searches else []
        try:
            rows = await watch(reader, asked.project, sending, plan.timeout, told)
        finally:
            for task in (sending, *beside):
                task.cancel()
            await asyncio.gather(sending, *beside, return_exceptions=True)
        progress.stop_task(enriched)
    return sending.result(), rows, recording, searches


async def _sent(plan: Plan, target: Target, progress: Progress) -> Load:
    asked = plan.parameters
    documents = list(generate(asked.project, asked.documents, asked.size))
    indexed = progress.add_task("Indexed", total=asked.documents, note="")
    found = await load(
        target.settings,
        asked.project,
        documents,
        concurrency=asked.concurrency,
        rate=asked.rate,
        priority=asked.priority,
        answered=lambda: progress.advance(indexed),
    )
    progress.stop_task(indexed)
    return found


@contextlib.asynccontextmanager
async def _source(target: Target) -> AsyncIterator[Source]:
    if target.leaders and ProcessGroups.available():
        yield ProcessGroups(target.leaders)
        return
    async with httpx.AsyncClient(timeout=5) as http:
        yield endpoints(target.settings, http, _SERVERS)


async def _noted(notes: list[str], what: str, work: Any) -> Any:
    """The result of `work`, or None and a note of why there is none: the load was measured all the same."""
    try:
        return await work
    except (ArchonError, TimeoutError, RPCError) as error:
        notes.append(f"{what}: {type(error).__name__}: {error}")
        return None


async def _history(client: Client, sent: Load) -> History:
    return history_of(await describe(client, spread([each.workflow_id for each in sent.accepted])))


async def _baseline(plan: Plan, target: Target, client: Client, progress: Progress) -> Baseline:
    bar = progress.add_task("Baseline", total=plan.bare, note="")
    told: Callable[[int], None] = lambda count: progress.update(bar, completed=count)  # noqa: E731
    documents = list(generate("baseline", plan.bare, plan.parameters.size))
    async with _source(target) as source, recorded(source) as recording:
        found = await baseline(
            client,
            target.environment,
            target.directory,
            documents,
            concurrency=plan.parameters.concurrency,
            progress=told,
        )
    return found.model_copy(update={"others_share": recording.others_share()})
