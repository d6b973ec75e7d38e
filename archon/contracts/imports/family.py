"""In: paths and module names. Out: the port that each family of languages implements."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Protocol


@dataclass(frozen=True)
class Sought:
    """A place that an import may resolve to; `anywhere`: below any directory of the search path."""

    place: str
    anywhere: bool = False

    def prefix_of(self, place: str) -> str | None:
        """The directory above the sought place if `place` matches it; `.` is the project's root."""
        if place == self.place:
            return "."
        if self.anywhere and place.endswith(f"/{self.place}"):
            return place.removesuffix(f"/{self.place}")
        return None


@dataclass(frozen=True)
class Found:
    """The sought places of the document at `importer`, and the directories in which they exist. Directories
    that are Python packages are left out, because the import system does not search them."""

    importer: str
    sought: Sought
    prefixes: frozenset[str]


class Family(Protocol):
    """Languages that import each other. Paths are relative to the project's root."""

    name: str

    def place(self, path: str) -> str:
        """The place of the module that the document at `path` belongs to."""

    def module(self, path: str, target: str) -> str:
        """The module that `target` means in the document at `path`, by a name that does not depend on the
        importer."""

    def sought(self, module: str, names: Sequence[str]) -> list[Sought]:
        """The places that an import of `names` from `module` may resolve to."""

    def aliases(self, path: str) -> set[str]:
        """The modules whose imports may resolve to the document at `path`."""

    def pick(self, paths: Sequence[str]) -> Sequence[str]:
        """The documents at one place that form the module. `paths` are sorted."""

    def choose(self, found: Found) -> str | None:
        """The directory that the importer means, or None."""


def without_suffix(path: str) -> str:
    """`a/b.c` becomes `a/b`; a path without a file name, such as `.`, stays unchanged."""
    file = PurePosixPath(path)
    return str(file.with_suffix("") if file.name else file)


def tails(place: str, separator: str) -> list[str]:
    """`a/b/c` becomes `a.b.c`, `b.c` and `c`."""
    parts = place.split("/")
    return [separator.join(parts[start:]) for start in range(len(parts))]


def common(one: str, other: str) -> int:
    """Number of directories that two paths share, counted from the root."""
    shared = 0
    for ours, theirs in zip(one.split("/"), other.split("/"), strict=False):
        if ours != theirs:
            break
        shared += 1
    return shared
