"""In: how large a load, on which stack. Out: `enrich bench`, the load test, and what two reports differ in.

What measures is imported when it is run: it brings Temporal and the stack along.
"""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final
from uuid import uuid4

import typer

from archon.cli.bench.against.command import against
from archon.cli.terminal.output import Exit, Format, FormatOption, duration, err, exit_codes, print_json
from archon.contracts.errors import InvalidInputError
from archon.contracts.types import Priority

if TYPE_CHECKING:
    from archon.cli.bench.measured.report import BenchReport
    from archon.cli.bench.runs.run import Plan

app = typer.Typer(help="Load test: index and enrich generated documents, and measure the cost.")
app.command("against")(against)
_INTERRUPTED: Final = 130
_BARE_SHARE: Final = 5
_BARE_BOUNDS: Final = (100, 300)


@app.callback(invoke_without_command=True)
def bench(
    context: typer.Context,
    documents: Annotated[int, typer.Option(min=1, help="How many to index.")] = 1000,
    concurrency: Annotated[int, typer.Option(min=1, max=1000, help="Clients that send at once.")] = 8,
    rate: Annotated[
        float,
        typer.Option(
            min=0,
            help="Documents a second, each due at its time; 0: as fast as they are answered.",
        ),
    ] = 0,
    size: Annotated[int, typer.Option(min=1024, max=1_000_000, help="Mean bytes of a document.")] = 4096,
    intelligence_latency: Annotated[
        str,
        typer.Option(help="Make the intelligence service slower by this, such as 500ms or 2s."),
    ] = "0s",
    priority: Annotated[Priority, typer.Option(help="Of every document.")] = Priority.NORMAL,
    running: Annotated[
        bool,
        typer.Option("--running", help="Use the stack that the settings lead to, instead of an own one."),
    ] = False,
    project: Annotated[
        str | None,
        typer.Option("--project", "-p", help="A new project; by default one that says bench."),
    ] = None,
    baseline: Annotated[
        int | None,
        typer.Option(
            min=0,
            show_default=False,
            help="Bare workflows to compare with; by default a fifth of --documents, from 100 to 300.",
        ),
    ] = None,
    at_rest: Annotated[
        int,
        typer.Option(min=0, help="Documents to send one after the other first, with nothing else to do."),
    ] = 20,
    tenths: Annotated[
        bool,
        typer.Option("--tenths", help="Search all along, and tell how each tenth of the documents went."),
    ] = False,
    timeout: Annotated[
        str, typer.Option(help="How long to wait for the enrichment when all are indexed.")
    ] = "30m",
    report: Annotated[
        Path | None,
        typer.Option(help="Write the report there, in JSON, and beside it the list of what was accepted."),
    ] = None,
    output: FormatOption = Format.TABLE,
) -> None:
    """Load test: index and enrich generated documents, and tell what that cost.

    Starts a stack of its own, in a temporary place and on free ports, unless --running is given. Exits with
    10 if a document is lost or drifts, with 1 if one is not accepted or not enriched or a figure is missing.
    """
    if context.invoked_subcommand is not None:
        return
    from archon.cli.bench.measured.report import Parameters, check_path  # noqa: PLC0415
    from archon.cli.bench.runs.run import Plan  # noqa: PLC0415

    with exit_codes():
        latency = duration("--intelligence-latency", intelligence_latency).total_seconds()
        if running and latency:
            raise InvalidInputError(
                "--intelligence-latency", "is set in a stack of bench's own, not with --running"
            )
        check_path(report)
        parameters = Parameters(
            documents=documents,
            concurrency=concurrency,
            rate=rate,
            size=size,
            intelligence_latency=latency,
            priority=priority,
            # The seed of the documents: the same ones on each new stack, new ones on one that was there.
            project=project or (f"bench-{uuid4().hex[:8]}" if running else "bench"),
            running=running,
        )
        low, high = _BARE_BOUNDS
        plan = Plan(
            parameters,
            bare=min(max(documents // _BARE_SHARE, low), high) if baseline is None else baseline,
            timeout=duration("--timeout", timeout).total_seconds(),
            submitted=report.with_suffix(".submitted.jsonl") if report else None,
            rest=at_rest,
            tenths=tenths,
        )
        found = _run(plan)
        _tell(found, report, output)
    if found.validation.lost or found.validation.drift:
        raise typer.Exit(Exit.UNHEALTHY)
    if found.errors or found.notes or found.validation.enriched < found.validation.submitted:
        raise typer.Exit(Exit.FAILED)


@app.command("compare")
def compare(
    a: Annotated[Path, typer.Argument(help="A report, as --report has written it.")],
    b: Annotated[Path, typer.Argument(help="Another one.")],
    output: FormatOption = Format.TABLE,
) -> None:
    """Show each figure of two reports with its ratio, and in what the two runs were not alike."""
    from archon.cli.bench.measured.comparison import compare as compared  # noqa: PLC0415
    from archon.cli.bench.measured.report import read  # noqa: PLC0415
    from archon.cli.bench.measured.tables import print_comparison  # noqa: PLC0415

    with exit_codes():
        found = compared(read(a), read(b))
    if output is Format.JSON:
        print_json(found)
    else:
        print_comparison(found)


def _run(plan: "Plan") -> "BenchReport":
    """Until it is done or interrupted, which leaves nothing running."""
    from archon.cli.bench.runs.target import measured  # noqa: PLC0415
    from archon.cli.stack.up import until_interrupted  # noqa: PLC0415

    done: list[BenchReport] = []

    async def work() -> None:
        done.append(await measured(plan))

    try:
        ended = asyncio.run(until_interrupted(work()))
    finally:
        if plan.parameters.running:
            err.print(f"What was indexed is in project {plan.parameters.project}, and stays there.")
    if not ended:
        raise typer.Exit(_INTERRUPTED)
    return done[0]


def _tell(found: "BenchReport", report: Path | None, output: Format) -> None:
    from archon.cli.bench.measured.report import write  # noqa: PLC0415
    from archon.cli.bench.measured.tables import print_report  # noqa: PLC0415

    if report is not None:
        write(found, report)
    if output is Format.JSON:
        print_json(found)
    else:
        print_report(found)
