"""In: a language. Out: the rules by which its imports resolve to documents of the same project, from paths
only.

Documents of the same module share a place: `a/b.py` and `a/b/__init__.py` have the place `a/b`, all files of
a Go package have their directory. An import seeks places. Its module name determines them, independent of the
importer.
"""

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Final

from archon.contracts.imports import go, java, javascript, python
from archon.contracts.imports.family import Family

ROOTS: Final = "gomod"
"""The language of go.mod files, which name the Go modules of a project."""
_FAMILIES: Final[Mapping[str, Family]] = {
    "python": python.Python(),
    **dict.fromkeys(("javascript", "typescript", "tsx"), javascript.JavaScript()),
    "go": go.Go({}),
    "java": java.Java(),
}


def family_of(language: str | None) -> Family | None:
    """The import rules of a language; None if its imports are not resolved."""
    return _FAMILIES.get(language or "")


def go_family(roots: Mapping[str, str]) -> Family:
    """Import rules for a project with Go modules; `roots`: their directories by module name."""
    return go.Go(roots)


def import_key(project: str, file_path: str, language: str | None) -> str | None:
    """The key under which imports find the document; None if no import can mean it."""
    family = family_of(language)
    if family is not None:
        return place_key(project, family, family.place(normal(file_path)))
    return roots_key(project) if language == ROOTS else None


def place_key(project: str, family: Family, place: str) -> str:
    """The key of all documents whose place ends with the same name."""
    return f"{project}/{family.name}:{PurePosixPath(place).name or '.'}"


def roots_key(project: str) -> str:
    """The key of the files that name a project's Go modules."""
    return f"{project}/{ROOTS}:"


def normal(file_path: str) -> str:
    """A path below the project's root, with `/` as separator."""
    return str(PurePosixPath(file_path.replace("\\", "/"))).lstrip("/")
