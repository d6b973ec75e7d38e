"""In: a directory. Out: its text files, read when they are asked for; what was skipped, and why."""

import os
import re
import stat
import subprocess
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from pathspec import GitIgnoreSpec

from archon.cli.decoding import decoded
from archon.contracts.errors import InvalidInputError

MAX_BYTES: Final = 1_000_000
_NEVER: Final = frozenset({".git", ".hg", ".svn", "__pycache__", "node_modules", ".venv", ".archon"})


@dataclass(frozen=True)
class SourceFile:
    """A file to ingest; `path` is relative to the root, with forward slashes; `size` is in bytes."""

    path: str
    text: str
    size: int
    modified: datetime
    encoding: str = "utf-8"
    guessed: bool = False
    """Whether nothing in the file tells its encoding."""


@dataclass
class Walk:
    """Walks `root`, or takes it alone when it is a file, in a stable order. Follows no symbolic links.

    Iterating holds one text at a time. `include` and `exclude` are in the manner of .gitignore and relative
    to `root`; nothing to include is everything; an excluded directory is not entered, and counted once.
    Raises InvalidInputError for a malformed one.
    """

    root: Path
    max_bytes: int = MAX_BYTES
    include: Sequence[str] = ()
    exclude: Sequence[str] = ()
    skipped: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._included = _globs("--include", self.include or ["*"])
        self._excluded = _globs("--exclude", self.exclude)

    def __iter__(self) -> Iterator[SourceFile]:
        return (file for path in self.names() if (file := self.read(path)) is not None)

    def count(self) -> int:
        """How many names there are; some of them may not be text. Counts nothing as skipped."""
        return sum(1 for _ in replace(self, skipped=Counter()).names())

    def names(self) -> Iterator[Path]:
        """The files to read, by their names alone."""
        if not self.root.is_dir():
            yield self.root
            return
        specs: dict[Path, GitIgnoreSpec] = {}
        for directory, subdirectories, files in os.walk(self.root, onerror=self._on_unreadable):
            here = Path(directory)
            if ".gitignore" in files and (here / ".gitignore").is_file():
                specs[here] = _gitignore(here / ".gitignore")
            subdirectories[:] = [name for name in sorted(subdirectories) if self._entered(here / name, specs)]
            for name in sorted(files):
                if reason := self._unwanted(here / name, specs):
                    self.skipped[reason] += 1
                else:
                    yield here / name

    def read(self, path: Path) -> SourceFile | None:
        """The file, or None, counted as skipped, where it is no text that can be ingested."""
        try:
            found = path.lstat()
            if not stat.S_ISREG(found.st_mode):
                self.skipped["not a regular file"] += 1
                return None
            with path.open("rb") as file:
                data = file.read(self.max_bytes + 1)
        except OSError:
            self.skipped["unreadable"] += 1
            return None
        if len(data) > self.max_bytes:
            self.skipped["too large"] += 1
            return None
        if (content := decoded(data)) is None:
            self.skipped["binary"] += 1
            return None
        modified = datetime.fromtimestamp(found.st_mtime, UTC)
        return SourceFile(
            self._relative(path), content.text, len(data), modified, content.encoding, content.guessed
        )

    def _on_unreadable(self, _: OSError) -> None:
        self.skipped["unreadable directory"] += 1

    def _entered(self, path: Path, specs: dict[Path, GitIgnoreSpec]) -> bool:
        if path.name in _NEVER or self._ignored(path, specs, "/"):
            return False
        excluded = bool(self._excluded.check_file(self._relative(path) + "/").include)
        self.skipped.update({"excluded directory": 1} if excluded else {})
        return not excluded

    def _unwanted(self, path: Path, specs: dict[Path, GitIgnoreSpec]) -> str | None:
        name = self._relative(path)
        if not _is_unicode(name):
            return "name is not UTF-8"
        if not name.strip():
            return "name is blank"
        if self._ignored(path, specs, ""):
            return "ignored"
        if self._excluded.check_file(name).include:
            return "excluded"
        return None if self._included.check_file(name).include else "not included"

    def _ignored(self, path: Path, specs: dict[Path, GitIgnoreSpec], suffix: str) -> bool:
        """The nearest .gitignore that has an opinion decides, as git has it."""
        if not specs:
            return False
        for parent in path.parents:
            if parent in specs:
                verdict = specs[parent].check_file(path.relative_to(parent).as_posix() + suffix).include
                if verdict is not None:
                    return verdict
            if parent == self.root:
                break
        return False

    def _relative(self, path: Path) -> str:
        return path.name if path == self.root else path.relative_to(self.root).as_posix()


def is_gone(root: Path, relative: str) -> bool:
    """Whether the file that an ingest of `root` named so is no longer there; of what cannot be told, not."""
    named = Path(relative)
    if named.is_absolute() or ".." in named.parts:
        return False
    try:
        (root / named).lstat()
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False
    return False


def git_commit(path: Path) -> str | None:
    """The commit that is checked out where `path` is; None without git, or outside of its work trees."""
    command = ("git", "-C", str(path if path.is_dir() else path.parent), "rev-parse", "--verify", "HEAD")
    try:
        asked = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:
        return None
    return asked.stdout.strip() if asked.returncode == 0 else None


def _gitignore(file: Path) -> GitIgnoreSpec:
    """Its patterns, without those that are malformed: git ignores nothing by them either."""
    try:
        lines = file.read_text(errors="replace").split("\n")
    except OSError:
        return GitIgnoreSpec.from_lines([])
    return GitIgnoreSpec.from_lines([line for line in lines if _is_pattern(line)])


def _is_pattern(line: str) -> bool:
    try:
        GitIgnoreSpec.from_lines([line])
    except (ValueError, re.error):
        return False
    return True


def _globs(field: str, lines: Sequence[str]) -> GitIgnoreSpec:
    try:
        return GitIgnoreSpec.from_lines(lines)
    except (ValueError, re.error) as error:
        raise InvalidInputError(field, str(error)) from error


def _is_unicode(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
