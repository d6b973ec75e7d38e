"""In: filters and ids. Out: current dead letters: listed, shown, retried or discarded."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Annotated

import typer

from archon.cli.dead_letters import letters
from archon.cli.dead_letters.retrying import Outcome, Retrying, refusal
from archon.cli.terminal.output import (
    Exit,
    Format,
    FormatOption,
    a_project,
    counted,
    duration,
    err,
    exit_codes,
    note_workflows,
    out,
    print_json,
    table,
    width,
)
from archon.clients.bridge import BridgeApi
from archon.contracts.errors import InvalidInputError, NotFoundError
from archon.contracts.operations.dead_letters import (
    DeadLetterFilter,
    DeadLetterList,
    DeadLetterRow,
    StoredDeadLetter,
)
from archon.contracts.types import FailureType
from archon.runtime.settings import Settings

_ALL = 10_000
app = typer.Typer(no_args_is_help=True, help="Dead letters: permanent failures, and what to do about them.")

Keys = Annotated[
    list[str] | None, typer.Argument(help="Document ids, or keys, in full or as shown by `list`.")
]
Project = Annotated[
    str | None, typer.Option("--project-name", "-p", help="Only this project.", callback=a_project)
]
Type = Annotated[FailureType | None, typer.Option("--failure-type", help="Only failures of this type.")]
Older = Annotated[str | None, typer.Option(help="Failed longer ago than this: 90s, 15m, 2h, 3d.")]
Newer = Annotated[str | None, typer.Option(help="Failed within this time: 90s, 15m, 2h, 3d.")]
All = Annotated[bool, typer.Option("--all", help="All dead letters.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only show what would be done.")]


@app.command("list")
def list_letters(
    project_name: Project = None,
    failure_type: Type = None,
    older_than: Older = None,
    newer_than: Newer = None,
    limit: Annotated[int, typer.Option(min=1, max=_ALL)] = 100,
    output: FormatOption = Format.TABLE,
) -> None:
    """List the current dead letters, the latest failure first."""

    async def run(api: BridgeApi) -> None:
        wanted = _filter(project_name, failure_type, older_than, newer_than)
        found = await api.dead_letters(wanted, limit)
        if output is Format.JSON:
            print_json(found)
        else:
            _print_rows(found)

    _with_bridge(run)


@app.command()
def show(
    key: Annotated[str, typer.Argument(help="A document id, or a key, in full or as shown by `list`.")],
    output: FormatOption = Format.TABLE,
) -> None:
    """Show one dead letter in full: the failure, the step, and the state of the services at that time."""

    async def run(api: BridgeApi) -> None:
        found = await _stored(api, key)
        if output is Format.JSON:
            print_json(found)
            return
        letter, details = found.dead_letter, found.dead_letter.error_details
        rows = [
            ("File", f"{letter.project_name or '?'} · {letter.file_path or '?'}"),
            ("Failed", f"{letter.failure_timestamp:%Y-%m-%d %H:%M:%S} UTC, failure {letter.failure_count}"),
            ("Type", letter.failure_type),
            ("Reason", letter.failure_reason),
            ("Exception", details.exception_type),
            ("Services", ", ".join(f"{name} {state}" for name, state in details.service_health)),
            ("Version", letter.document_version),
            ("Message", letter.source),
            ("Workflow", found.workflow_url),
        ]
        table(found.key, ("", ""), [row for row in rows if row[1] is not None])
        if details.stack_trace:
            out.print()
            out.print(details.stack_trace, markup=False)

    _with_bridge(run)


@app.command()
def retry(
    keys: Keys = None,
    project_name: Project = None,
    failure_type: Type = None,
    older_than: Older = None,
    newer_than: Newer = None,
    every: All = False,
    dry_run: DryRun = False,
    canary: Annotated[
        bool, typer.Option("--canary", help="First retry one of each group of similar failures.")
    ] = False,
    timeout: Annotated[float, typer.Option(min=1, help="How long to wait for a canary, in seconds.")] = 300,
    output: FormatOption = Format.TABLE,
) -> None:
    """Retry parked documents; stored analyses are used."""

    async def run(api: BridgeApi) -> None:
        wanted = _filter(project_name, failure_type, older_than, newer_than)
        rows = await _chosen(api, keys, wanted, every=every)
        if dry_run:
            _print_outcomes([Outcome(row, refusal(row) or "would be retried") for row in rows], output)
            return
        retrying = Retrying(api, timeout)
        outcomes = await (retrying.after_canaries(rows) if canary else retrying.all(rows))
        _print_outcomes(outcomes, output)

    _with_bridge(run)


@app.command()
def discard(
    keys: Keys = None,
    project_name: Project = None,
    failure_type: Type = None,
    older_than: Older = None,
    newer_than: Newer = None,
    every: All = False,
    dry_run: DryRun = False,
    output: FormatOption = Format.TABLE,
) -> None:
    """Discard: parked documents stay indexed without enrichment; dead letters of unreadable messages are
    removed."""

    async def run(api: BridgeApi) -> None:
        wanted = _filter(project_name, failure_type, older_than, newer_than)
        rows = await _chosen(api, keys, wanted, every=every)
        if dry_run:
            _print_outcomes([Outcome(row, "would be discarded") for row in rows], output)
            return
        _print_outcomes(await Retrying(api).discard(rows), output)

    _with_bridge(run)


def _with_bridge(work: Callable[[BridgeApi], Awaitable[None]]) -> None:
    async def run() -> None:
        async with BridgeApi.connect(Settings.load()) as api:
            await work(api)

    with exit_codes():
        asyncio.run(run())


def _filter(
    project: str | None, failure_type: FailureType | None, older_than: str | None, newer_than: str | None
) -> DeadLetterFilter:
    now = datetime.now(UTC)
    return DeadLetterFilter(
        project=project,
        failure_type=failure_type,
        before=None if older_than is None else now - duration("--older-than", older_than),
        after=None if newer_than is None else now - duration("--newer-than", newer_than),
    )


async def _stored(api: BridgeApi, key: str) -> StoredDeadLetter:
    """The letter with this key, or the one whose key contains `key`."""
    try:
        return await api.dead_letter(key)
    except NotFoundError:
        rows = (await api.dead_letters(DeadLetterFilter(), _ALL)).dead_letters
        return await api.dead_letter(letters.named(key, rows).key)


async def _chosen(
    api: BridgeApi, keys: list[str] | None, wanted: DeadLetterFilter, *, every: bool
) -> list[DeadLetterRow]:
    """The letters that ids or filters select; without either, none."""
    if not keys and not every and wanted == DeadLetterFilter():
        raise InvalidInputError("KEYS", "name documents, or a filter, or --all")
    rows = (await api.dead_letters(wanted, _ALL)).dead_letters
    if not keys:
        return rows
    found = [letters.named(key, rows) for key in keys]
    return list({row.key: row for row in found}.values())


def _print_rows(found: DeadLetterList) -> None:
    table("", letters.COLUMNS, letters.cells(found.dead_letters, width()))
    err.print(f"{len(found.dead_letters)} of {counted(found.total, 'dead letter')}")
    note_workflows(found.workflows)


def _print_outcomes(outcomes: list[Outcome], output: Format) -> None:
    if output is Format.JSON:
        print_json({"documents": [outcome.as_json() for outcome in outcomes]})
    else:
        room = width()
        keys = letters.short_keys([item.row.key for item in outcomes])
        cells = [
            (keys[item.row.key] if room else item.row.key, letters.file_of(item.row, room), item.what)
            for item in outcomes
        ]
        table("", ("key", "file", ""), cells)
        err.print(counted(len(outcomes), "dead letter"))
    if any(outcome.failed for outcome in outcomes):
        raise typer.Exit(Exit.FAILED)
