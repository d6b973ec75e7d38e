"""In: questions about a project's code. Out: the answers, for people, for programs or as a picture."""

from enum import StrEnum
from typing import Annotated

import typer

from archon.cli.graph import shown
from archon.cli.graph.asking import ask, hints, tell
from archon.cli.graph.impact import impact
from archon.cli.graph.options import DEEPEST, After, Depth, File, Least, Limit, MaybeName, Name, Project
from archon.cli.graph.pictures import dot, mermaid
from archon.cli.terminal.output import Format, FormatOption, exit_codes
from archon.contracts.code.answers import Neighbourhood, Outline, Relations, Route, Shown, Symbols
from archon.contracts.errors import InvalidInputError

app = typer.Typer(
    no_args_is_help=True,
    help="Questions about code: where a symbol is, what refers to it, what depends on a change.",
)
app.command("impact")(impact)


class Picture(StrEnum):
    TABLE = "table"
    JSON = "json"
    DOT = "dot"
    MERMAID = "mermaid"


@app.command("find")
def find(
    name: Annotated[str, typer.Argument(help="A name or its beginning; * and ? are wildcards.")],
    project_name: Project = None,
    kind: Annotated[
        list[str] | None, typer.Option(help="Only this kind: class, method, ... Repeatable.")
    ] = None,
    path: Annotated[str | None, typer.Option(help="Only this directory, or files that match a glob.")] = None,
    language: Annotated[list[str] | None, typer.Option(help="Only this language. Repeatable.")] = None,
    tests: Annotated[
        bool | None, typer.Option("--tests/--no-tests", help="Only tests, or none.", show_default=False)
    ] = None,
    limit: Limit = 100,
    after: After = None,
    output: FormatOption = Format.TABLE,
) -> None:
    """Find symbols by name, the best match first."""
    found = ask(
        *(project_name, "find", Symbols),
        name=name,
        kind=kind,
        path=path,
        language=language,
        tests=tests,
        limit=limit,
        after=after,
    )
    tell(found, output, lambda: shown.print_symbols(found), empty=not found.symbols)


@app.command("show")
def show(name: Name, project_name: Project = None, output: FormatOption = Format.TABLE) -> None:
    """Show a symbol: its source text, bases and members."""
    found = ask(project_name, "show", Shown, symbol=name)
    tell(found, output, lambda: shown.print_shown(found))


@app.command("callers")
def callers(
    name: Name,
    project_name: Project = None,
    depth: Depth = 1,
    min_confidence: Least = None,
    limit: Limit = 100,
    after: After = None,
    output: FormatOption = Format.TABLE,
) -> None:
    """List what refers to a symbol: calls, subclasses, annotations and other mentions."""
    found = ask(
        *(project_name, "callers", Relations),
        symbol=name,
        depth=depth,
        min_confidence=min_confidence,
        limit=limit,
        after=after,
    )
    tell(found, output, lambda: shown.print_relations(found, "References to", at_site=True))


@app.command("callees")
def callees(
    name: Name,
    project_name: Project = None,
    depth: Depth = 1,
    min_confidence: Least = None,
    limit: Limit = 100,
    after: After = None,
    output: FormatOption = Format.TABLE,
) -> None:
    """List what a symbol, with the symbols in it, refers to."""
    found = ask(
        *(project_name, "callees", Relations),
        symbol=name,
        depth=depth,
        min_confidence=min_confidence,
        limit=limit,
        after=after,
    )
    tell(found, output, lambda: shown.print_relations(found, "References from", at_site=False))


@app.command("implementers")
def implementers(
    name: Name,
    project_name: Project = None,
    depth: Depth = DEEPEST,
    min_confidence: Least = None,
    limit: Limit = 100,
    after: After = None,
    output: FormatOption = Format.TABLE,
) -> None:
    """List subclasses and implementations of a type, or methods that override a method."""
    found = ask(
        *(project_name, "implementers", Relations),
        symbol=name,
        depth=depth,
        min_confidence=min_confidence,
        limit=limit,
        after=after,
    )
    tell(found, output, lambda: shown.print_relations(found, "Implementations of", at_site=False))


@app.command("importers")
def importers(
    name: MaybeName = None,
    file: File = None,
    project_name: Project = None,
    depth: Depth = 1,
    limit: Limit = 100,
    after: After = None,
    output: FormatOption = Format.TABLE,
) -> None:
    """List the files that import a symbol or, with --file, a file."""
    with exit_codes():
        _one_of(name, file)
    found = ask(
        *(project_name, "importers", Relations),
        symbol=name,
        path=file,
        depth=depth,
        limit=limit,
        after=after,
    )
    tell(found, output, lambda: shown.print_relations(found, "Imports of", file or "", at_site=True))


@app.command("path")
def path(
    source: Annotated[str, typer.Argument(help="Where the way begins: a name, as for `callers`.")],
    target: Annotated[str, typer.Argument(help="Where it ends.")],
    project_name: Project = None,
    depth: Depth = DEEPEST,
    min_confidence: Least = None,
    output: FormatOption = Format.TABLE,
) -> None:
    """Show the shortest way of references from one symbol to another."""
    found = ask(
        *(project_name, "path", Route),
        source=source,
        target=target,
        depth=depth,
        min_confidence=min_confidence,
    )
    tell(found, output, lambda: shown.print_route(found, source, target))


@app.command("neighbours")
def neighbours(
    name: MaybeName = None,
    file: File = None,
    project_name: Project = None,
    depth: Depth = 1,
    min_confidence: Least = None,
    limit: Limit = 100,
    output: Annotated[
        Picture,
        typer.Option("--output", "-o", help="table and json; dot for Graphviz and mermaid for a picture."),
    ] = Picture.TABLE,
) -> None:
    """Show what surrounds a symbol or, with --file, a file; also as a picture."""
    with exit_codes():
        _one_of(name, file)
    found = ask(
        *(project_name, "neighbours", Neighbourhood),
        symbol=name,
        path=file,
        depth=depth,
        min_confidence=min_confidence,
        limit=limit,
    )
    if output in {Picture.DOT, Picture.MERMAID}:
        print(dot(found) if output is Picture.DOT else mermaid(found))
        hints(found)
    else:
        tell(found, Format(output), lambda: shown.print_neighbours(found))


@app.command("outline")
def outline(
    file: File = None,
    project_name: Project = None,
    limit: Limit = 20,
    output: FormatOption = Format.TABLE,
) -> None:
    """Show a project in large: directories, central and unused symbols; with --file, a file's symbols."""
    if file is not None:
        inside = ask(project_name, "symbols", Symbols, path=file)
        tell(inside, output, lambda: shown.print_symbols(inside), empty=not inside.symbols)
        return
    found = ask(project_name, "outline", Outline, limit=limit)
    tell(found, output, lambda: shown.print_outline(found), empty=not found.packages)


def _one_of(name: str | None, file: str | None) -> None:
    if (name is None) == (file is None):
        raise InvalidInputError("NAME", "needed, or --file, and not both")
