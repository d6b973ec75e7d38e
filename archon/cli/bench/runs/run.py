"""In: a plan, and a running stack. Out: the report: load, histories, baseline and validation.

Sequential, so that no measurement influences another.
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
from archon.cli.bench.measured.processes import Recording, Source, endpoints, recorded
from archon.cli.bench.measured.report import AtRest, Baseline, BenchReport, History, Parameters, QuestionTimes
from archon.cli.bench.runs.checking import drift, write_list
from archon.cli.bench.runs.figures import Findings, compose
from archon.cli.bench.runs.growth import Searches
from archon.cli.bench.runs.questions import ROUNDS, questions
from archon.cli.bench.runs.rest import WARM_UP, at_rest
from archon.cli.terminal.output import bars
from archon.contracts.errors import ArchonError, InvalidInputError
from archon.runtime.settings import Settings
from archon.runtime.temporal import client as temporal

_SERVERS = ("Temporal", "Kafka", "graph", "vectors")


@dataclass(frozen=True)
class Target:
    """A stack. `environment` points a process to it; `directory`: for temporary files; `leaders`: process
    groups by name, for a stack of bench's own; `versions`: of the servers, as far as known; `foreign`: a
    stack of another commit, so this code does not read its stores and limits."""

    settings: Settings
    environment: Mapping[str, str]
    directory: Path
    leaders: Mapping[str, int] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    foreign: bool = False


@dataclass(frozen=True)
class Plan:
    """`bare`: number of baseline workflows; `timeout`: seconds for the enrichment after the last answer;
    `submitted`: path for the list of accepted documents, if wanted; `rest`: documents to send one at a time
    before the load; `tenths`: whether to report the figures over time; `questions`:
    whether to measure questions about the loaded code."""

    parameters: Parameters
    bare: int
    timeout: float
    submitted: Path | None
    rest: int = 0
    tenths: bool = False
    questions: bool = False


async def bench(plan: Plan, target: Target) -> BenchReport:
    """Raises errors that prevent the load; later failures become notes in the report.

    InvalidInputError: the project already has documents, whose content might be enriched without any work.
    """
    parameters = plan.parameters
    client = await temporal.connect(target.settings)
    async with Reader.connect(target.settings) as reader:
        if there := sum((await reader.statuses(parameters.project)).values()):
            raise InvalidInputError("--project", f"{parameters.project} already has {there} documents")
        simulated = await machine.simulated_latency(target.settings)
        started_at = datetime.now(UTC)
        before = machine.machine(target.versions or await machine.temporal_version(client))
        with bars() as progress:
            notes: list[str] = []
            resting = await _noted(notes, "at rest", _at_rest(plan, target, client, reader, progress))
            # Between both loads: documents of one project slow those of another for some seconds.
            bare = await _noted(notes, "baseline", _baseline(plan, target, client, progress))
            sent, rows, recording, searches = await _measure(plan, target, reader, progress)
            limits = machine.limits(target.settings) if target.leaders and not target.foreign else {}
            found = Findings(started_at, before, simulated, limits, sent, rows, recording)
            found.at_rest, found.searches, found.notes = resting, searches, notes
            found.baseline = bare
            write_list(plan.submitted or target.directory / "submitted.jsonl", sent.accepted)
            if not target.foreign:
                checking = drift(target.settings, parameters.project, sent.accepted)
                found.drift = await _noted(notes, "validation", checking)
            found.history = await _noted(notes, "history", _history(client, sent))
            if plan.questions:
                asking = _questions(plan, target, reader, progress)
                found.questions = await _noted(notes, "questions", asking)
                slow = found.questions.slow if found.questions is not None else []
                notes += [f"{name}: p95 over its limit" for name in slow]
    return compose(parameters, found, str(plan.submitted) if plan.submitted else None)


async def _at_rest(
    plan: Plan, target: Target, client: Client, reader: Reader, progress: Progress
) -> AtRest | None:
    """Runs before the load, in another project, so that the later measurement does not include it."""
    if not plan.rest:
        return None
    project = f"{plan.parameters.project}-at-rest"
    documents = list(generate(project, WARM_UP + plan.rest, plan.parameters.size))
    bar = progress.add_task("At rest", total=len(documents), note="")
    show: Callable[[], None] = lambda: progress.advance(bar)  # noqa: E731
    return await at_rest(target.settings, client, reader, project, documents, show)


async def _measure(
    plan: Plan, target: Target, reader: Reader, progress: Progress
) -> tuple[Load, Rows, Recording, Searches | None]:
    """Sends all documents, waits until they are enriched, and samples the processes meanwhile."""
    parameters = plan.parameters
    enriched = progress.add_task("Enriched", total=parameters.documents, note="")
    searches = Searches() if plan.tenths else None

    def show(completed: int, parked: int) -> None:
        note = f"[red]{parked} parked[/red]" if parked else ""
        progress.update(enriched, completed=completed, note=note)

    async with _source(target) as source, recorded(source) as recording:
        sending = asyncio.create_task(_sent(plan, target, progress))
        beside = [asyncio.create_task(searches.go_on(reader, parameters.project))] if searches else []
        try:
            rows = await watch(reader, parameters.project, sending, plan.timeout, show)
        finally:
            for task in (sending, *beside):
                task.cancel()
            await asyncio.gather(sending, *beside, return_exceptions=True)
        progress.stop_task(enriched)
    return sending.result(), rows, recording, searches


async def _sent(plan: Plan, target: Target, progress: Progress) -> Load:
    parameters = plan.parameters
    documents = list(generate(parameters.project, parameters.documents, parameters.size))
    indexed = progress.add_task("Indexed", total=parameters.documents, note="")
    found = await load(
        target.settings,
        parameters.project,
        documents,
        concurrency=parameters.concurrency,
        rate=parameters.rate,
        priority=parameters.priority,
        answered=lambda: progress.advance(indexed),
    )
    progress.stop_task(indexed)
    return found


async def _questions(plan: Plan, target: Target, reader: Reader, progress: Progress) -> QuestionTimes:
    """Runs last: it indexes further documents, which no other figure may contain."""
    parameters = plan.parameters
    bar = progress.add_task("Questions", total=ROUNDS, note="")
    documents = list(generate(parameters.project, parameters.documents, parameters.size))
    show: Callable[[], None] = lambda: progress.advance(bar)  # noqa: E731
    return await questions(target.settings, reader, parameters.project, documents, show)


@contextlib.asynccontextmanager
async def _source(target: Target) -> AsyncIterator[Source]:
    if target.leaders:
        from archon.cli.bench.measured.groups import ProcessGroups  # noqa: PLC0415

        yield ProcessGroups(target.leaders)
        return
    async with httpx.AsyncClient(timeout=5) as http:
        yield endpoints(target.settings, http, _SERVERS)


async def _noted(notes: list[str], what: str, work: Any) -> Any:
    """The result of `work`, or None and a note of the error: the load itself is already measured."""
    try:
        return await work
    except (ArchonError, TimeoutError, RPCError) as error:
        notes.append(f"{what}: {type(error).__name__}: {error}")
        return None


async def _history(client: Client, sent: Load) -> History:
    return history_of(await describe(client, spread([each.workflow_id for each in sent.accepted])))


async def _baseline(plan: Plan, target: Target, client: Client, progress: Progress) -> Baseline | None:
    if not plan.bare:
        return None
    bar = progress.add_task("Baseline", total=plan.bare, note="")
    show: Callable[[int], None] = lambda count: progress.update(bar, completed=count)  # noqa: E731
    documents = list(generate("baseline", plan.bare, plan.parameters.size))
    async with _source(target) as source, recorded(source) as recording:
        found = await baseline(
            client,
            target.environment,
            target.directory,
            documents,
            concurrency=plan.parameters.concurrency,
            progress=show,
        )
    return found.model_copy(update={"others_share": recording.others_share()})
