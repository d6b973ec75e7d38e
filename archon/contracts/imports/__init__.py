"""In: a language. Out: how its imports lead to documents of the same project, by their paths alone.

Documents whose module is the same lie at one place: `a/b.py` and `a/b/__init__.py` at `a/b`, every file of a
Go package at its directory. An import seeks places; its module's name says which, whoever imports it.
"""

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Final

from archon.contracts.imports import go, java, javascript, python
from archon.contracts.imports.family import Family

ROOTS: Final = "gomod"
"""The language of the files that name the modules of Go which a project holds."""
_FAMILIES: Final[Mapping[str, Family]] = {
    "python": python.Python(),
    **dict.fromkeys(("javascript", "typescript", "tsx"), javascript.JavaScript()),
    "go": go.Go({}),
    "java": java.Java(),
}


def family_of(language: str | None) -> Family | None:
    """None for a language whose imports are not led anywhere."""
    return _FAMILIES.get(language or "")


def go_family(roots: Mapping[str, str]) -> Family:
    """Of a project that holds modules of Go; their directories by name."""
    return go.Go(roots)


def import_key(project: str, file_path: str, language: str | None) -> str | None:
    """By which a document is found as one that an import may mean, None where none can."""
    family = family_of(language)
    if family is not None:
        return place_key(project, family, family.place(normal(file_path)))
    return roots_key(project) if language == ROOTS else None


def place_key(project: str, family: Family, place: str) -> str:
    """Of the documents at places that end like this one."""
    return f"{project}/{family.name}:{PurePosixPath(place).name or '.'}"


def roots_key(project: str) -> str:
    """Of the files that name a project's Go modules."""
    return f"{project}/{ROOTS}:"


def normal(file_path: str) -> str:
    """A path below the project's root, its parts parted by `/`."""
    return str(PurePosixPath(file_path.replace("\\", "/"))).lstrip("/")
