"""In: skipped paths. Out: each with its reason, and counts by reason."""

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass
class Skipped:
    """Paths are relative to the root of the walk; directory paths end with a slash."""

    entries: list[tuple[str, str]] = field(default_factory=list)

    def add(self, path: str, reason: str) -> None:
        self.entries.append((path, reason))

    @property
    def counts(self) -> dict[str, int]:
        return dict(Counter(reason for _, reason in self.entries))

    def listed(self) -> Iterator[tuple[str, str]]:
        """Each path and its reason, sorted by path, for people: bytes that are not UTF-8 are written as
        escapes."""
        for path, reason in sorted(self.entries):
            yield legible(path), reason


def legible(path: str) -> str:
    """A path as Unicode; bytes that are not UTF-8 in hexadecimal."""
    return os.fsencode(path).decode(errors="backslashreplace")
