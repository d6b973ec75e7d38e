"""In: the installation that the settings name. Out: differences between its stores, and their repair if
requested.

Server clients are imported on use: they take most of a second.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from archon.cli.terminal.output import (
    Exit,
    Format,
    FormatOption,
    a_project,
    counted,
    duration,
    err,
    exit_codes,
    print_json,
    table,
)
from archon.contracts.errors import ArchonError, InvalidInputError, NotFoundError
from archon.contracts.operations.drift import Drift
from archon.contracts.operations.reconcile import ReconcileInput, ReconcileReport
from archon.runtime.settings import Settings

if TYPE_CHECKING:
    from archon.cli.estate.validation import Validation
    from archon.runtime.temporal.reconciliation import Reconciliation

_POLL_SECONDS = 0.5
Project = Annotated[
    str | None,
    typer.Option("--project-name", "--project", "-p", help="Only this project.", callback=a_project),
]
Older = Annotated[
    str,
    typer.Option(help="How long a document may wait without a run: 90s, 15m, 2h, 3d.", metavar="DURATION"),
]


def reconcile(
    apply: Annotated[bool, typer.Option("--apply", help="Repair the differences.")] = False,
    project_name: Project = None,
    older_than: Older = "15m",
    output: FormatOption = Format.TABLE,
) -> None:
    """Compare graph, vectors, content store, parked runs and dead letters, one by one; with --apply, repair.

    A worker does the work. Exits with 10 when a difference was not repaired.
    """

    async def run() -> None:
        wanted = ReconcileInput(
            apply=apply, project=project_name, older_than=_seconds(older_than), parked=True
        )
        report = await _reconciled(Settings.load(), wanted)
        looked_at = report.documents + report.points + report.parked + report.letters
        if project_name is not None and not looked_at:
            raise NotFoundError(f"there is no document of project {project_name}")
        if output is Format.JSON:
            print_json(report)
        else:
            _print_report(report)
        if report.left:
            raise typer.Exit(Exit.UNHEALTHY)

    with exit_codes():
        asyncio.run(run())


def validate(
    project_name: Project = None,
    against: Annotated[
        Path | None,
        typer.Option(
            help="The submitted documents: JSON Lines of document_id and content_hash.", metavar="FILE"
        ),
    ] = None,
    older_than: Older = "15m",
    output: FormatOption = Format.TABLE,
) -> None:
    """Check that everything submitted is there, and that all stores agree. Writes nothing.

    Exits with 10 when a document is lost, changed, stuck or drifts.
    """

    async def run() -> None:
        from archon.cli.estate.validation import read_submitted, validate  # noqa: PLC0415

        seconds = _seconds(older_than)
        submitted = None if against is None else read_submitted(against)
        with err.status("Comparing ...") as status:
            looked_at = 0

            def seen(count: int) -> None:
                nonlocal looked_at
                looked_at += count
                status.update(f"Comparing ... {looked_at} documents and points")

            found = await validate(
                Settings.load(),
                project=project_name,
                submitted=submitted,
                older_than=seconds,
                seen=seen,
            )
        if project_name is not None and submitted is None and not found.indexed and not found.drift:
            raise NotFoundError(f"there is no document of project {project_name}")
        if output is Format.JSON:
            print_json({**found.model_dump(mode="json"), "well": found.well})
        else:
            _print_validation(found)
        if not found.well:
            raise typer.Exit(Exit.UNHEALTHY)

    with exit_codes():
        asyncio.run(run())


def _seconds(text: str) -> float:
    seconds = duration("--older-than", text).total_seconds()
    if not seconds:
        raise InvalidInputError("--older-than", "must be a time above 0")
    return seconds


async def _reconciled(settings: Settings, wanted: ReconcileInput) -> ReconcileReport:
    from archon.runtime.temporal import client as temporal  # noqa: PLC0415
    from archon.runtime.temporal.reconciliation import Reconciliation  # noqa: PLC0415

    run = await Reconciliation.start(await temporal.connect(settings), wanted)
    try:
        async with _shown(run):
            return await run.result()
    except asyncio.CancelledError:  # Ctrl-C must not leave a run behind
        await run.cancel()
        raise


@asynccontextmanager
async def _shown(run: "Reconciliation") -> AsyncIterator[None]:
    """Shows progress on stderr during the block."""
    with err.status("Waiting for a worker ...") as status:

        async def follow() -> None:
            while True:
                with suppress(ArchonError):  # the result will report it
                    status.update(await _told(run))
                await asyncio.sleep(_POLL_SECONDS)

        following = asyncio.create_task(follow())
        try:
            yield
        finally:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)


async def _told(run: "Reconciliation") -> str:
    found, trouble = await run.progress(), await run.trouble()
    compared = f"Comparing ... {found.documents} documents, {found.points} points, {found.parked} parked runs"
    return f"{compared}; tried again: {escape(' '.join(trouble.split())[:200])}" if trouble else compared


def _print_report(report: ReconcileReport) -> None:
    rows = [
        (kind, found, report.repaired.get(kind, 0), _examples(report.examples, kind))
        for kind, found in report.found.items()
    ]
    table("", ("drift", "found", "repaired", "for example"), rows)
    waiting = f"; {report.waiting} left to an open run or request" if report.waiting else ""
    hint = "; --apply repairs" if report.left and not report.apply else ""
    parked = f"{counted(report.parked, 'parked run')} and {counted(report.letters, 'dead letter')}"
    stored = f"{counted(report.documents, 'document')}, {counted(report.points, 'point')}"
    err.print(f"{stored}, {parked} compared{waiting}{hint}")


def _print_validation(found: "Validation") -> None:
    rows: list[tuple[str, object, str]] = [
        ("Indexed", found.indexed, ""),
        ("Enriched", found.enriched, ""),
        ("Skipped", found.skipped, ""),
        ("Discarded", found.discarded, ""),
        ("Parked", found.parked, ""),
        ("Runs that wait for a retry", found.runs_parked, ""),
        *((f"Pending, {age.replace('_', ' ')}", count, "") for age, count in found.pending.items()),
        *(
            (f"Drift: {kind}", count, _examples(found.drift_examples, kind))
            for kind, count in found.drift.items()
        ),
    ]
    if listed := found.submitted:
        rows += [
            ("Submitted", listed.documents, ""),
            ("Missing", listed.missing, " ".join(listed.missing_examples)),
            ("Changed", listed.changed, " ".join(listed.changed_examples)),
        ]
    table("", ("", "documents", "for example"), rows)
    if not found.letters_known:
        err.print("Kafka does not answer: dead letters were not compared")
    err.print("Nothing is lost, and all stores agree" if found.well else "Something is wrong")


def _examples(examples: Mapping[Drift, Sequence[str]], kind: Drift) -> str:
    return " ".join(examples.get(kind, ()))
