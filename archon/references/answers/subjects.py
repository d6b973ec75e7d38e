"""In: what a question calls a symbol or a file. Out: the symbols and documents that it means."""

import difflib
from collections.abc import Callable, Iterable, Sequence
from heapq import nsmallest
from os.path import commonprefix
from pathlib import PurePosixPath
from typing import Final, NamedTuple

from archon.contracts.errors import InvalidInputError, NotFoundError
from archon.contracts.identity import as_uuid
from archon.contracts.imports import normal
from archon.references.edges.walk import place
from archon.references.index.document import VARIABLES
from archon.references.index.store import Key
from archon.references.project import Project

MOST_SUBJECTS: Final = 50
_NEAR: Final = 5
_LIKE: Final = 5000
_COMPARED: Final = 200
_COMPARED_CHARACTERS: Final = 64
"""Names that are compared with a missing one, and how much of each: the comparison is quadratic."""


class Subjects(NamedTuple):
    """The symbols of a question. `complete` is False if the name has more symbols than a question may have
    subjects."""

    keys: Sequence[Key]
    complete: bool


def subjects(project: Project, text: str) -> Subjects:
    """The first symbols of that name. Raises NotFoundError, InvalidInputError."""
    found = named(project, text)
    return Subjects(found[:MOST_SUBJECTS], len(found) <= MOST_SUBJECTS)


def named(project: Project, text: str) -> Sequence[Key]:
    """All symbols of that name, in the order of their paths. Raises NotFoundError, InvalidInputError."""
    name = text.strip()
    if not name:
        raise InvalidInputError("symbol", "is empty")
    found = list(_matching(project, name))
    if not found:
        raise _missing(project, text)
    real = [each for each in found if project.resolver.declaration(each).kind not in VARIABLES] or found
    return sorted(set(real), key=lambda each: place(project, each))


def documents(project: Project, path: str) -> Sequence[int]:
    """The documents at a path, or the one with that id. Raises NotFoundError."""
    found = documents_at(project, path)
    if not found:
        near = _close(normal(path), _paths_named(project, path), 0.5, _end)
        raise NotFoundError(f"{_empty(project)}no document at {path!r}{_hint(near)}")
    return found


def documents_at(project: Project, path: str) -> Sequence[int]:
    """Like `documents`, but empty if there is none."""
    if (number := project.layout.with_document_id(path.lower())) is not None:
        return [number]
    return project.layout.at_path(normal(path))


def _matching(project: Project, name: str) -> Iterable[Key]:
    if as_uuid(name) is not None and (found := project.store.with_id(name)):
        return found
    path, colon, rest = name.rpartition(":")
    if colon and path and not path.endswith(":"):
        numbers = set(project.layout.at_path(normal(path)))
        return [each for each in _ending(project, rest) if each[0] in numbers]
    return _ending(project, name.replace("::", ".").replace("#", "."))


def _ending(project: Project, name: str) -> list[Key]:
    """Symbols whose qualified name, alone or after their module's path, ends so."""
    last = name.rpartition(".")[2]
    found = [(number, position) for number, position, _ in project.store.named(last)]
    return [each for each in found if last == name or _ends(project, each, name)]


def _ends(project: Project, at: Key, name: str) -> bool:
    document = project.store.document(at[0])
    own = document.code.declarations[at[1]].qualified_name
    if own == name or own.endswith(f".{name}"):
        return True
    module = str(PurePosixPath(document.path).with_suffix("")).removesuffix("/__init__").replace("/", ".")
    return name.endswith(f".{own}") and f".{module}.{own}".endswith(f".{name}")


def _missing(project: Project, text: str) -> NotFoundError:
    last = text.strip().rpartition(".")[2].rpartition(":")[2]
    names = dict.fromkeys(name for name, *_ in project.store.like(last, _LIKE))
    near = _close(last, names, 0.6, _beginning)
    return NotFoundError(f"{_empty(project)}no symbol {text!r} in project {project.name}{_hint(near)}")


def _empty(project: Project) -> str:
    return "" if project.layout.documents else f"project {project.name} has no documents; "


def _close(
    text: str, candidates: Iterable[str], least: float, shortened: Callable[[str], str]
) -> Sequence[str]:
    """The candidates that resemble the text, the nearest first. Only those with the longest common beginning
    or a similar length are compared."""
    wanted = shortened(text)
    by_part: dict[str, str] = {}
    for each in candidates:
        by_part.setdefault(shortened(each), each)

    def distance(part: str) -> int:
        return abs(len(part) - len(wanted)) - 2 * len(commonprefix([part, wanted]))  # noqa: RUF071  characters

    compared = nsmallest(_COMPARED, by_part, key=distance)
    return [by_part[each] for each in difflib.get_close_matches(wanted, compared, _NEAR, least)]


def _beginning(name: str) -> str:
    return name.lower()[:_COMPARED_CHARACTERS]


def _end(path: str) -> str:
    """The end of a path, backwards: two paths rather have that in common."""
    return path.lower()[: -_COMPARED_CHARACTERS - 1 : -1]


def _hint(near: Sequence[str]) -> str:
    return f"; near: {', '.join(near)}" if near else ""


def _paths_named(project: Project, path: str) -> list[str]:
    name = _last(normal(path))[:3]
    return [each.path for each in project.layout.documents.values() if _last(each.path).startswith(name)]


def _last(path: str) -> str:
    return path.rpartition("/")[2].lower()
