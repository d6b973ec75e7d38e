"""In: a directory. Out: its text files, read on demand; the skipped ones, with reasons."""

import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import BinaryIO, Final

from archon.cli.files import git, tree
from archon.cli.files.confidential import secret_in
from archon.cli.files.decoding import decoded
from archon.cli.files.globs import Globs, directory_of
from archon.cli.files.skipped import Skipped
from archon.contracts import identity
from archon.contracts.errors import InvalidInputError
from archon.contracts.text import notebooks

MAX_BYTES: Final = 1_000_000
HELD_BACK: Final = "holds a secret"
_CHUNK: Final = 1 << 20
_WITH_OUTPUTS: Final = 50
"""A notebook with outputs may exceed the size limit by this factor."""
_OPEN: Final = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
"""If a file has become a link or a pipe since the check, it is neither followed nor waited for."""


@dataclass(frozen=True)
class SourceFile:
    """A file to ingest; `path` is relative to the root, with forward slashes; `size` is in bytes.

    `modified` is None if the file system's time is outside the years 1 to 9999.
    """

    path: str
    text: str
    size: int
    modified: datetime | None
    encoding: str = "utf-8"
    guessed: bool = False
    """Whether the file does not declare its encoding."""


@dataclass
class Walk:
    """Walks `root`, or takes it alone if it is a file, in a stable order. Follows no symbolic links.

    Paths that git ignores are never taken. Iterating holds one text at a time. `include` and `exclude` follow
    .gitignore and are relative to `root`; without `include` everything is taken; an excluded directory is
    listed once. Raises InvalidInputError for a malformed pattern, and for a root in a git directory.
    """

    root: Path
    max_bytes: int = MAX_BYTES
    include: Sequence[str] = ()
    exclude: Sequence[str] = ()
    include_secrets: bool = False
    skipped: Skipped = field(default_factory=Skipped)

    def __post_init__(self) -> None:
        self._globs = Globs(self.include, self.exclude, self.skipped)
        self._without_git: str | None = None
        self._links: dict[tuple[str, ...], bool] = {}

    def __iter__(self) -> Iterator[SourceFile]:
        return (file for path in self.names if (file := self.read(path)) is not None)

    @cached_property
    def names(self) -> Sequence[Path]:
        """The files to read, by name only; some may turn out not to be text."""
        try:
            found = tree.listed(self.root, self._globs.enter)
        except git.InsideGitDirectoryError as error:
            raise InvalidInputError("PATH", str(error)) from error
        self._without_git = found.without_git
        for path, reason in found.skipped:
            if self._globs.enter(directory_of(path)):
                self.skipped.add(path, reason)
        base = self.root if self.root.is_dir() else self.root.parent
        return [base / path for path in found.files if self._globs.take(path)]

    @property
    def without_git(self) -> str | None:
        """Why git was not used for the names although it should have been."""
        _ = self.names
        return self._without_git

    @property
    def held_back(self) -> list[str]:
        """Files with secrets among those that were read."""
        return [path for path, reason in self.skipped.entries if reason.startswith(HELD_BACK)]

    def read(self, path: Path) -> SourceFile | None:
        """The file; None, and recorded as skipped, if it is not ingestible text."""
        found = self._read(path)
        if isinstance(found, SourceFile):
            return found
        self.skipped.add(self._relative(path), found)
        return None

    def _read(self, path: Path) -> SourceFile | str:  # noqa: PLR0911
        """The file, or the reason for skipping it."""
        try:
            if self._is_behind_link(path.parent):
                return "behind a symbolic link"
            mode = path.lstat().st_mode
            if not stat.S_ISREG(mode):
                return "symbolic link" if stat.S_ISLNK(mode) else "not a regular file"
            with os.fdopen(os.open(path, _OPEN), "rb", buffering=0) as file:
                found = os.fstat(file.fileno())
                data = b"".join(_chunks(file, self._most(path) + 1))
        except (FileNotFoundError, NotADirectoryError):
            return "not in the work tree"
        except OSError:
            return "unreadable"
        if len(data) > self._most(path):
            return "too large"
        if (content := decoded(data)) is None:
            return "binary"
        name, text = self._relative(path), content.text
        if _is_notebook(path):
            text = notebooks.without_outputs(text)
            if len(text.encode()) > self.max_bytes:
                return "too large"
        if not self.include_secrets and (secret := secret_in(name, text)):
            return f"{HELD_BACK}: {secret}"
        modified = _moment(found.st_mtime)
        return SourceFile(name, text, len(data), modified, content.encoding, content.guessed)

    def _most(self, path: Path) -> int:
        """Maximum bytes to read: more for a notebook, because its outputs do not count."""
        return self.max_bytes * (_WITH_OUTPUTS if _is_notebook(path) else 1)

    def _is_behind_link(self, directory: Path) -> bool:
        """Whether a directory below the root is a symbolic link; a tracked directory may have become one."""
        within = directory.relative_to(self.root).parts if directory.is_relative_to(self.root) else ()
        if within not in self._links:
            above = (self.root.joinpath(*within[:depth]) for depth in range(1, len(within) + 1))
            self._links[within] = any(each.is_symlink() for each in above)
        return self._links[within]

    def _relative(self, path: Path) -> str:
        return path.name if path == self.root else path.relative_to(self.root).as_posix()


def is_gone(root: Path, relative: str) -> bool:
    """Whether the file that an ingest of `root` stored under this name no longer exists; False if unknown."""
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


def _is_notebook(path: Path) -> bool:
    return identity.language_of(path.name) == notebooks.LANGUAGE


def _chunks(file: BinaryIO, limit: int) -> Iterator[bytes]:
    """Up to `limit` bytes, even if the file is larger or grows."""
    while limit > 0 and (chunk := file.read(min(limit, _CHUNK))):
        yield chunk
        limit -= len(chunk)


def _moment(seconds: float) -> datetime | None:
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None
