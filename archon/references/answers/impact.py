"""In: symbols, files or lines that change. Out: what depends on them, and which of them no test reaches."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from archon.contracts.code.answers import Changed, Impact
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


def impact_of(project: Project, change: Change, around: Around) -> Impact:
    """Raises NotFoundError for an unknown symbol, InvalidInputError if nothing changes."""
    if not (change.symbols or change.paths or change.lines):
        raise InvalidInputError("symbols", "give symbols, paths or lines")
    changed = _changed(project, change)
    edges, walk = Edges(project), Walk(project, around.least)
    starts = [*changed.starts, *changed.files]
    reached = walk.back(starts, around.depth, lambda keys, _: _dependents(project, edges, keys))
    tested = _tested(project, walk.edges)
    part, after = page_of(reached, around.page, lambda each: (each.depth, identity(project, each.at)))
    relations = [relation(project, each) for each in part]
    return Impact(
        project_name=project.name,
        freshness=project.freshness,
        complete=walk.complete and edges.complete and after is None,
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
    own = {key, *((key[0], each) for each in _within(document, key[1]))}
    return Changed(symbol=symbol(project, key), tested=not own.isdisjoint(tested))


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
    listed: dict[Key, None] = {}
    starts: dict[Key, None] = {}
    files: dict[Key, None] = {}
    unknown: dict[str, None] = {}
    for name in change.symbols:
        for key in subjects(project, name):
            listed[key] = None
            starts |= _with_members(project, key)
    for path in change.paths:
        for document in _documents(project, path, unknown):
            files[document.number, OUTSIDE] = None
            for position in document.within.get(OUTSIDE, ()):
                listed[document.number, position] = None
                starts |= _with_members(project, (document.number, position))
    for path, ranges in change.lines.items():
        for document in _documents(project, path, unknown):
            keys = dict.fromkeys((document.number, each) for each in _touched(document, ranges))
            listed |= keys
            starts |= keys
    in_order = sorted(listed, key=lambda each: place(project, each))
    documents = dict.fromkeys([*(key[0] for key in in_order), *(key[0] for key in files)])
    return _Changed(in_order, list(starts), list(files), list(documents), list(unknown))


def _documents(project: Project, path: str, unknown: dict[str, None]) -> list[Document]:
    numbers = documents_at(project, path)
    if not numbers:
        unknown[path] = None
    return [project.store.document(each) for each in numbers]


def _with_members(project: Project, key: Key) -> dict[Key, None]:
    document = project.store.document(key[0])
    return dict.fromkeys([key, *((key[0], each) for each in _within(document, key[1]))])


def _within(document: Document, position: int) -> list[int]:
    own = document.within.get(position, ())
    return [found for each in own for found in (each, *_within(document, each))]


def _touched(document: Document, ranges: Sequence[tuple[int, int]]) -> list[int]:
    """The declarations of which own lines, not only those of nested ones, are in the ranges."""
    found = []
    for position, each in enumerate(document.code.declarations):
        nested = [document.code.declarations[inner] for inner in document.within.get(position, ())]
        for first, last in ranges:
            begin, end = max(first, each.start_line), min(last, each.end_line)
            if begin <= end and not _covered(begin, end, [(one.start_line, one.end_line) for one in nested]):
                found.append(position)
                break
    return found


def _covered(first: int, last: int, parts: Sequence[tuple[int, int]]) -> bool:
    """Whether the parts together have all lines."""
    for begin, end in sorted(parts):
        if begin > first:
            return False
        first = max(first, end + 1)
        if first > last:
            return True
    return first > last
