"""In: criteria or a list of documents. Out: the documents without enrichment, or a backfill started and
controlled.

Server clients are imported on use, so that other verbs start fast.
"""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final
from uuid import uuid4

import typer

from archon.cli.terminal.output import Exit, Format, FormatOption, a_project, err, exit_codes, print_json
from archon.contracts import names
from archon.contracts.errors import InvalidInputError
from archon.contracts.operations.backfill import PAGE_LIMIT, BackfillInput, Criteria
from archon.contracts.operations.versions import older
from archon.runtime.settings import Settings

if TYPE_CHECKING:
    from archon.runtime.temporal.backfills import Backfill
    from archon.stores.graph.store import GraphStore

app = typer.Typer(no_args_is_help=True, help="Enrich documents that were indexed without enrichment.")

Project = Annotated[
    str | None, typer.Option("--project", "-p", help="Only this project's documents.", callback=a_project)
]
RATE_LIMIT: Final = 100_000
CURRENT: Final = "current"
Analyser = Annotated[
    str | None,
    typer.Option(
        help="Also documents that an analyser older than this version has enriched; "
        f"`{CURRENT}` means the intelligence service's version."
    ),
]
OfList = Annotated[bool, typer.Option("--input", help="The backfill started with --input.")]


@app.command()
def find(
    project: Project = None,
    analyser_older_than: Analyser = None,
    file: Annotated[
        Path | None, typer.Option("--output", help="Write each document to this file, as a line of JSON.")
    ] = None,
    output: Annotated[
        Format, typer.Option("-o", "--format", help="How to print: a table for people, json for programs.")
    ] = Format.TABLE,
) -> None:
    """Find the documents without enrichment, and count them by project and reason."""
    from archon.cli.backfill import scan as backfill_scan  # noqa: PLC0415
    from archon.stores.content import ContentStore  # noqa: PLC0415

    criteria = _criteria(project, analyser_older_than)

    async def run(settings: Settings, graph: "GraphStore") -> None:
        wanted = await _resolved(settings, criteria)
        tally = await backfill_scan.find(graph, ContentStore.open(settings), wanted, file)
        if output is Format.JSON:
            print_json({"documents": tally.as_json()})
        else:
            tally.print()

    _with_graph(run)


@app.command()
def start(
    project: Project = None,
    analyser_older_than: Analyser = None,
    listed: Annotated[
        Path | None, typer.Option("--input", help="Only the documents in this file, as written by `find`.")
    ] = None,
    source_root: Annotated[
        Path | None, typer.Option(help="Read missing texts from this directory, by the documents' paths.")
    ] = None,
    rate: Annotated[
        float, typer.Option(min=0, max=RATE_LIMIT, help="Maximum documents per second; 0: no limit.")
    ] = 20,
    batch_size: Annotated[int, typer.Option(min=1, max=PAGE_LIMIT, help="Documents per batch.")] = 100,
    max_backlog: Annotated[
        int, typer.Option(min=0, help="Pause while this many enrichments are open; 0: no limit.")
    ] = 200,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count what would be requested.")] = False,
    output: FormatOption = Format.TABLE,
) -> None:
    """Request the enrichment of all documents without it, in the background and at low priority."""
    from archon.cli.backfill.start import Starting  # noqa: PLC0415

    criteria = _criteria(project, analyser_older_than)

    async def run(settings: Settings, graph: "GraphStore") -> None:
        await _require_newer_service(settings, found := await _resolved(settings, criteria))
        wanted = BackfillInput(
            backfill_id=str(uuid4()),
            criteria=found,
            rate=rate,
            batch_size=batch_size,
            max_backlog=max_backlog,
            dry_run=dry_run,
        )
        starting = await Starting.connect(settings, graph, wanted, listed)
        await starting.start(source_root, output)

    _with_graph(run)


