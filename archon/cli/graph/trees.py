"""In: relations. Out: one line each, below the line of the relation that leads to it, tests apart."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from archon.contracts.code.answers import CERTAIN, How, Relation, Site, Symbol

Row = tuple[str, str, str]
"""Where, the symbol, and notes."""

_INDENT: Final = "  "
_LINES_SHOWN: Final = 3
HOW: Final = {
    How.SAME_DOCUMENT: "in the same file",
    How.IMPORT: "by import",
    How.SAME_PACKAGE: "in the same package",
    How.TYPED: "by type",
    How.INHERITED: "by inheritance",
    How.UNIQUE_NAME: "by unique name",
    How.AMBIGUOUS: "one of several of that name",
}


def rows(relations: Sequence[Relation], *, at_site: bool, nested: bool = True) -> list[Row]:
    """`at_site`: shows the place of the reference, otherwise that of the symbol's declaration. Without
    `nested`, relations stay in their order, with the number of steps."""
    if not nested:
        return [_row(each, 1, at_site, steps=True) for each in relations]
    return [_row(each, depth, at_site) for depth, each in _walked(relations)]


def _walked(relations: Sequence[Relation]) -> Iterator[tuple[int, Relation]]:
    """Depth-first; a relation whose way is on another page begins a tree of its own."""
    below: dict[str, list[Relation]] = defaultdict(list)
    ids = {node_id(each) for each in relations}
    for each in relations:
        below[each.of if each.of in ids and each.depth > 1 else ""].append(each)
    left = [(1, each) for each in reversed(below[""])]
    seen: set[str] = set()
    while left:
        depth, each = left.pop()
        yield depth, each
        if (own := node_id(each)) not in seen:
            seen.add(own)
            left += [(depth + 1, inner) for inner in reversed(below[own])]


def _row(relation: Relation, depth: int, at_site: bool, *, steps: bool = False) -> Row:
    shown = relation.symbol
    first = min(relation.sites, key=lambda each: -each.confidence, default=None)
    if first is not None and (at_site or shown is None):
        where = place(first.file_path, first.line)
    else:
        where = location(shown) if shown is not None else relation.file_path
    name = shown.qualified_name if shown is not None else f"({relation.file_path})"
    notes = list(_notes(relation, first))
    if steps and relation.depth > 1:
        notes.append(f"{relation.depth} steps")
    return _INDENT * depth + where, name, " · ".join(notes)


def _notes(relation: Relation, first: Site | None) -> Iterator[str]:
    kinds = list(dict.fromkeys(each.kind for each in relation.sites if each.kind != "call"))
    if kinds:
        yield ", ".join(kinds)
    others = sorted({each.line for each in relation.sites if first is not None and each.line != first.line})
    if others:
        more = "" if len(others) <= _LINES_SHOWN else ", ..."
        yield f"also line {', '.join(map(str, others[:_LINES_SHOWN]))}{more}"
    if relation.confidence < CERTAIN:
        # A certain reference to something that was itself found by an uncertain one has only its share.
        how = f"{HOW[first.how]}, " if first is not None and first.confidence < CERTAIN else ""
        yield f"{how}{relation.confidence:.0%}"


def node_id(relation: Relation) -> str:
    return relation.symbol.symbol_id if relation.symbol is not None else relation.document_id


def location(symbol: Symbol) -> str:
    return place(symbol.file_path, symbol.start_line)


def place(path: str, line: int) -> str:
    """As terminals and editors open it."""
    return f"{path}:{line}"


def apart(relations: Iterable[Relation]) -> tuple[list[Relation], list[Relation]]:
    """Without tests, and the tests."""
    product: list[Relation] = []
    tests: list[Relation] = []
    for each in relations:
        (tests if each.test else product).append(each)
    return product, tests
