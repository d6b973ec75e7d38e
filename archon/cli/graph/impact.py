"""In: symbols, files, a range of git revisions or a patch. Out: what depends on them, and which tests to
run."""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from archon.cli.graph import shown
from archon.cli.graph.asking import ask, tell, top
from archon.cli.graph.changes import Changes, of_patch, of_range
from archon.cli.graph.options import After, Depth, Least, Limit, Project
from archon.cli.ingest.plan import project_of
from archon.cli.terminal.output import Format, FormatOption, err, exit_codes, out, print_json, printable
from archon.contracts.code.answers import Impact
from archon.contracts.code.patches import Patch
from archon.contracts.errors import InvalidInputError


def impact(
    names: Annotated[
        list[str] | None, typer.Argument(help="Names, as for `callers`. Default: a diff.", show_default=False)
    ] = None,
    file: Annotated[
        list[str] | None, typer.Option("--file", "-f", help="A file that changes as a whole. Repeatable.")
    ] = None,
    diff: Annotated[
        str | None,
        typer.Option(
            help="As git diff: A..B, A...B, or A for the work tree since A; - reads a patch. Default: HEAD.",
            show_default=False,
        ),
    ] = None,
    root: Annotated[
        Path | None,
        typer.Option(help="The ingested directory; default: the top of the checkout.", show_default=False),
    ] = None,
    project_name: Project = None,
    depth: Depth = 3,
    min_confidence: Least = None,
    limit: Limit = 100,
    after: After = None,
    output: FormatOption = Format.TABLE,
) -> None:
    """Show what depends on symbols, files or the changed lines of a diff, and which tests to run."""
    page: dict[str, Any] = {"depth": depth, "min_confidence": min_confidence, "limit": limit, "after": after}
    if names or file:
        with exit_codes():
            if diff is not None:
                raise InvalidInputError("--diff", "cannot be combined with names or --file")
        found = ask(project_name, "impact", Impact, symbol=names, path=file, **page)
        tell(found, output, lambda: shown.print_impact(found))
        return
    with exit_codes():
        changes = _changes(diff, top(root))
    if not changes.files:
        _nothing(changes, output)
        return
    patch = Patch(project=project_name or project_of(top(root)), files=changes.files)
    found = ask(patch.project, "impact", Impact, body=patch, **page)
    tell(found, output, lambda: shown.print_impact(found))
    _files(found, changes)


def _changes(diff: str | None, root: Path) -> Changes:
    if diff == "-":
        return of_patch(typer.get_binary_stream("stdin").read())
    return of_range(root, diff)


def _nothing(changes: Changes, output: Format) -> None:
    if output is Format.JSON:
        print_json({"changed": [], "relations": [], "tests": [], "binary": changes.binary})
    else:
        out.print("no text file differs")
    _note("Without changed lines", changes.moved)
    _note("Not text", changes.binary)


def _files(found: Impact, changes: Changes) -> None:
    """Files that the answer lacks, on stderr."""
    _note(f"Not in project {found.project_name}", found.unknown_paths)
    _note("Analysed with other content, so lines may differ; ingest again", found.differing_paths)
    _note("Not text", changes.binary)


def _note(title: str, paths: list[str]) -> None:
    for each in paths:
        err.print(f"[yellow]{escape(printable(title))}:[/yellow] {escape(printable(each))}")
