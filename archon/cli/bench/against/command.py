"""In: a commit. Out: `enrich bench against`, the costs of the work tree compared with those of the commit."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from archon.cli.terminal.output import Exit, Format, FormatOption, err, exit_codes, print_json
from archon.contracts.types import Priority

if TYPE_CHECKING:
    from archon.cli.bench.against.result import Against, Requirement
    from archon.cli.bench.runs.run import Plan

_INTERRUPTED: Final = 130
_PATIENCE: Final = 1800.0
_PROJECT: Final = "bench"


def against(
    base: Annotated[str, typer.Argument(help="A commit of this repository to compare the work tree with.")],
    rounds: Annotated[int, typer.Option(min=2, help="Alternating runs of each.")] = 2,
    documents: Annotated[int, typer.Option(min=1, help="Documents per run.")] = 400,
    concurrency: Annotated[int, typer.Option(min=1, max=1000, help="Number of concurrent clients.")] = 8,
    size: Annotated[int, typer.Option(min=1024, max=1_000_000, help="Mean bytes of a document.")] = 4096,
    at_rest: Annotated[
        int, typer.Option(min=0, help="Documents to send first, one at a time on an idle stack.")
    ] = 20,
    baseline: Annotated[int, typer.Option(min=0, help="Number of bare workflows in the baseline.")] = 100,
    require: Annotated[
        list[str] | None,
        typer.Option(
            help="Such as 'enriched>=2.2' (ratio head/base) or 'head errors<=0'; names as in the table."
        ),
    ] = None,
    report: Annotated[
        Path | None, typer.Option(help="Write the complete result to this file, in JSON.")
    ] = None,
    output: FormatOption = Format.TABLE,
) -> None:
    """Measure the work tree and another commit in alternating runs, with the same code and load.

    Each run has a new stack in a temporary directory. Exits with 1 if a requirement is not met, or a document
    is not enriched.
    """
    from archon.cli.bench.against.result import Requirement  # noqa: PLC0415
    from archon.cli.bench.against.tables import print_against  # noqa: PLC0415
    from archon.cli.bench.measured.report import Parameters, check_path, write  # noqa: PLC0415
    from archon.cli.bench.runs.run import Plan  # noqa: PLC0415

    with exit_codes():
        check_path(report)
        requirements = [Requirement.parse(each) for each in require or []]
        parameters = Parameters(
            documents=documents,
            concurrency=concurrency,
            rate=0,
            size=size,
            intelligence_latency=0,
            priority=Priority.NORMAL,
            project=_PROJECT,
            running=False,
        )
        plan = Plan(parameters, bare=baseline, timeout=_PATIENCE, submitted=None, rest=at_rest)
        found = _run(base, plan, rounds, requirements)
        if report is not None:
            write(found, report)
    if output is Format.JSON:
        print_json(found)
    else:
        print_against(found)
    for why in (*found.unmet, *found.failures):
        err.print(f"[red]error:[/red] {why}")
    if found.unmet or found.failures:
        raise typer.Exit(Exit.FAILED)


def _run(base: str, plan: "Plan", rounds: int, requirements: list["Requirement"]) -> "Against":
    """Runs until done or interrupted; leaves nothing running."""
    from archon.cli.bench.against.rounds import against as measured  # noqa: PLC0415
    from archon.cli.stack.up import until_interrupted  # noqa: PLC0415

    done: list[Against] = []

    async def work() -> None:
        done.append(await measured(base, plan, rounds, requirements))

    if not asyncio.run(until_interrupted(work())):
        raise typer.Exit(_INTERRUPTED)
    return done[0]
