"""In: a directory, globs and limits. Out: its files indexed and enriched, or a preview; and a report."""

import asyncio
from pathlib import Path
from typing import Annotated, Final

import typer

from archon.cli.files.walk import MAX_BYTES
from archon.cli.ingest import report
from archon.cli.ingest.plan import Plan, project_of
from archon.cli.ingest.run import ingest
from archon.cli.ingest.senders import Via
from archon.cli.ingest.tally import Report
from archon.cli.stack.up import until_interrupted
from archon.cli.terminal.output import Exit, Format, FormatOption, a_project, err, exit_codes
from archon.clients.bridge import BridgeApi
from archon.contracts.errors import PublishError, StoreUnavailableError
from archon.contracts.types import Priority
from archon.runtime.settings import Settings

_PATIENCE: Final = 60.0
"""Seconds without the bridge after which an ingest is given up."""
_INTERRUPTED: Final = 130
_RESUME: Final = "Run the same command again: it continues where it stopped."


def _path(word: str) -> Path:
    # An empty word, for example from an unset variable, would mean the current directory.
    if not word:
        raise typer.BadParameter("is empty")
    return Path(word)


def ingest_path(
    path: Annotated[Path, typer.Argument(help="A directory or file.", parser=_path)],
    project_name: Annotated[
        str | None,
        typer.Option(
            "--project-name", "--project", "-p", help="Default: the name of PATH.", callback=a_project
        ),
    ] = None,
    include: Annotated[
        list[str] | None, typer.Option(help="Only files that match, in .gitignore syntax. Repeatable.")
    ] = None,
    exclude: Annotated[
        list[str] | None, typer.Option(help="No files or directories that match. Repeatable.")
    ] = None,
    max_bytes: Annotated[int, typer.Option(min=0, help="Skip larger files.")] = MAX_BYTES,
    prune: Annotated[
        bool, typer.Option("--prune", help="Delete the project's documents whose files are gone from PATH.")
    ] = False,
    yes: Annotated[
        bool, typer.Option("--yes", help="Prune even if that deletes more than half of the project.")
    ] = False,
    include_secrets: Annotated[
        bool, typer.Option("--include-secrets", help="Also send files that contain secrets.")
    ] = False,
    show_skipped: Annotated[
        bool, typer.Option("--show-skipped", help="List every skipped file and directory with the reason.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Send nothing; show which files are new, changed or pruned.")
    ] = False,
    wait: Annotated[
        bool,
        typer.Option(
            "--wait/--no-wait", help="Wait until everything is enriched, or only until it is indexed."
        ),
    ] = True,
    priority: Annotated[Priority, typer.Option(help="Priority of the enrichment.")] = Priority.NORMAL,
    record: Annotated[
        Path | None,
        typer.Option(help="Append id and content hash of each document, for `enrich validate --against`."),
    ] = None,
    via: Annotated[
        Via, typer.Option(help="http: POST to the bridge; kafka: write tree.index events.")
    ] = Via.HTTP,
    output: FormatOption = Format.TABLE,
) -> None:
    """Index and enrich every text file under PATH that git does not ignore; skips binary and large files.

    Unchanged files are not sent again: after an interruption the same command resumes the ingest.
    """
    plan = Plan(
        path=path,
        project=project_name or project_of(path),
        via=via,
        include=tuple(include or ()),
        exclude=tuple(exclude or ()),
        max_bytes=max_bytes,
        priority=priority,
        record=record,
        prune=prune,
        prune_most=yes,
        wait=wait,
        dry_run=dry_run,
        include_secrets=include_secrets,
        show_skipped=show_skipped,
    )
    with exit_codes():
        found = _run(plan)
    report.print_ingest(found, plan, output)
    if found.failed or (plan.wait and not dry_run and found.missing):
        raise typer.Exit(Exit.FAILED)


def _run(plan: Plan) -> Report:
    """Raises typer.Exit when interrupted."""
    done: list[Report] = []

    async def run() -> None:
        settings = Settings.load()
        async with BridgeApi.connect(settings, _PATIENCE) as api:
            done.append(await ingest(settings, api, plan))

    try:
        ended = asyncio.run(until_interrupted(run()))
    except (StoreUnavailableError, PublishError):
        err.print(_RESUME)
        raise
    if not ended:
        err.print(_RESUME)
        raise typer.Exit(_INTERRUPTED)
    return done[0]
