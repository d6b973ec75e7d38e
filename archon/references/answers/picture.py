"""In: symbols or files. Out: the way between two of them, or what is around one, as a graph to draw."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence

from archon.contracts.code.answers import Edge as DrawnEdge
from archon.contracts.code.answers import Neighbourhood, Node, Route, RouteStep
from archon.contracts.errors import InvalidInputError
from archon.references.answers.relations import Around
from archon.references.answers.subjects import documents, subjects
from archon.references.edges.edges import Edge, Edges, sites
from archon.references.edges.imports import imports_into, imports_out_of
from archon.references.edges.walk import (
    Reached,
    Walk,
    callees,
    callers,
    identity,
    order,
    place,
    symbol,
    symbols,
)
from archon.references.index.document import OUTSIDE
from archon.references.index.store import Key
from archon.references.project import Project


def route(project: Project, source: str, target: str, depth: int, least: float) -> Route:
    """Raises NotFoundError."""
    (starts, every_start), (ends, every_end) = subjects(project, source), subjects(project, target)
    edges, walk = Edges(project), Walk(project, least, until=ends)
    reached = {each.at: each for each in walk.forth(starts, depth, callees(edges))}
    found = [reached[each] for each in ends if each in reached]
    way = _way(reached, min(found, key=lambda each: order(project, each))) if found else []
    steps = _steps(project, way)
    return Route(
        project_name=project.name,
        freshness=project.freshness,
        complete=not any(each.more_sites for each in steps)
        and (bool(way) or (every_start and every_end and walk.complete and edges.complete)),
        sources=symbols(project, starts),
        targets=symbols(project, ends),
        steps=steps,
        confidence=round(way[-1].confidence, 4) if way else None,
    )


def _way(reached: dict[Key, Reached], end: Reached) -> list[Reached]:
    way = [end]
    while way[0].of in reached:
        way.insert(0, reached[way[0].of])
    return way


def _steps(project: Project, way: Sequence[Reached]) -> list[RouteStep]:
    if not way:
        return []
    steps = [(way[0].of, ()), *((each.at, each.edges) for each in way)]
    return [
        RouteStep(
            symbol=symbol(project, at),
            document_id=project.layout.stored(at[0]).document_id,
            file_path=project.layout.stored(at[0]).path,
            sites=listed,
            more_sites=more,
        )
        for at, (listed, more) in ((at, sites(project, between)) for at, between in steps)
    ]


def neighbours(project: Project, name: str | None, path: str | None, around: Around) -> Neighbourhood:
    """Raises NotFoundError, InvalidInputError."""
    if (name is None) == (path is None):
        raise InvalidInputError("symbol", "give either a symbol or a path")
    if name is not None:
        keys, every = subjects(project, name)
        edges = Edges(project, around.least)
        back, forth = Walk(project, around.least), Walk(project, around.least)
        reached = back.back(keys, around.depth, callers(edges)) + forth.forth(
            keys, around.depth, callees(edges)
        )
        complete = every and edges.complete
    else:
        keys = [(each, OUTSIDE) for each in documents(project, path or "")]
        back, forth = Walk(project, around.least, files=True), Walk(project, around.least, files=True)
        reached = back.back(keys, around.depth, lambda each, _: imports_into(project, each))
        reached += forth.forth(keys, around.depth, lambda each, _: imports_out_of(project, each))
        complete = True
    return _drawn(
        project,
        keys,
        sorted(reached, key=lambda each: order(project, each)),
        [*back.edges, *forth.edges],
        around,
        complete=complete and back.complete and forth.complete,
    )


def _drawn(
    project: Project,
    centre: Sequence[Key],
    reached: Sequence[Reached],
    edges: Iterable[Edge],
    around: Around,
    *,
    complete: bool,
) -> Neighbourhood:
    depths = dict.fromkeys(centre, 0)
    for each in reached:
        depths.setdefault(each.at, each.depth)
    kept = dict(list(depths.items())[: around.page.limit])
    return Neighbourhood(
        project_name=project.name,
        freshness=project.freshness,
        complete=complete and len(kept) == len(depths),
        nodes=[_node(project, at, depth) for at, depth in kept.items()],
        edges=_between(project, kept, edges),
    )


def _node(project: Project, at: Key, depth: int) -> Node:
    stored = project.layout.stored(at[0])
    return Node(
        node_id=identity(project, at),
        symbol=symbol(project, at) if at[1] != OUTSIDE else None,
        document_id=stored.document_id,
        file_path=stored.path,
        depth=depth,
    )


def _between(project: Project, kept: Collection[Key], edges: Iterable[Edge]) -> list[DrawnEdge]:
    """One edge for all references between two nodes."""
    groups: dict[tuple[Key, Key], set[Edge]] = defaultdict(set)
    for edge in edges:
        if edge.source in kept and edge.target in kept:
            groups[edge.source, edge.target].add(edge)
    ordered = sorted(groups, key=lambda pair: (place(project, pair[0]), place(project, pair[1])))
    return [
        DrawnEdge(
            source=identity(project, pair[0]),
            target=identity(project, pair[1]),
            kinds=sorted({each.kind for each in groups[pair]}),
            count=len({(each.line, each.kind) for each in groups[pair]}),
            confidence=round(max(each.confidence for each in groups[pair]), 4),
        )
        for pair in ordered
    ]
