"""In: a directory. Out: its text files with their text, and a count of what was skipped and why."""

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from pathspec import GitIgnoreSpec

MAX_BYTES: Final = 1_000_000
_SNIFF_BYTES: Final = 8192
_NEVER: Final = frozenset({".git", ".hg", ".svn", "__pycache__", "node_modules", ".venv", ".archon"})


@dataclass(frozen=True)
class SourceFile:
    """A file to ingest; `path` is relative to the root, with forward slashes."""

    path: str
    text: str


@dataclass
class Walk:
    """Walks `root`, or takes it alone when it is a file, in a stable order. Follows no symbolic links."""

    root: Path
    max_bytes: int = MAX_BYTES
    skipped: Counter[str] = field(default_factory=Counter)

    def __iter__(self) -> Iterator[SourceFile]:
        for path in self._paths():
            text = self._read(path)
            if text is not None:
                base = self.root if self.root.is_dir() else self.root.parent
                yield SourceFile(path.relative_to(base).as_posix(), text)

    def _paths(self) -> Iterator[Path]:
        if self.root.is_file():
            yield self.root
            return
        specs: dict[Path, GitIgnoreSpec] = {}
        for directory, subdirectories, files in os.walk(self.root):
            here = Path(directory)
            if (here / ".gitignore").is_file():
                lines = (here / ".gitignore").read_text(errors="replace").splitlines()
                specs[here] = GitIgnoreSpec.from_lines(lines)
            subdirectories[:] = sorted(
                name
                for name in subdirectories
                if name not in _NEVER and not self._ignored(here / name, specs, "/")
            )
            for name in sorted(files):
                if self._ignored(here / name, specs, ""):
                    self.skipped["ignored"] += 1
                else:
                    yield here / name

    def _ignored(self, path: Path, specs: dict[Path, GitIgnoreSpec], suffix: str) -> bool:
        """The nearest .gitignore that has an opinion decides, as git has it."""
        for parent in path.parents:
            if parent in specs:
                verdict = specs[parent].check_file(path.relative_to(parent).as_posix() + suffix).include
                if verdict is not None:
                    return verdict
            if parent == self.root:
                break
        return False

    def _read(self, path: Path) -> str | None:
        if path.is_symlink() or not path.is_file():
            self.skipped["not a regular file"] += 1
            return None
        try:
            if path.stat().st_size > self.max_bytes:
                self.skipped["too large"] += 1
                return None
            data = path.read_bytes()
        except OSError:
            self.skipped["unreadable"] += 1
            return None
        if b"\0" in data[:_SNIFF_BYTES]:
            self.skipped["binary"] += 1
            return None
        try:
            return data.decode("utf-8-sig")
        except UnicodeDecodeError:
            return data.decode("latin-1")
