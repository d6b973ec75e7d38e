"""In: what a question calls a symbol or a file. Out: the symbols and documents that it means."""

import difflib
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath
from typing import Final

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


def subjects(project: Project, text: str) -> Sequence[Key]:
    """The symbols of that name, in the order of their paths. Raises NotFoundError, InvalidInputError."""
    name = text.strip()
    if not name:
        raise InvalidInputError("symbol", "is empty")
    found = list(_matching(project, name))
    if not found:
        raise _missing(project, text)
    real = [each for each in found if _kind(project, each) not in VARIABLES] or found
    return sorted(set(real), key=lambda each: place(project, each))


def documents(project: Project, path: str) -> Sequence[int]:
    """The documents at a path, or the one with that id. Raises NotFoundError."""
    found = documents_at(project, path)
    if not found:
        near = difflib.get_close_matches(normal(path), _paths_named(project, path), _NEAR, 0.5)
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


def _kind(project: Project, at: Key) -> str:
    return project.store.document(at[0]).code.declarations[at[1]].kind


def _missing(project: Project, text: str) -> NotFoundError:
    last = text.strip().rpartition(".")[2].rpartition(":")[2]
    names = dict.fromkeys(name for name, *_ in project.store.like(last, _LIKE))
    lower = {each.lower(): each for each in names}
    near = [lower[each] for each in difflib.get_close_matches(last.lower(), list(lower), _NEAR, 0.6)]
    return NotFoundError(f"{_empty(project)}no symbol {text!r} in project {project.name}{_hint(near)}")


def _empty(project: Project) -> str:
    return "" if project.layout.documents else f"project {project.name} has no documents; "


def _hint(near: Sequence[str]) -> str:
    return f"; near: {', '.join(near)}" if near else ""


def _paths_named(project: Project, path: str) -> list[str]:
    name = PurePosixPath(normal(path)).name[:3].lower()
    return [
        each.path
        for each in project.layout.documents.values()
        if PurePosixPath(each.path).name.lower().startswith(name)
    ]