@app.command()
def status(
    project: Project = None,
    of_list: OfList = False,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Follow it to its end.")] = False,
    output: FormatOption = Format.TABLE,
) -> None:
    """Show the progress of a project's backfill; without a project, that of all projects or of a list."""
    from archon.cli.backfill import watch as backfill_watch  # noqa: PLC0415

    async def run(settings: Settings, graph: "GraphStore") -> None:
        backfill = await _backfill(settings, project, of_list=of_list)
        if watch:
            code = await backfill_watch.watch(backfill, graph.unenriched, output)
        else:
            code = backfill_watch.show(await backfill_watch.standing(backfill, graph.unenriched), output)
        if code is not Exit.OK:
            raise typer.Exit(code)

    _with_graph(run)


@app.command()
def pause(project: Project = None, of_list: OfList = False) -> None:
    """Pause until `resume`."""
    _signal(names.SIGNAL_PAUSE, "pauses before its next page", project, of_list=of_list)


@app.command()
def resume(project: Project = None, of_list: OfList = False) -> None:
    """Continue after `pause`."""
    _signal(names.SIGNAL_RESUME, "continues", project, of_list=of_list)


@app.command()
def cancel(project: Project = None, of_list: OfList = False) -> None:
    """End the backfill; documents that it has requested are still enriched."""
    _signal(names.SIGNAL_CANCEL, "ends before its next page", project, of_list=of_list)


def _signal(signal: str, done: str, project: str | None, *, of_list: bool) -> None:
    async def run() -> None:
        backfill = await _backfill(Settings.load(), project, of_list=of_list)
        await backfill.signal(signal)
        err.print(f"{backfill.workflow_id} has the signal and {done}")

    with exit_codes():
        asyncio.run(run())


async def _backfill(settings: Settings, project: str | None, *, of_list: bool) -> "Backfill":
    from archon.runtime.temporal import client as temporal  # noqa: PLC0415
    from archon.runtime.temporal.backfills import Backfill  # noqa: PLC0415

    if of_list and project is not None:
        raise InvalidInputError(
            "--input", "selects a backfill by itself; it cannot be combined with --project"
        )
    client = await temporal.connect(settings)
    if project is not None:
        return Backfill(client, names.backfill_workflow_id(project))
    listed = [names.ID_BACKFILL_INPUT]
    return await Backfill.latest(client, listed if of_list else [names.ID_BACKFILL_ALL, *listed])


def _with_graph(work: "Callable[[Settings, GraphStore], Awaitable[None]]") -> None:
    from archon.stores.graph.store import GraphStore  # noqa: PLC0415

    async def run() -> None:
        settings = Settings.load()
        async with GraphStore.connect(settings) as graph:
            await work(settings, graph)

    with exit_codes():
        asyncio.run(run())


async def _resolved(settings: Settings, criteria: Criteria) -> Criteria:
    """Replaces `current` by the intelligence service's version."""
    if criteria.analyser_older_than != CURRENT:
        return criteria
    return criteria.model_copy(update={"analyser_older_than": await _service_version(settings)})


async def _require_newer_service(settings: Settings, criteria: Criteria) -> None:
    """Raises InvalidInputError if the service itself is older: its results would match the criteria again
    forever."""
    than = criteria.analyser_older_than
    if than is not None and older(ours := await _service_version(settings), than):
        raise InvalidInputError(
            "--analyser-older-than",
            f"the intelligence service is {ours}, itself older than {than}; `{CURRENT}` means its version",
        )


async def _service_version(settings: Settings) -> str:
    from archon.clients.intelligence import IntelligenceClient  # noqa: PLC0415

    async with IntelligenceClient.connect(settings) as intelligence:
        return (await intelligence.version()).analyser_version


def _criteria(project: str | None, analyser_older_than: str | None) -> Criteria:
    if analyser_older_than is not None and not analyser_older_than.strip():
        raise typer.BadParameter("is empty", param_hint="--analyser-older-than")
    return Criteria(project_name=project, analyser_older_than=analyser_older_than)
