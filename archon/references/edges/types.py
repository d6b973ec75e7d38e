"""In: types and methods. Out: what derives from them, implements them or overrides them."""

from collections.abc import Collection, Iterable, Sequence
from functools import partial
from typing import Final

from archon.contracts.code.answers import How
from archon.references.edges.edges import Edge, Edges
from archon.references.edges.walk import MOST_REACHED, Reached, Walk, order
from archon.references.index.document import OUTSIDE, VARIABLES
from archon.references.index.layout import family_named
from archon.references.index.store import Key
from archon.references.project import Project

STRUCTURAL: Final = 0.8
"""A Go type has all methods of an interface; their parameters were not compared."""


def derived(project: Project, edges: Edges, keys: Collection[Key]) -> list[Edge]:
    """From the types that derive from one of `keys`, or implement it."""
    found: list[Edge] = []
    for key in keys:
        if _is_type(project, key):
            own, complete = project.memo.get(("derived", key), partial(_derived, project, key), ((), True))
            found += own
            edges.complete = edges.complete and complete
    return found


def _derived(project: Project, key: Key) -> tuple[Sequence[Edge], bool]:
    edges = Edges(project)
    found = [each for each in edges.into([key], "inherit") if _is_type(project, each.source)]
    return (*found, *_structural(project, key)), edges.complete


def overriding(project: Project, edges: Edges, keys: Collection[Key]) -> list[Edge]:
    """From the methods that override one of `keys`, at whatever distance."""
    return [
        Edge(each.at, key, "override", _line(project, each.at), How.INHERITED, each.confidence)
        for key in keys
        for each in overrides(project, edges, key, MOST_DEPTH)
    ]


MOST_DEPTH: Final = 10


def overrides(project: Project, edges: Edges, key: Key, depth: int) -> Sequence[Reached]:
    """The methods that override a method; their depth is that of their types."""
    document = project.store.document(key[0])
    declaration = document.code.declarations[key[1]]
    owner = _owner(project, key)
    if owner is None or declaration.kind in VARIABLES or document.is_type(key[1]):
        return ()
    constructors = project.resolver.rules(document).constructors
    if declaration.name in (*constructors, project.resolver.declaration(owner).name):
        return ()
    walk = Walk(project, 0.0)
    types = walk.back([owner], depth, lambda keys, _: derived(project, edges, keys))
    return [
        Reached(member, each.depth, key, (_override(project, member, key, each.confidence),), each.confidence)
        for each in types
        for member in _own_members(project, each.at, declaration.name)
    ]


def implementers(
    project: Project, edges: Edges, keys: Sequence[Key], depth: int, least: float
) -> tuple[list[Reached], bool]:
    """Derived types and overriding methods, and whether these are all."""
    walk = Walk(project, least)
    found = walk.back(keys, depth, lambda inner, _: derived(project, edges, inner))
    for key in keys:
        found += [each for each in overrides(project, edges, key, depth) if each.confidence >= least]
    found.sort(key=lambda each: order(project, each))
    return found[:MOST_REACHED], walk.complete and edges.complete and len(found) <= MOST_REACHED


def _override(project: Project, member: Key, key: Key, confidence: float) -> Edge:
    return Edge(member, key, "override", _line(project, member), How.INHERITED, confidence)


def _own_members(project: Project, owner: Key, name: str) -> Iterable[Key]:
    document = project.store.document(owner[0])
    outside = project.resolver.rules(document).members(document, owner[1]).get(name, ())
    own = [(owner[0], each) for each in document.children.get((owner[1], name), ())]
    return dict.fromkeys([*own, *outside])


def _structural(project: Project, interface: Key) -> list[Edge]:
    """Go types that have all methods of an interface, with its package's name where theirs is not
    exported."""
    document = project.store.document(interface[0])
    if family_named(document.language) != "go" or project.resolver.declaration(interface).kind != "interface":
        return []
    names = _method_names(project, interface)
    if not names:
        return []
    rows = min((project.store.named(each) for each in names), key=len)
    owners = {owner for each in rows if (owner := _owner(project, each[:2])) is not None}
    return [
        Edge(owner, interface, "inherit", _line(project, owner), How.INHERITED, STRUCTURAL)
        for owner in owners
        if owner != interface and _implements(project, owner, names)
    ]


def _implements(project: Project, owner: Key, names: Collection[str]) -> bool:
    if project.resolver.declaration(owner).kind == "interface":
        return False
    return all(any(each.at[1] != OUTSIDE for each in project.resolver.member(owner, name)) for name in names)


def _method_names(project: Project, interface: Key) -> set[str]:
    """Of an interface and those that it embeds."""
    lineage, _ = project.resolver.lineage(interface)
    return {
        project.store.document(each[0]).code.declarations[position].name
        for each in lineage
        for position in project.store.document(each[0]).within.get(each[1], ())
    }


def _owner(project: Project, key: Key) -> Key | None:
    """The type that a method belongs to, also if it is declared outside of it."""
    document = project.store.document(key[0])
    declaration = document.code.declarations[key[1]]
    if declaration.parent != OUTSIDE:
        return (key[0], declaration.parent) if document.is_type(declaration.parent) else None
    name = declaration.qualified_name.rpartition(".")[0]
    if not name or declaration.kind not in {"method", "function"}:
        return None
    found = project.resolver.path(document, key[1], "self")
    return next((each.at for each in found if each.at[1] != OUTSIDE), None)


def _is_type(project: Project, at: Key) -> bool:
    return at[1] != OUTSIDE and project.store.document(at[0]).is_type(at[1])


def _line(project: Project, at: Key) -> int:
    return project.resolver.declaration(at).start_line
