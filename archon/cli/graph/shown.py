"""In: answers about code. Out: what people read: trees of places that a terminal opens, tests apart."""

from collections.abc import Iterable, Sequence
from typing import Final

from rich.markup import escape

from archon.cli.graph.trees import Row, apart, location, place, rows
from archon.cli.terminal import columns
from archon.cli.terminal.output import counted, out, printable, width
from archon.contracts.code.answers import (
    Impact,
    Neighbourhood,
    Outline,
    Relation,
    Relations,
    Route,
    Shown,
    ShownSymbol,
    Symbol,
    Symbols,
)
from archon.contracts.text.lines import lines_of

_INDENT: Final = "  "
_LISTED: Final = 12
"""Members of a symbol, and files of a cycle, that are listed."""


def print_symbols(found: Symbols) -> None:
    _lines([_symbol(each) for each in found.symbols])


def print_relations(found: Relations, title: str, subject: str = "", *, at_site: bool) -> None:
    """`subject`: name of the subject if it is not a symbol."""
    names = subject or ", ".join(dict.fromkeys(each.qualified_name for each in found.subjects))
    _heading(f"{title} {names}".rstrip())
    _lines([_symbol(each, _INDENT) for each in found.subjects])
    if not found.relations:
        out.print(f"{_INDENT}none")
        return
    product, tests = apart(found.relations)
    if product:
        out.print()
        _lines(rows(product, at_site=at_site))
    _tests("Tests", tests, at_site=at_site)


def print_impact(found: Impact) -> None:
    _heading("Changed")
    _lines([(*_symbol(each.symbol, _INDENT), "" if each.tested else "untested") for each in found.changed])
    if not found.changed:
        out.print(f"{_INDENT}no symbol of the project")
    if found.relations:
        out.print()
        _heading("Depends on that")
        _lines(rows(found.relations, at_site=True))
    elif found.changed:
        out.print("\nnothing else depends on that" if found.tests else "\nnothing depends on that")
    _tests("Tests to run", found.tests, at_site=True)


def _tests(title: str, tests: Sequence[Relation], *, at_site: bool) -> None:
    if tests:
        out.print()
        _heading(title)
        _lines(rows(tests, at_site=at_site, nested=False))


def print_route(found: Route, source: str, target: str) -> None:
    if not found.steps:
        out.print(f"no way from {escape(printable(source))} to {escape(printable(target))}")
        return
    lines: list[Row] = []
    for step in found.steps:
        name = step.symbol.qualified_name if step.symbol is not None else f"({step.file_path})"
        site = step.sites[0] if step.sites else None
        own = location(step.symbol) if step.symbol is not None else step.file_path
        lines.append(
            (
                _INDENT + own,
                name,
                f"{site.kind} in {place(site.file_path, site.line)}" if site is not None else "",
            )
        )
    _lines(lines)


def print_shown(found: Shown) -> None:
    for number, each in enumerate(found.symbols):
        if number:
            out.print()
        _print_symbol(each)


def _print_symbol(shown: ShownSymbol) -> None:
    symbol = shown.symbol
    _heading(f"{symbol.kind} {symbol.qualified_name}")
    out.print(f"{escape(printable(location(symbol)))}-{symbol.end_line}")
    if shown.parent is not None:
        out.print(f"in {escape(printable(f'{shown.parent.kind} {shown.parent.qualified_name}'))}")
    for name, meant in shown.bases.items():
        where = ", ".join(map(location, meant)) or "not in the project"
        out.print(f"extends {escape(printable(f'{name}  {where}'))}")
    if shown.members:
        names = ", ".join(each.name for each in shown.members[:_LISTED])
        more = len(shown.members) + shown.more_members - _LISTED
        out.print(f"has {escape(printable(names))}{f' and {more} more' if more > 0 else ''}")
    if shown.source is None:
        # The source would contain the documentation.
        _text(shown.documentation or "")
        out.print("its source text is gone")
    else:
        _text(shown.source, symbol.start_line)


def _text(text: str, first: int | None = None) -> None:
    for number, line in enumerate(lines_of(text), first or 0):
        head = f"{number:>5}  " if first is not None else _INDENT
        out.print(f"[dim]{head}[/dim]{escape(_tabs(line))}")


def _tabs(line: str) -> str:
    return printable(line.expandtabs(4))


def print_neighbours(found: Neighbourhood) -> None:
    names = {
        node.node_id: node.symbol.qualified_name if node.symbol is not None else node.file_path
        for node in found.nodes
    }
    places = {
        node.node_id: location(node.symbol) if node.symbol is not None else node.file_path
        for node in found.nodes
    }
    _heading("Nodes")
    _lines([(_INDENT + places[each], names[each]) for each in names])
    if found.edges:
        out.print()
        _heading("References")
    _lines(
        [
            (
                f"{_INDENT}{names.get(edge.source, edge.source)}",
                "→",
                names.get(edge.target, edge.target),
                ", ".join(edge.kinds) + (f" x {edge.count}" if edge.count > 1 else ""),
            )
            for edge in found.edges
        ]
    )


def print_outline(found: Outline) -> None:
    if found.packages:
        head = ("directory", "files", "tests", "symbols", "lines", "languages")
        body = [
            (
                each.path or ".",
                *map(str, (each.documents, each.tests, each.symbols, each.lines)),
                ", ".join(each.languages),
            )
            for each in found.packages
        ]
        _lines([head, *body])
    if found.hubs:
        out.print()
        _heading("Much refers to")
        _lines(
            [
                (
                    *_symbol(each.symbol, _INDENT),
                    f"{counted(each.references, 'place')} in {counted(each.documents, 'file')}",
                )
                for each in found.hubs
            ]
        )
    for cycle in found.cycles:
        out.print()
        _heading("Files that import each other in a circle")
        more = [f"... and {len(cycle) - _LISTED} more"] if len(cycle) > _LISTED else []
        _lines([(_INDENT + each,) for each in [*cycle[:_LISTED], *more]])
    if found.dead:
        out.print()
        _heading("Nothing refers to")
        _lines([_symbol(each, _INDENT) for each in found.dead])
        out.print(f"[dim]{escape(found.caveat)}[/dim]")


def _symbol(symbol: Symbol, indent: str = "") -> Row:
    return indent + location(symbol), symbol.qualified_name, symbol.kind + (", test" if symbol.test else "")


def _heading(text: str) -> None:
    out.print(f"[bold]{escape(printable(text))}[/bold]")


def _lines(found: Iterable[Sequence[str]]) -> None:
    """Aligned. A terminal shows what fits into a line."""
    cells = [[printable(cell) for cell in row] for row in found]
    if not cells:
        return
    for line in columns.lines(cells, width()):
        out.print(escape(line))
