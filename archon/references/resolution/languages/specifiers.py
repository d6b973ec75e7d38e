"""In: what JavaScript and TypeScript documents import from. Out: places in the project.

Follows Node's resolution of packages (`exports`, `imports`, workspaces, the package's own name) and
TypeScript's of `paths` and `baseUrl`; where a package points to what its build makes, the source of that
is meant.
"""

import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any, Final

from archon.contracts.imports.javascript import JavaScript
from archon.references.index.document import Document
from archon.references.index.layout import Layout
from archon.references.resolution.memo import Memo

FAMILY: Final = "javascript"
_PATHS: Final = JavaScript()
_BUILT: Final = re.compile(
    r"^(?:\./)?(?:dist|build|lib|out|esm|es|cjs|types|typings)(?:/(?:esm|es|cjs|types|src))?/"
)
_MAIN: Final = ("source", "module", "main", "types", "typings", "browser")
_MOST_EXTENDS: Final = 10
_MOST_LEVELS: Final = 10
"""Nested conditions of `exports`; packages have three or four."""
_OWN_ROOT: Final = ("@/", "~/", "~~/")
"""What bundlers' configurations, which are programs, usually call a package's source."""


class Specifiers:
    """Resolves specifiers along the documents of `layout`."""

    def __init__(self, layout: Layout, memo: Memo) -> None:
        self._layout = layout
        self._memo = memo

    def place(self, document: Document, specifier: str) -> str | None:
        """The place of the module; None if the project has none."""
        directory = posixpath.dirname(document.path)
        key = "place", FAMILY, directory, specifier
        return self._memo.get(key, lambda: next(self._places(directory, specifier), None), None)

    def _places(self, directory: str, specifier: str) -> Iterator[str]:
        if specifier.startswith("."):
            yield from self._at(posixpath.join(directory, specifier))
            return
        yield from self._by_config(directory, specifier)
        yield from self._by_package(directory, specifier)
        if specifier.startswith(_OWN_ROOT):
            rest = specifier.partition("/")[2]
            for above in _above(directory):
                yield from self._at(posixpath.join(above, "src", rest))
                yield from self._at(posixpath.join(above, rest))

    def _at(self, path: str) -> Iterator[str]:
        """The place at a path, if there are documents."""
        normal = posixpath.normpath(path)
        if normal.startswith(".."):
            return
        for place in (_PATHS.place(normal), normal):
            if self._layout.at_place(FAMILY, place):
                yield place

    def _by_config(self, directory: str, specifier: str) -> Iterator[str]:
        configs = self._configs()
        for above in _above(directory):
            for path in configs.get(above, ()):
                paths, base = self._options(path)
                for root, pattern, targets in sorted(paths, key=lambda each: -len(each[1].partition("*")[0])):
                    if (star := _matched(pattern, specifier)) is not None:
                        for target in targets:
                            yield from self._at(posixpath.join(root, target.replace("*", star, 1)))
                if base is not None:
                    yield from self._at(posixpath.join(base, specifier))

    def _configs(self) -> Mapping[str, Sequence[str]]:
        """The paths of configuration files by directory, `tsconfig.json` first."""
        return self._memo.get(("configs",), self._listed_configs, {})

    def _listed_configs(self) -> Mapping[str, Sequence[str]]:
        found: dict[str, list[str]] = {}
        for number, _ in self._layout.settings_of("tsconfig"):
            path = self._layout.stored(number).path
            found.setdefault(posixpath.dirname(path), []).append(path)
        return {key: sorted(each, key=lambda path: (len(path), path)) for key, each in found.items()}

    def _options(self, path: str) -> tuple[list[tuple[str, str, Sequence[str]]], str | None]:
        """`paths`, each with the directory that it counts from, and `baseUrl`, of a configuration or
        of those that it extends."""
        key = "options", path
        return self._memo.get(key, lambda: self._read_options(path), ([], None))

    def _read_options(self, path: str) -> tuple[list[tuple[str, str, Sequence[str]]], str | None]:
        paths: list[tuple[str, str, Sequence[str]]] = []
        base: str | None = None
        for number in self._layout.at_path(path):
            config = dict(self._layout.settings_of("tsconfig")).get(number, {})
            directory = posixpath.dirname(path)
            for each in _strings(config.get("extends")):
                paths, base = self._extended(directory, each)
            options = {**config, **_mapping(config.get("compilerOptions"))}
            if isinstance(url := options.get("baseUrl"), str):
                base = posixpath.normpath(posixpath.join(directory, url))
            if own := _mapping(options.get("paths")):
                root = base if base is not None else directory
                paths = [(root, pattern, _strings(targets)) for pattern, targets in own.items()]
        return paths, base

    def _extended(self, directory: str, name: str) -> tuple[list[tuple[str, str, Sequence[str]]], str | None]:
        if name.startswith("."):
            path = posixpath.normpath(posixpath.join(directory, name))
            for each in (path, f"{path}.json", f"{path}/tsconfig.json"):
                if self._layout.at_path(each):
                    return self._options(each)
        for root, rest, _ in self._packages_named(name):
            for each in (posixpath.join(root, rest), posixpath.join(root, rest, "tsconfig.json")):
                if self._layout.at_path(each):
                    return self._options(each)
        return [], None

    def _by_package(self, directory: str, specifier: str) -> Iterator[str]:
        if specifier.startswith("#"):
            for root, package in self._packages_above(directory):
                for target in _exported(_mapping(package.get("imports")), specifier):
                    yield from self._file(root, target)
            return
        for root, rest, package in self._packages_named(specifier):
            yield from self._of_package(root, rest, package)

    def _of_package(self, root: str, rest: str, package: Mapping[str, Any]) -> Iterator[str]:
        exports = package.get("exports")
        table = exports if _has_paths(exports) else {".": exports}
        for target in _exported(table, f"./{rest}" if rest else "."):
            yield from self._file(root, target)
        if rest:
            yield from self._file(root, rest)
            yield from self._file(root, f"src/{rest}")
            return
        for each in _strings([package.get(field) for field in _MAIN]):
            yield from self._file(root, each)
        for each in ("src", "lib", ".", "src/main", "src/index"):
            yield from self._at(posixpath.join(root, each))

    def _file(self, root: str, path: str) -> Iterator[str]:
        """A file of a package, or the source that it is built from."""
        yield from self._at(posixpath.join(root, path))
        if (source := _BUILT.sub("src/", path, count=1)) != path:
            yield from self._at(posixpath.join(root, source))
            yield from self._at(posixpath.join(root, source.removeprefix("src/")))

    def _packages_above(self, directory: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
        packages = self._packages()
        for above in _above(directory):
            if above in packages:
                yield above, packages[above]

    def _packages_named(self, specifier: str) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
        """Directories of packages whose name the specifier begins with, the rest, and the package."""
        parts = specifier.split("/")
        size = 2 if specifier.startswith("@") else 1
        name = "/".join(parts[:size])
        for root, package in self._packages().items():
            if package.get("name") == name:
                yield root, "/".join(parts[size:]), package

    def _packages(self) -> Mapping[str, Mapping[str, Any]]:
        return self._memo.get(("packages",), self._listed_packages, {})

    def _listed_packages(self) -> Mapping[str, Mapping[str, Any]]:
        settings = self._layout.settings_of("package")
        found = {posixpath.dirname(self._layout.stored(each).path): value for each, value in settings}
        return dict(sorted(found.items()))


def _above(directory: str) -> Sequence[str]:
    """The directory and those above it, from the inside out; the root is empty."""
    return (
        []
        if directory == ".."
        else [str(each) if str(each) != "." else "" for each in _with_parents(directory)]
    )


def _with_parents(directory: str) -> Sequence[PurePosixPath]:
    path = PurePosixPath(directory)
    return [path, *path.parents]


def _matched(pattern: str, specifier: str) -> str | None:
    """The part that the `*` of a pattern stands for; None if the pattern does not match."""
    before, star, after = pattern.partition("*")
    if not star:
        return "" if pattern == specifier else None
    if len(specifier) < len(before) + len(after):
        return None
    if specifier.startswith(before) and specifier.endswith(after):
        return specifier[len(before) : len(specifier) - len(after)]
    return None


def _exported(table: Any, subpath: str) -> Iterator[str]:
    """The files that a table of `exports` or `imports` has for a subpath, of all conditions."""
    entries = _mapping(table)
    for pattern in sorted(entries, key=lambda each: -len(each.partition("*")[0])):
        if (star := _matched(pattern, subpath)) is not None:
            for each in _strings(entries[pattern]):
                yield each.replace("*", star)


def _has_paths(exports: Any) -> bool:
    return isinstance(exports, dict) and any(str(each).startswith(".") for each in exports)


def _strings(value: Any) -> Sequence[str]:
    """All strings in nested lists and mappings, in order; what is nested deeper is left out."""
    found: list[str] = []
    left = [(value, 0)]
    while left:
        each, depth = left.pop()
        if isinstance(each, str):
            found.append(each)
        elif isinstance(each, dict | list) and depth < _MOST_LEVELS:
            inner = each.values() if isinstance(each, dict) else each
            left += reversed([(one, depth + 1) for one in inner])
    return found


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
