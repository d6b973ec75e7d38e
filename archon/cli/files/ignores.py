"""In: git's ignore files. Out: the paths that git would ignore, without git.

Precedence as in gitignore(5): the nearest .gitignore with a matching rule, then info/exclude, then the file
in core.excludesFile.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from archon.cli.files import checkouts
from archon.cli.files.patterns import Patterns

_SECTION: Final = re.compile(r"\s*\[\s*([^\]\s]*)\s*\]\s*")
_NAMED: Final = re.compile(
    r'\s*excludesfile\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^#;"]*?))\s*(?:[#;].*)?', re.IGNORECASE
)


class Ignores:
    """The rules below `top`. A directory's own rules are known after `enter`."""

    def __init__(self, top: Path, *, is_checkout: bool) -> None:
        self._top = top
        self._nested: dict[Path, Patterns] = {}
        self._general = list(_general(top)) if is_checkout else []

    def enter(self, directory: Path) -> None:
        """Reads the directory's .gitignore. Like git, ignores it if it is a symbolic link."""
        file = directory / ".gitignore"
        if os.path.isfile(file) and not os.path.islink(file) and (patterns := _patterns(file)):
            self._nested[directory] = patterns

    def ignored_above(self, root: Path) -> bool:
        """Enters each directory from the top to `root`; whether git ignores one of them."""
        self.enter(self._top)
        for each in [*reversed(root.parents), root]:
            if each != self._top and each.is_relative_to(self._top):
                if self.ignores(each, is_directory=True):
                    return True
                self.enter(each)
        return False

    def ignores(self, path: Path, *, is_directory: bool) -> bool:
        """Whether git would ignore it, given that its directory is not ignored."""
        for base, patterns in self._nearest_first(path):
            name = os.fsencode(path.relative_to(base))
            if (verdict := patterns.verdict(name, is_directory=is_directory)) is not None:
                return verdict
        return False

    def _nearest_first(self, path: Path) -> Iterator[tuple[Path, Patterns]]:
        if self._nested:
            for parent in path.parents:
                if parent in self._nested:
                    yield parent, self._nested[parent]
                if parent == self._top:
                    break
        for patterns in self._general:
            yield self._top, patterns


def _general(top: Path) -> Iterator[Patterns]:
    """The rules of the repository and of the user, in order of precedence."""
    git = checkouts.git_directory(top)
    common = checkouts.common_directory(git) if git else top / ".git"
    for file in (common / "info" / "exclude", top / _excludes_file(common)):
        if patterns := _patterns(file):
            yield patterns


def _excludes_file(common: Path) -> Path:
    """The file in core.excludesFile, or git's default."""
    home = Path(os.path.expanduser("~"))
    own = Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config") / "git"
    chosen = os.environ.get("GIT_CONFIG_GLOBAL")
    users = [Path(chosen)] if chosen is not None else [own / "config", home / ".gitconfig"]
    named = [each for file in (Path("/etc/gitconfig"), *users, common / "config") for each in _named(file)]
    last = named[-1] if named else str(own / "ignore")
    return home / last[2:] if last.startswith("~/") else Path(last)


def _named(config: Path) -> Iterator[str]:
    """Each core.excludesFile in a file in the format of git-config(1)."""
    try:
        lines = os.fsdecode(config.read_bytes()).splitlines()
    except OSError:
        return
    section = ""
    for line in lines:
        if found := _SECTION.match(line):
            section, line = found[1].lower(), line[found.end() :]  # noqa: PLW2901
        if section == "core" and (value := _NAMED.fullmatch(line)):
            yield re.sub(r"\\(.)", r"\1", value[1]) if value[1] else value[2] or os.devnull


def _patterns(file: Path) -> Patterns | None:
    """None if the file cannot be read."""
    try:
        return Patterns(file.read_bytes()) or None
    except OSError:
        return None
