"""In: paths and names of modules. Out: the port that a family of languages fills in."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Protocol


@dataclass(frozen=True)
class Sought:
    """A place that an import leads to; `anywhere`: below whichever directory the search path starts at."""

    place: str
    anywhere: bool = False

    def prefix_of(self, place: str) -> str | None:
        """The directory above the sought place if `place` is one; `.` is the project's root."""
        if place == self.place:
            return "."
        if self.anywhere and place.endswith(f"/{self.place}"):
            return place.removesuffix(f"/{self.place}")
        return None


@dataclass(frozen=True)
class Found:
    """What is sought by the document at `importer`, and the directories below which it is found; a directory
    that is a package of Python is none of them, as nothing is searched for there."""

    importer: str
    sought: Sought
    prefixes: frozenset[str]


class Family(Protocol):
    """Languages that import each other. Paths are relative to the project's root."""

    name: str

    def place(self, path: str) -> str:
        """Where the module of the document at `path` lies."""

    def module(self, path: str, target: str) -> str:
        """The name of the module that `target` means in the document at `path`, the same wherever it is
        imported from."""

    def sought(self, module: str, names: Sequence[str]) -> list[Sought]:
        """The places that an import of `names` from `module` leads to."""

    def aliases(self, path: str) -> set[str]:
        """The modules whose imports may lead to the document at `path`."""

    def pick(self, paths: Sequence[str]) -> Sequence[str]:
        """Of the documents at one place, in the order of their paths, those that are the module."""

    def choose(self, found: Found) -> str | None:
        """The directory that the importer means, None for none."""


def without_suffix(path: str) -> str:
    """`a/b.c` as `a/b`; a path that names no file, as `.`, stays."""
    file = PurePosixPath(path)
    return str(file.with_suffix("") if file.name else file)


def tails(place: str, separator: str) -> list[str]:
    """`a/b/c` as `a.b.c`, `b.c` and `c`."""
    parts = place.split("/")
    return [separator.join(parts[start:]) for start in range(len(parts))]


def common(one: str, other: str) -> int:
    """How many directories two paths share from the root on."""
    shared = 0
    for ours, theirs in zip(one.split("/"), other.split("/"), strict=False):
        if ours != theirs:
            break
        shared += 1
    return shared
