"""In: Go imports. Out: directories of packages below a go.mod of the project (Go Modules Reference)."""

import posixpath
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

from archon.contracts.imports.family import Found, Sought


class Go:
    """`roots`: the directories of the project's modules, by module name."""

    name = "go"

    def __init__(self, roots: Mapping[str, str]) -> None:
        self._roots = roots

    def place(self, path: str) -> str:
        """Test files belong to no importable package."""
        return path.removesuffix(".go") if path.endswith("_test.go") else str(PurePosixPath(path).parent)

    def module(self, path: str, target: str) -> str:
        return target

    def sought(self, module: str, names: Sequence[str]) -> list[Sought]:
        """The package's directory, below the module with the longest matching name."""
        within = [root for root in self._roots if module == root or module.startswith(f"{root}/")]
        if not within:
            return []
        root = max(within, key=len)
        return [
            Sought(posixpath.normpath(posixpath.join(self._roots[root], module[len(root) :].lstrip("/"))))
        ]

    def aliases(self, path: str) -> set[str]:
        place = self.place(path)
        return {
            posixpath.normpath(posixpath.join(root, posixpath.relpath(place, directory)))
            for root, directory in self._roots.items()
            if directory in {".", place} or place.startswith(f"{directory}/")
        }

    def pick(self, paths: Sequence[str]) -> Sequence[str]:
        return paths

    def choose(self, found: Found) -> str | None:
        return next(iter(found.prefixes), None)
