"""In: a directory or a file. Out: the files that git would list, by git or, without git, by our own reader.

A tree outside every repository is read here, with git for the checkouts in it, one for each repository.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from archon.cli.files import checkouts, git
from archon.cli.files.git import Listing
from archon.cli.files.ignores import Ignores

_NEVER: Final = frozenset({".hg", ".svn", "__pycache__", "node_modules", ".venv"})
"""Directories of tools, skipped where no repository defines the tracked files."""

Enter = Callable[[str], bool]
"""Whether to enter a directory, by its path relative to the root."""


def listed(root: Path, enter: Enter) -> Listing:
    """The files at or below `root`. Raises git.InsideGitDirectoryError if no file belongs to a work tree."""
    try:
        return git.listing(root)
    except git.InsideGitDirectoryError:
        raise
    except git.NoWorkTreeError:
        return read(root, enter)
    except git.GitError as error:
        return read(root, enter, str(error))


def read(root: Path, enter: Enter, why: str | None = None) -> Listing:
    """The same without git. `why` git failed is recorded if the root is in a work tree."""
    directory = root if root.is_dir() else root.parent
    if checkouts.is_inside_git_directory(directory):
        raise git.InsideGitDirectoryError(f"{root} is in a git directory, not in a work tree")
    top = checkouts.top_of(directory)
    reader = _Reader(root, enter, Ignores(top or root, is_checkout=top is not None), in_checkout=bool(top))
    reader.found.without_git = why if top else None
    if top and reader.ignores.ignored_above(directory):
        reader.found.skipped.append(("./" if root.is_dir() else root.name, git.IGNORED_DIRECTORY))
    elif not root.is_dir():
        reader.take(root)
    else:
        reader.run()
    return reader.found


@dataclass
class _Reader:
    root: Path
    enter: Enter
    ignores: Ignores
    in_checkout: bool
    found: Listing = field(default_factory=Listing)

    def __post_init__(self) -> None:
        self._repositories: set[Path] = set()
        self._held: list[tuple[str, list[str]]] = []
        """Each entered directory and its entries."""

    def run(self) -> None:
        left = [self.root]
        while left:  # os.walk recurses, and directories may be nested deeper than Python's limit
            here = left.pop()
            try:
                with os.scandir(here) as entries:
                    found = sorted((entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries)
            except OSError:
                name = "." if here == self.root else self._relative(here)
                self.found.skipped.append((f"{name}/", git.UNREADABLE_DIRECTORY))
                continue
            self.ignores.enter(here)
            if here != self.root and found:
                held = [self._relative(here / name) + "/" * is_directory for name, is_directory in found]
                self._held.append((self._relative(here) + "/", held))
            for name in (name for name, is_directory in found if not is_directory):
                self.take(here / name)
            inner = [here / name for name, is_directory in found if is_directory]
            left += reversed([each for each in inner if self._entered(each)])
        self._name_once()

    def _name_once(self) -> None:
        """If everything in a directory is ignored, lists the directory instead of its contents, like git."""
        found = dict(self.found.skipped)
        for directory, held in reversed(self._held):  # contents of a directory come after the directory
            if all(found.get(each) in {git.IGNORED, git.IGNORED_DIRECTORY} for each in held):
                for each in held:
                    del found[each]
                found[directory] = git.IGNORED_DIRECTORY
        self.found.skipped = list(found.items())

    def take(self, path: Path) -> None:
        if path.name == ".git":
            return
        if self.ignores.ignores(path, is_directory=False):
            self.found.skipped.append((self._relative(path), git.IGNORED))
        else:
            self.found.files.append(self._relative(path))

    def _entered(self, path: Path) -> bool:
        if path.name == ".git":
            return False
        name = self._relative(path) + "/"
        if reason := self._unwanted(path):
            self.found.skipped.append((name, reason))
            return False
        return self.enter(name) and not self._is_foreign(path)

    def _unwanted(self, path: Path) -> str | None:
        if self.ignores.ignores(path, is_directory=True):
            return git.IGNORED_DIRECTORY
        if self.in_checkout:
            return None
        if checkouts.is_git_directory(path):
            return git.GIT_DIRECTORY
        return "directory of a tool" if path.name in _NEVER else None

    def _is_foreign(self, path: Path) -> bool:
        """Whether it is another checkout. Outside every repository it is listed by its own rules."""
        directory = checkouts.git_directory(path)
        if directory is None:
            return False
        name = self._relative(path)
        if self.in_checkout or not self._is_first(path, checkouts.common_directory(directory)):
            self.found.skipped.append((name + "/", git.ANOTHER_CHECKOUT))
            return True
        try:
            inner = listed(path, lambda each: self.enter(f"{name}/{each}"))
        except git.InsideGitDirectoryError:  # its configuration says that it is bare
            self.found.skipped.append((name + "/", git.GIT_DIRECTORY))
            return True
        self.found.files += [f"{name}/{each}" for each in inner.files]
        self.found.skipped += [(_within(name, each), reason) for each, reason in inner.skipped]
        self.found.without_git = self.found.without_git or inner.without_git
        return True

    def _is_first(self, top: Path, common: Path) -> bool:
        """Of several work trees of one repository only one is listed: the main one, if present."""
        main = common.parent
        is_elsewhere_here = main != top and common.name == ".git" and main.is_relative_to(self.root)
        if is_elsewhere_here or common in self._repositories:
            return False
        self._repositories.add(common)
        return True

    def _relative(self, path: Path) -> str:
        return path.name if path == self.root else path.relative_to(self.root).as_posix()


def _within(directory: str, path: str) -> str:
    return f"{directory}/" if path == "./" else f"{directory}/{path}"
