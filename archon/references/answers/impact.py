"""In: symbols, files or lines that change. Out: what depends on them, and which of them no test reaches."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import starmap
from typing import Final, NamedTuple

from archon.contracts.code.answers import Changed, Impact
from archon.contracts.code.references import Declaration
from archon.contracts.errors import InvalidInputError
from archon.references.answers.pages import page_of
from archon.references.answers.relations import Around
from archon.references.answers.subjects import documents_at, subjects
from archon.references.edges.edges import Edge, Edges
from archon.references.edges.imports import imports_into
from archon.references.edges.types import overriding
from archon.references.edges.walk import Walk, identity, place, relation, symbol
from archon.references.index.document import OUTSIDE, Document
from archon.references.index.store import Key
from archon.references.project import Project

MOST_CHANGED: Final = 1000
"""Changed symbols that an answer lists."""
MOST_STARTS: Final = 20_000
"""Changed symbols, with those within them, whose dependents a question looks for."""


class Change(NamedTuple):
    """What changes: symbols, whole files, or lines by file."""

    symbols: Sequence[str] = ()
    paths: Sequence[str] = ()
    lines: Mapping[str, Sequence[tuple[int, int]]] = {}


class _Changed(NamedTuple):
    """`listed` are the symbols that an answer names, `starts` all that the walk begins at; with them
    `files`, whose importers depend on them."""

    listed: Sequence[Key]
    starts: Sequence[Key]
    files: Sequence[Key]
    documents: Sequence[int]
    unknown: Sequence[str]
    complete: bool


def impact_of(project: Project, change: Change, around: Around) -> Impact:
    """Raises NotFoundError for an unknown symbol, InvalidInputError if nothing changes."""
    if not (change.symbols or change.paths or change.lines):
        raise InvalidInputError("symbols", "give symbols, paths or lines")
    changed = _changed(project, change)
    edges, walk = Edges(project, around.least), Walk(project, around.least)
    starts = [*changed.starts, *changed.files]
    reached = walk.back(starts, around.depth, lambda keys, _: _dependents(project, edges, keys))
    tested = _tested(project, walk.edges)
    part, after = page_of(reached, around.page, lambda each: (each.depth, identity(project, each.at)))
    relations = [relation(project, each) for each in part]
    return Impact(
        project_name=project.name,
        freshness=project.freshness,
        complete=changed.complete
        and walk.complete
        and edges.complete
        and after is None
        and not any(each.more_sites for each in relations),
        next=after,
        changed=[_named(project, each, tested) for each in changed.listed],
        documents=[project.layout.stored(each).document_id for each in changed.documents],
        unknown_paths=list(changed.unknown),
        relations=[each for each in relations if not each.test],
        tests=[each for each in relations if each.test],
    )


def _named(project: Project, key: Key, tested: Collection[Key]) -> Changed:
    """A type is tested if one of its members is."""
    document = project.store.document(key[0])
    own = (key[1], *document.inside(key[1]))
    return Changed(symbol=symbol(project, key), tested=any((key[0], each) in tested for each in own))


def _dependents(project: Project, edges: Edges, keys: Collection[Key]) -> list[Edge]:
    """References to symbols, overriding methods, and imports of files."""
    inside = [each for each in keys if each[1] != OUTSIDE]
    files = [each for each in keys if each[1] == OUTSIDE]
    found = [*edges.into(inside), *overriding(project, edges, inside)]
    return found + (imports_into(project, files) if files else [])


def _tested(project: Project, edges: Iterable[Edge]) -> set[Key]:
    """What tests reach along the edges that were followed."""
    onward: dict[Key, set[Key]] = defaultdict(set)
    for edge in edges:
        onward[edge.source].add(edge.target)
    reached: set[Key] = set()
    rest = [each for each in onward if project.layout.stored(each[0]).test]
    while rest:
        for each in onward.get(rest.pop(), ()):
            if each not in reached:
                reached.add(each)
                rest.append(each)
    return reached


def _changed(project: Project, change: Change) -> _Changed:
    found = _Changes(project)
    for name in dict.fromkeys(change.symbols):
        keys, every = subjects(project, name)
        found.complete = found.complete and every
        for key in keys:
            document = project.store.document(key[0])
            found.add(document, [key[1]], [key[1], *document.inside(key[1])])
    for path in dict.fromkeys(change.paths):
        found.whole |= dict.fromkeys(found.documents_at(path))
    for number in found.whole:
        if not found.full:
            document = project.store.document(number)
            found.add(document, document.within.get(OUTSIDE, ()), range(len(document.code.declarations)))
    ranges: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for path, lines in change.lines.items():
        for number in found.documents_at(path):
            ranges[number] += lines
    for number, lines in ranges.items():
        if not found.full:
            document = project.store.document(number)
            touched = _touched(document, _merged(lines))
            found.add(document, touched, touched)
    return found.all()


class _Changes:
    """Collects what changes, until there are as many symbols as a question may begin at."""

    def __init__(self, project: Project) -> None:
        self.whole: dict[int, None] = {}
        """Documents that change as a whole."""
        self.complete = True
        self._project = project
        self._listed: dict[Key, None] = {}
        self._starts: dict[Key, None] = {}
        self._unknown: dict[str, None] = {}

    @property
    def full(self) -> bool:
        if full := len(self._starts) >= MOST_STARTS:
            self.complete = False
        return full

    def documents_at(self, path: str) -> Sequence[int]:
        numbers = documents_at(self._project, path)
        if not numbers:
            self._unknown[path] = None
        return numbers

    def add(self, document: Document, listed: Iterable[int], starts: Iterable[int]) -> None:
        self._listed |= dict.fromkeys((document.number, each) for each in listed)
        self._starts |= dict.fromkeys((document.number, each) for each in starts)

    def all(self) -> _Changed:
        in_order = sorted(self._listed, key=lambda each: place(self._project, each))
        return _Changed(
            in_order[:MOST_CHANGED],
            list(self._starts)[:MOST_STARTS],
            [(each, OUTSIDE) for each in self.whole],
            list(dict.fromkeys([*(number for number, _ in in_order), *self.whole])),
            list(self._unknown),
            self.complete and len(in_order) <= MOST_CHANGED and len(self._starts) <= MOST_STARTS,
        )


def _merged(ranges: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """The same lines in ascending ranges that do not overlap."""
    found: list[tuple[int, int]] = []
    for first, last in sorted(ranges):
        if found and first <= found[-1][1] + 1:
            found[-1] = found[-1][0], max(last, found[-1][1])
        else:
            found.append((first, last))
    return found


def _touched(document: Document, ranges: Sequence[tuple[int, int]]) -> list[int]:
    """The declarations of which own lines, not only those of nested ones, are in the merged ranges."""
    declarations = document.code.declarations
    nested: dict[int, list[int]] = defaultdict(list)
    for position in sorted(range(len(declarations)), key=lambda each: declarations[each].start_line):
        nested[declarations[position].parent].append(position)
    begins = [first for first, _ in ranges]

    def is_touched(first: int, last: int) -> bool:
        before = bisect_right(begins, last)
        return before > 0 and ranges[before - 1][1] >= first

    return [
        position
        for position, each in enumerate(declarations)
        if any(starmap(is_touched, _own_lines(each, [declarations[inner] for inner in nested[position]])))
    ]


def _own_lines(of: Declaration, nested: Iterable[Declaration]) -> Iterator[tuple[int, int]]:
    """The lines that none of the nested declarations has, which are in the order of their lines."""
    first, last = of.start_line, of.end_line
    for each in nested:
        if first < each.start_line and first <= last:
            yield first, min(each.start_line - 1, last)
        first = max(first, each.end_line + 1)
    if first <= last:
        yield first, last
