"""In: a document's id, or a project. Out: its deletion, and the receipt."""

import asyncio
import sys
from typing import Annotated, Final

import typer
from rich.progress import Progress

from archon.cli.terminal.output import Exit, Format, FormatOption, counted, err, exit_codes, print_json, table
from archon.clients.bridge import BridgeApi
from archon.contracts.errors import InvalidInputError
from archon.contracts.operations.deletion import DeletionReceipt, DeletionState
from archon.runtime.settings import Settings

_POLL_EVERY: Final = 0.3
Document = Annotated[str | None, typer.Argument(help="A document id; default: a whole project.")]
Project = Annotated[
    str | None,
    typer.Option("--project-name", "-p", help="The project to delete, or the project of a client's own id."),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")]


def delete(
    document: Document = None,
    project_name: Project = None,
    yes: Yes = False,
    output: FormatOption = Format.TABLE,
) -> None:
    """Delete a document, or a whole project, with all derived data; waits until it is removed.

    Once accepted, the deletion continues even if this command stops.
    """

    async def run() -> None:
        async with BridgeApi.connect(Settings.load()) as api:
            if document is not None:
                found = await api.document(document, project_name) if _asks(yes) else None
                if found is not None:
                    _confirm(f"Delete {found.project_name} · {found.file_path}?")
                receipt = await api.delete_document(document, project_name)
            else:
                assert project_name is not None
                await _confirm_project(api, project_name, yes=yes)
                receipt = await api.delete_project(project_name)
            _print(await _until_removed(api, receipt), output)

    with exit_codes():
        if document is None and project_name is None:
            raise InvalidInputError("DOCUMENT", "name a document, or a project with --project-name")
        if document is None and not yes and not sys.stdin.isatty():
            raise InvalidInputError("--yes", "needed to delete a project without a terminal")
        asyncio.run(run())


def _asks(yes: bool) -> bool:
    return not yes and sys.stdin.isatty()


async def _confirm_project(api: BridgeApi, project: str, *, yes: bool) -> None:
    if _asks(yes):
        count = (await api.statistics(project)).documents
        _confirm(f"Delete the project {project} with {counted(count, 'document')}?")


def _confirm(question: str) -> None:
    typer.confirm(question, abort=True, err=True)


async def _until_removed(api: BridgeApi, receipt: DeletionReceipt) -> DeletionReceipt:
    what = receipt.document_id or receipt.project_name
    with Progress(*Progress.get_default_columns()[:1], console=err, transient=True) as progress:
        bar = progress.add_task(f"Deleting {what} ...", total=None)
        while receipt.state is DeletionState.REMOVING:
            await asyncio.sleep(_POLL_EVERY)
            receipt = await api.deletion(receipt)
            deleted = counted(receipt.counts.documents, "document")
            progress.update(bar, description=f"Deleting {what}: {deleted} ...")
    return receipt


def _print(receipt: DeletionReceipt, output: Format) -> None:
    if output is Format.JSON:
        print_json(receipt)
    else:
        known: dict[str, object] = {
            "state": receipt.state,
            "workflow": receipt.workflow_id,
            "version": receipt.document_version,
        }
        figures = {**known, **receipt.counts.model_dump()}
        rows = [
            (each.replace("_", " ").capitalize(), figures[each])
            for each in figures
            if figures[each] is not None
        ]
        table(receipt.document_id or receipt.project_name, ("", ""), rows)
    if receipt.state is DeletionState.FAILED:
        err.print("[red]error:[/red] its run ended before everything was removed; delete again to continue")
        raise typer.Exit(Exit.FAILED)
    if receipt.state is DeletionState.SUPERSEDED:
        err.print(
            "it was indexed again before the deletion started, and still exists; delete again to remove it"
        )
        raise typer.Exit(Exit.FAILED)
