"""In: include and exclude patterns. Out: the files of a walk that match; the others are listed as skipped."""

import re
from collections.abc import Sequence
from typing import Final

from pathspec import GitIgnoreSpec

from archon.cli.files.skipped import Skipped
from archon.contracts.errors import InvalidInputError
from archon.contracts.json_values import not_unicode

_OWN: Final = "/.archon/"
"""The product's default data directory, which is never a source."""


class Globs:
    """Patterns follow .gitignore; no include patterns means everything. Paths are relative to the root of the
    walk. Raises InvalidInputError for a malformed pattern."""

    def __init__(self, include: Sequence[str], exclude: Sequence[str], skipped: Skipped) -> None:
        self._included = _spec("--include", include or ["*"])
        self._excluded = _spec("--exclude", exclude)
        self._skipped = skipped
        self._directories: dict[str, bool] = {}

    def take(self, name: str) -> bool:
        """Whether to ingest the file; if not, records it as skipped."""
        if not_unicode(name):
            reason = "name is not UTF-8"
        elif not name.strip():
            reason = "name is blank"
        elif not self.enter(directory_of(name)):
            return False
        elif self._excluded.check_file(name).include:
            reason = "excluded"
        elif not self._included.check_file(name).include:
            reason = "not included"
        else:
            return True
        self._skipped.add(name, reason)
        return False

    def enter(self, directory: str) -> bool:
        """Whether to enter a directory, whose path ends with a slash (empty for the root).

        Records the topmost excluded parent, once.
        """
        if directory not in self._directories:
            ends = [at + 1 for at, each in enumerate(directory) if each == "/"]
            for parent in (directory[:end] for end in ends):
                if parent not in self._directories:
                    self._directories[parent] = self._is_chosen(parent)
                if not self._directories[parent]:
                    self._directories[directory] = False
                    break
            self._directories.setdefault(directory, True)
        return self._directories[directory]

    def _is_chosen(self, directory: str) -> bool:
        if f"/{directory}".endswith(_OWN):
            reason = "data of this product"
        elif self._excluded.check_file(directory).include:
            reason = "excluded directory"
        else:
            return True
        self._skipped.add(directory, reason)
        return False


def directory_of(name: str) -> str:
    """The directory with its slash; empty for a file at the top."""
    head, slash, _ = name.rstrip("/").rpartition("/")
    return head + slash


def _spec(field: str, lines: Sequence[str]) -> GitIgnoreSpec:
    try:
        return GitIgnoreSpec.from_lines(lines)
    except (ValueError, re.error) as error:
        raise InvalidInputError(field, str(error)) from error
