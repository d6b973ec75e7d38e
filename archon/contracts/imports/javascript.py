"""In: imports of JavaScript and TypeScript. Out: places of relative imports; a bare name means an installed
package.

Follows the resolution of files and directories in Node and TypeScript, within the project.
"""

import posixpath
import re
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Final

from archon.contracts.imports.family import Found, Sought

_EXTENSION: Final = re.compile(r"(\.d)?\.([mc]?[jt]s|[jt]sx)$")


_ORDER: Final = (".ts", ".tsx", ".mts", ".cts", ".js", ".mjs", ".cjs", ".jsx")


def _rank(path: str) -> tuple[bool, bool, int]:
    suffix = PurePosixPath(path).suffix
    index = PurePosixPath(_EXTENSION.sub("", path)).name == "index"
    return index, path.endswith(f".d{suffix}"), _ORDER.index(suffix) if suffix in _ORDER else len(_ORDER)


class JavaScript:
    name = "javascript"

    def place(self, path: str) -> str:
        stem = PurePosixPath(_EXTENSION.sub("", path))
        return str(stem.parent if stem.name == "index" else stem)

    def module(self, path: str, target: str) -> str:
        """A relative import becomes `./` and its place."""
        if not target.startswith("."):
            return target
        found = posixpath.normpath(posixpath.join(posixpath.dirname(path), target))
        return target if found.startswith("..") else f"./{self.place(found)}"

    def sought(self, module: str, names: Sequence[str]) -> list[Sought]:
        return [Sought(module.removeprefix("./"))] if module.startswith("./") else []

    def aliases(self, path: str) -> set[str]:
        return {f"./{self.place(path)}"}

    def pick(self, paths: Sequence[str]) -> Sequence[str]:
        """A file takes precedence over a directory's index, and a source over its compiled output."""
        return [min(paths, key=_rank)]

    def choose(self, found: Found) -> str | None:
        return next(iter(found.prefixes), None)
