"""In: a name, or a part of one. Out: the symbols that it may mean, the best match first."""

from collections.abc import Callable, Iterable, Sequence
from fnmatch import fnmatchcase
from typing import Final

from archon.contracts.code.answers import Symbols
from archon.contracts.errors import InvalidInputError
from archon.contracts.imports import normal
from archon.references.answers.pages import Page, page_of
from archon.references.answers.subjects import documents
from archon.references.edges.walk import identity, place, symbol
from archon.references.index.document import VARIABLES
from archon.references.index.store import Named, Stored
from archon.references.port import Filters
from archon.references.project import Project

_WILD: Final = frozenset("*?[")

Ranked = tuple[tuple[int, bool, bool, int, str, str, str, int], Named]


def find(project: Project, text: str, filters: Filters, page: Page) -> Symbols:
    """Raises InvalidInputError."""
    name = text.strip().replace("::", ".")
    if not name:
        raise InvalidInputError("name", "is empty")
    ranked = project.memo.get(("find", name, filters), lambda: _ranked(project, name, filters), ())
    part, after = page_of(ranked, page, lambda each: [identity(project, each[1][:2])])
    return Symbols(
        project_name=project.name,
        freshness=project.freshness,
        complete=after is None,
        next=after,
        symbols=[symbol(project, each[:2]) for _, each in part],
    )


def symbols_of(project: Project, path: str) -> Symbols:
    """All symbols of a file, in order. Raises NotFoundError."""
    keys = [
        (number, position)
        for number in documents(project, path)
        for position in range(len(project.store.document(number).code.declarations))
    ]
    keys.sort(key=lambda each: place(project, each))
    return Symbols(
        project_name=project.name,
        freshness=project.freshness,
        symbols=[symbol(project, each) for each in keys],
    )


def _ranked(project: Project, name: str, filters: Filters) -> Sequence[Ranked]:
    candidates = _candidates(project, name)
    allowed = _allowed(filters)
    found = []
    for each in candidates:
        stored = project.layout.stored(each.document)
        if allowed(each, stored):
            found.append((_rank(name, each, stored), each))
    return sorted(found)


def _candidates(project: Project, name: str) -> Iterable[Named]:
    last = name.lower().rpartition(".")[2]
    if _WILD.isdisjoint(name):
        found = project.store.beginning(last)
        if last == name.lower():
            return found
        wanted = name.lower()
        return [each for each in found if f".{wanted}" in f".{_qualified(project, each)}"]
    found = project.store.matching(last)
    if last == name.lower():
        return found
    pattern = name.lower()
    return [
        each
        for each in found
        if fnmatchcase(_qualified(project, each), pattern)
        or fnmatchcase(_qualified(project, each), f"*.{pattern}")
    ]


def _qualified(project: Project, named: Named) -> str:
    document = project.store.document(named.document)
    return document.code.declarations[named.position].qualified_name.lower()


def _rank(name: str, named: Named, stored: Stored) -> tuple[int, bool, bool, int, str, str, str, int]:
    """Equal spelling, equal except for upper and lower case, others; types and functions before variables."""
    last = name.rpartition(".")[2]
    quality = 0 if named.name == last else 1 if named.name.lower() == last.lower() else 2
    return (
        quality,
        named.kind in VARIABLES,
        stored.test,
        len(named.name),
        named.name,
        stored.path,
        stored.document_id,
        named.position,
    )


def _allowed(filters: Filters) -> Callable[[Named, Stored], bool]:
    """Whether the filters let a symbol through."""
    kinds, languages = set(filters.kinds), set(filters.languages)
    path = normal(filters.path) if filters.path else None

    def allowed(named: Named, stored: Stored) -> bool:
        return (
            (not kinds or named.kind in kinds)
            and (not languages or stored.language in languages)
            and (filters.tests is None or stored.test == filters.tests)
            and (path is None or _in_path(stored.path, path))
        )

    return allowed


def _in_path(path: str, pattern: str) -> bool:
    if _WILD.isdisjoint(pattern):
        return path == pattern or path.startswith(f"{pattern}/")
    return fnmatchcase(path, pattern) or fnmatchcase(path, f"*/{pattern}")
