"""In: symbols and a direction. Out: what is reached from them step by step, the nearest and surest first."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from archon.contracts.code.answers import Relation, Symbol
from archon.references.edges.edges import Edge, Edges, sites
from archon.references.index.document import OUTSIDE
from archon.references.index.store import Key
from archon.references.project import Project

MOST_REACHED: Final = 5000
"""Symbols that one question reaches."""

Step = Callable[[Collection[Key], int], Sequence[Edge]]
"""All edges from or to symbols at a depth."""


class Reached(NamedTuple):
    """A symbol, or a document outside of all symbols, that a walk has reached by `edges` from `of`."""

    at: Key
    depth: int
    of: Key
    edges: Sequence[Edge]
    confidence: float


class Walk:
    """Breadth first. A symbol is reached once, so that cycles end."""

    def __init__(
        self, project: Project, least: float, *, until: Collection[Key] = (), files: bool = False
    ) -> None:
        """`until`: the walk ends at the depth at which it reaches one of them. `files`: it goes on
        from documents, too."""
        self._project = project
        self._least = least
        self._until = frozenset(until)
        self._files = files
        self.edges: list[Edge] = []
        """All that were followed, also to what had been reached before."""
        self.complete = True

    def back(self, starts: Collection[Key], depth: int, step: Step) -> list[Reached]:
        """Along edges from their targets to their sources."""
        return self._walk(starts, depth, step, lambda edge: (edge.target, edge.source))

    def forth(self, starts: Collection[Key], depth: int, step: Step) -> list[Reached]:
        """Along edges from their sources to their targets."""
        return self._walk(starts, depth, step, lambda edge: (edge.source, edge.target))

    def _walk(
        self, starts: Collection[Key], depth: int, step: Step, ends: Callable[[Edge], tuple[Key, Key]]
    ) -> list[Reached]:
        confidences: dict[Key, float] = dict.fromkeys(starts, 1.0)
        frontier: Collection[Key] = list(confidences)
        found: list[Reached] = []
        for level in range(1, depth + 1):
            inside = [each for each in frontier if self._files or each[1] != OUTSIDE or level == 1]
            if not inside or not self._until.isdisjoint(frontier):
                break
            reached = self._level(step(inside, level), level, confidences, ends)
            reached.sort(key=lambda each: order(self._project, each))
            if len(found) + len(reached) > MOST_REACHED:
                reached = reached[: MOST_REACHED - len(found)]
                self.complete = False
            confidences |= {each.at: each.confidence for each in reached}
            found += reached
            frontier = [each.at for each in reached]
        return found

    def _level(
        self,
        edges: Iterable[Edge],
        level: int,
        known: Mapping[Key, float],
        ends: Callable[[Edge], tuple[Key, Key]],
    ) -> list[Reached]:
        """Symbols that the edges reach for the first time."""
        between: dict[Key, dict[Key, list[Edge]]] = defaultdict(lambda: defaultdict(list))
        for edge in edges:
            near, far = ends(edge)
            if known[near] * edge.confidence < self._least:
                continue
            self.edges.append(edge)
            if far not in known:
                between[far][near].append(edge)
        return [self._best(far, level, nears, known) for far, nears in between.items()]

    def _best(
        self, far: Key, level: int, nears: Mapping[Key, list[Edge]], known: Mapping[Key, float]
    ) -> Reached:
        """By the surest way."""

        def confidence(near: Key) -> float:
            return known[near] * max(edge.confidence for edge in nears[near])

        near = min(nears, key=lambda each: (-confidence(each), place(self._project, each)))
        return Reached(far, level, near, nears[near], confidence(near))


def order(project: Project, reached: Reached) -> tuple[int, float, str, str, int, str]:
    """The nearest and surest first; total, and the same whatever the order of changes was."""
    return reached.depth, -round(reached.confidence, 4), *place(project, reached.at)


def place(project: Project, at: Key) -> tuple[str, str, int, str]:
    """Path, document, line and name of a symbol, which sort it."""
    document = project.store.document(at[0])
    if at[1] == OUTSIDE:
        return document.path, document.document_id, 0, ""
    declaration = document.code.declarations[at[1]]
    name = f"{declaration.qualified_name}\0{declaration.kind}\0{declaration.ordinal:09}"
    return document.path, document.document_id, declaration.start_line, name


def relation(project: Project, reached: Reached) -> Relation:
    """As answers give it."""
    stored = project.layout.stored(reached.at[0])
    listed, more = sites(project, reached.edges)
    return Relation(
        symbol=symbol(project, reached.at) if reached.at[1] != OUTSIDE else None,
        document_id=stored.document_id,
        file_path=stored.path,
        depth=reached.depth,
        of=identity(project, reached.of),
        sites=listed,
        more_sites=more,
        confidence=round(reached.confidence, 4),
        test=stored.test,
    )


def symbol(project: Project, at: Key) -> Symbol:
    document = project.store.document(at[0])
    declaration = document.code.declarations[at[1]]
    return Symbol(
        symbol_id=document.symbol_id(at[1]),
        document_id=document.document_id,
        file_path=document.path,
        language=document.language,
        kind=declaration.kind,
        name=declaration.name,
        qualified_name=declaration.qualified_name,
        start_line=declaration.start_line,
        end_line=declaration.end_line,
        test=document.test,
    )


def symbols(project: Project, keys: Iterable[Key]) -> list[Symbol]:
    """In the order of their paths and lines."""
    return [symbol(project, each) for each in sorted(keys, key=lambda each: place(project, each))]


def identity(project: Project, at: Key) -> str:
    """The id of a symbol, or of a document."""
    document = project.store.document(at[0])
    return document.document_id if at[1] == OUTSIDE else document.symbol_id(at[1])


def callers(edges: Edges) -> Step:
    """References to symbols."""
    return lambda keys, _: edges.into(keys)


def callees(edges: Edges) -> Step:
    """What symbols refer to. A type that is reached stands for its bases and its constructor alone."""
    return lambda keys, level: edges.out_of(keys, nested=level == 1)
