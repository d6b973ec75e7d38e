"""In: a directory, by default this repository's own tree. Out: one complete run of the product, on a stack of
its own."""

import asyncio
import contextlib
import sys
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.markup import escape

from archon.cli.graph.shown import print_impact
from archon.cli.ingest import report
from archon.cli.ingest.plan import Plan, project_of
from archon.cli.ingest.run import ingest
from archon.cli.ingest.tally import Report
from archon.cli.stack.own_stack import own_directory, unless_failed
from archon.cli.stack.up import FreePorts, print_stack, until_interrupted
from archon.cli.terminal.output import (
    Exit,
    Format,
    FormatOption,
    err,
    exit_codes,
    out,
    print_json,
    printable,
    status,
    table,
)
from archon.clients.bridge import BridgeApi
from archon.contracts.code.answers import Impact, Outline
from archon.contracts.views import SearchResults, Statistics
from archon.devstack.stack import Ports, Stack, running

OWN_TREE: Final = Path(__file__).parents[2]
SEARCHES: Final = (
    "wait until a process is ready",
    "how to rotate api keys",
    "delete points that late writers have brought back",
)
CHANGED: Final = "archon/runtime/flow/rates.py:TokenBuckets.take"
"""The symbol of this repository whose impact is shown; of another one, a symbol that much refers to."""
_SHOWN: Final = 12


def demo(
    path: Annotated[
        Path, typer.Argument(help="The directory to ingest; default: this repository's own tree.")
    ] = OWN_TREE,
    data_dir: Annotated[
        Path | None, typer.Option(help="Where to keep the data; default: a temporary directory.")
    ] = None,
    free_ports: FreePorts = False,
    exit_: Annotated[bool, typer.Option("--exit", help="Stop when done, even on a terminal.")] = False,
    output: FormatOption = Format.TABLE,
) -> None:
    """Start the stack, ingest PATH, wait until all of it is enriched, and show what was found.

    On a terminal the stack then runs until Ctrl-C.
    """
    stay = sys.stdout.isatty() and sys.stdin.isatty() and not exit_ and output is Format.TABLE
    ports = Ports() if stay and not free_ports else Ports.free()
    done: list[Report] = []
    with exit_codes(), own_directory(data_dir, "archon-demo-") as directory:
        asyncio.run(
            until_interrupted(
                _demo(path, directory, ports, output, done, stay=stay, kept=data_dir is not None)
            )
        )
    if not done or done[0].enriched != done[0].documents:
        raise typer.Exit(Exit.FAILED)


async def _demo(
    path: Path, directory: Path, ports: Ports, output: Format, done: list[Report], *, stay: bool, kept: bool
) -> None:
    """Puts the report into `done` as soon as it exists, so that a later interruption keeps it."""
    async with contextlib.AsyncExitStack() as entered:
        with status("Starting the stack ...") as tell:
            stack = await entered.enter_async_context(running(directory, ports, tell=tell))
        async with BridgeApi.connect(stack.settings) as api:
            if not err.is_terminal:
                err.print(f"Indexing and enriching {path} ...")
            work = asyncio.create_task(ingest(stack.settings, api, Plan(path, project_of(path))))
            found = await unless_failed(work, stack)
            statistics = await api.statistics(found.project)
            searches = [await api.search(text, 3, project=found.project) for text in SEARCHES]
            impact = await _impact(api, path, found.project)
        done.append(found)
        if output is Format.JSON:
            print_json(_as_json(found, statistics, searches, impact, directory))
            return
        _print(found, statistics, searches, impact, stack, stay=stay)
        if stay:
            print_stack(stack, kept=kept)
            await stack.failed()
        err.print("The stack stops now. On a terminal, without --exit, it keeps running.")


async def _impact(api: BridgeApi, path: Path, project: str) -> Impact | None:
    """None for a project without code."""
    if path.resolve() == OWN_TREE:
        symbol = CHANGED
    else:
        outline = await api.graph("outline", Outline, project=project, limit=1)
        if not outline.hubs:
            return None
        hub = outline.hubs[0].symbol
        symbol = f"{hub.file_path}:{hub.qualified_name}"
    return await api.graph("impact", Impact, project=project, symbol=[symbol], limit=_SHOWN)


def _print(
    found: Report,
    statistics: Statistics,
    searches: list[SearchResults],
    impact: Impact | None,
    stack: Stack,
    *,
    stay: bool,
) -> None:
    report.print_report(found)
    out.print()
    report.print_statistics(statistics)
    for results in searches:
        out.print()
        report.print_hits(results)
    if impact is not None:
        out.print()
        name = ", ".join(each.symbol.qualified_name for each in impact.changed)
        out.print(f"[bold]If {escape(printable(name))} changes[/bold]")
        print_impact(impact)
    out.print()
    if found.example is not None and stay:
        links = [
            ("Workflows", stack.settings.temporal_ui_url),
            ("A document", f"{stack.services.bridge.url}/api/bridge/document/{found.example}"),
        ]
        table("Look", ("", ""), links)
        out.print()


def _as_json(
    found: Report,
    statistics: Statistics,
    searches: list[SearchResults],
    impact: Impact | None,
    directory: Path,
) -> dict[str, Any]:
    return {
        **found.as_json(),
        "entities": statistics.entities,
        "languages": statistics.languages,
        "mean_quality": statistics.mean_quality,
        "not_understood": statistics.not_understood,
        "anti_patterns": dict(list(statistics.anti_patterns.items())[:5]),
        "searches": [results.model_dump(mode="json") for results in searches],
        "impact": impact.model_dump(mode="json") if impact is not None else None,
        "data_dir": str(directory),
    }
