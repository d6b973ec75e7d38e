"""In: the size of a load, and a stack. Out: `enrich bench`, the load test, and the comparison of two reports.

The measuring code is imported on use: it imports Temporal and the stack.
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
    documents: Annotated[int, typer.Option(min=1, help="Number of documents.")] = 1000,
    concurrency: Annotated[int, typer.Option(min=1, max=1000, help="Number of concurrent clients.")] = 8,
    rate: Annotated[
        float,
        typer.Option(
            min=0,
            help="Documents per second on a fixed schedule; 0: as fast as they are answered.",
        ),
    ] = 0,
    size: Annotated[int, typer.Option(min=1024, max=1_000_000, help="Mean bytes of a document.")] = 4096,
    intelligence_latency: Annotated[
        str,
        typer.Option(help="Slow the intelligence service down by this time, such as 500ms or 2s."),
    ] = "0s",
    priority: Annotated[Priority, typer.Option(help="Priority of all documents.")] = Priority.NORMAL,
    running: Annotated[
        bool,
        typer.Option("--running", help="Use the stack in the settings instead of a new one."),
    ] = False,
    project: Annotated[
        str | None,
        typer.Option("--project", "-p", help="A new project; default: a generated name with bench."),
    ] = None,
    baseline: Annotated[
        int | None,
        typer.Option(
            min=0,
            show_default=False,
            help="Number of bare workflows; default: a fifth of --documents, from 100 to 300.",
        ),
    ] = None,
    at_rest: Annotated[
        int,
        typer.Option(min=0, help="Documents to send first, one at a time on an idle stack."),
    ] = 20,
    tenths: Annotated[
        bool,
        typer.Option("--tenths", help="Also search during the load, and report each tenth of the documents."),
    ] = False,
    questions: Annotated[
        bool,
        typer.Option("--questions", help="Also measure questions about the loaded code, against limits."),
    ] = False,
    timeout: Annotated[
        str, typer.Option(help="How long to wait for the enrichment after all documents are indexed.")
    ] = "30m",
    report: Annotated[
        Path | None,
        typer.Option(
            help="Write the report to this file, in JSON, and the list of accepted documents next to it."
        ),
    ] = None,
    output: FormatOption = Format.TABLE,
) -> None:
    """Load test: index and enrich generated documents, and measure the cost.

    Starts its own stack, in a temporary directory and on free ports, unless --running is given. Exits with 10
    if a document is lost or drifts, with 1 if a document is not accepted or not enriched, or a figure is
    missing or over its limit.
    """
    if context.invoked_subcommand is not None:
        return
    from archon.cli.bench.measured.report import Parameters, check_path  # noqa: PLC0415
    from archon.cli.bench.runs.run import Plan  # noqa: PLC0415

    with exit_codes():
        latency = duration("--intelligence-latency", intelligence_latency).total_seconds()
        if running and latency:
            raise InvalidInputError("--intelligence-latency", "cannot be combined with --running")
        check_path(report)
        parameters = Parameters(
            documents=documents,
            concurrency=concurrency,
            rate=rate,
            size=size,
            intelligence_latency=latency,
            priority=priority,
            # The project seeds the documents: each new stack gets the same ones, an existing stack gets new
            # ones.
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
            questions=questions,
        )
        found = _run(plan)
        _tell(found, report, output)
    if found.validation.lost or found.validation.drift:
        raise typer.Exit(Exit.UNHEALTHY)
    if found.errors or found.notes or found.validation.enriched < found.validation.submitted:
        raise typer.Exit(Exit.FAILED)


@app.command("compare")
def compare(
    a: Annotated[Path, typer.Argument(help="A report written by --report.")],
    b: Annotated[Path, typer.Argument(help="Another one.")],
    output: FormatOption = Format.TABLE,
) -> None:
    """Show each figure of two reports with its ratio, and the differences between the two runs."""
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
    """Runs until done or interrupted; leaves nothing running."""
    from archon.cli.bench.runs.target import measured  # noqa: PLC0415
    from archon.cli.stack.up import until_interrupted  # noqa: PLC0415

    done: list[BenchReport] = []

    async def work() -> None:
        done.append(await measured(plan))

    try:
        ended = asyncio.run(until_interrupted(work()))
    finally:
        if plan.parameters.running:
            err.print(f"The indexed documents stay in project {plan.parameters.project}.")
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
