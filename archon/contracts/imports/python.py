"""In: Python imports. Out: places of modules and packages (Python language reference, "The import
system")."""

import posixpath
import sys
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Final

from archon.contracts.imports.family import Found, Sought, tails, without_suffix

_SOURCE_ROOTS: Final = frozenset({"src", "lib", "python"})
"""Directories that projects commonly have on the search path."""


class Python:
    name = "python"

    def place(self, path: str) -> str:
        file = PurePosixPath(path)
        return str(file.parent) if file.stem == "__init__" else without_suffix(path)

    def module(self, path: str, target: str) -> str:
        """A relative import by its name from the project's root; `.` is the root itself."""
        rest = target.lstrip(".")
        level = len(target) - len(rest)
        if level == 0:
            return target
        directories = PurePosixPath(path).parent.parts
        if level - 1 > len(directories):
            return target
        above = directories[: len(directories) - level + 1]
        return ".".join([*above, rest] if rest else above) or "."

    def sought(self, module: str, names: Sequence[str]) -> list[Sought]:
        """The module, and the submodules that `names` may mean."""
        base = module.replace(".", "/") if module != "." else "."
        below = [name if base == "." else f"{base}/{name}" for name in names if name.isidentifier()]
        return [Sought(place, anywhere=True) for place in (base, *below)]

    def aliases(self, path: str) -> set[str]:
        modules = tails(self.place(path), ".")
        # `from a import b` may mean the module `a.b`.
        parents = {module.rpartition(".")[0] for module in modules}
        return {*modules, *parents, "."} - {""}

    def pick(self, paths: Sequence[str]) -> Sequence[str]:
        """A package takes precedence over a module of the same name; stubs belong to both."""
        packages = [path for path in paths if PurePosixPath(path).stem == "__init__"]
        return packages or paths

    def choose(self, found: Found) -> str | None:
        """A directory above the importer, a common source root, or the only candidate."""
        top, _, below = found.sought.place.partition("/")
        directory = posixpath.dirname(found.importer) or "."
        searched = found.prefixes
        if top in sys.stdlib_module_names:
            searched = searched & {".", directory}
        for group in (
            [each for each in searched if each == "." or f"{directory}/".startswith(f"{each}/")],
            [each for each in searched if each.rpartition("/")[2] in _SOURCE_ROOTS],
            searched if below and len(searched) == 1 else [],
        ):
            if group:
                return max(group, key=lambda prefix: (prefix != ".", len(prefix), prefix))
        return None
