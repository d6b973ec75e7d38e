"""In: a patch, as git or diff writes it. Out: each changed file with its changed lines on both sides.

The format: https://git-scm.com/docs/diff-format#generate_patch_text_with_p
"""

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from archon.contracts.errors import InvalidInputError

_HUNK: Final = re.compile(rb"@@ -(\d{1,9})(?:,(\d{1,9}))? \+(\d{1,9})(?:,(\d{1,9}))? @@")
_QUOTED: Final = re.compile(rb'"((?:[^"\\]|\\.)*+)"', re.DOTALL)
_ESCAPE: Final = re.compile(rb"\\([0-7]{3}|.)", re.DOTALL)
_ESCAPED: Final = {b"a": b"\a", b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"v": b"\v"}
_PREFIXES: Final = frozenset("abciow12")
"""First letters of paths: `a/` and `b/`, and those of diff.mnemonicPrefix."""
_NOTHING: Final = "/dev/null"

Lines = list[tuple[int, int]]
"""First and last line, from 1, in order."""


@dataclass
class FileChange:
    """`path` is None for a deleted file, `former` for a new one. Where lines were only removed, `lines` has
    the lines before and after them, and `former_lines` likewise. Both are empty for a binary or merely
    renamed file."""

    path: str | None
    former: str | None
    lines: Lines = field(default_factory=list)
    former_lines: Lines = field(default_factory=list)
    binary: bool = False


@dataclass
class _Section:
    """The header of one file. Names are as written, with their prefixes."""

    header: bytes | None = None
    old: bytes | None = None
    new: bytes | None = None
    renamed_from: bytes | None = None
    renamed_to: bytes | None = None
    added: bool = False
    deleted: bool = False
    binary: bool = False
    lines: Lines = field(default_factory=list)
    former_lines: Lines = field(default_factory=list)

    def change(self) -> FileChange:
        former, path = self._paths()
        return FileChange(
            None if self.deleted or path == _NOTHING else path,
            None if self.added or former == _NOTHING else former,
            self.lines,
            self.former_lines,
            self.binary,
        )

    def _paths(self) -> tuple[str, str]:
        if self.renamed_from is not None and self.renamed_to is not None:
            return _name(self.renamed_from), _name(self.renamed_to)
        old, new = (_name(each) if each else _NOTHING for each in (self.old, self.new))
        if _NOTHING in {old, new} and self.header is not None:
            return _without_prefixes(*_halves(self.header))
        return _without_prefixes(old, new)


def parse(patch: bytes) -> list[FileChange]:
    """Text before, between and after the files is ignored. Raises InvalidInputError for a merge's combined
    patch, and for one that ends within a hunk."""
    found: list[_Section] = []
    of_git = re.search(rb"^diff --git ", patch, re.MULTILINE) is not None
    lines = enumerate(patch.split(b"\n"), 1)
    for number, line in lines:
        if line.startswith((b"diff --cc ", b"diff --combined ")):
            raise InvalidInputError(
                "--diff", "is the combined patch of a merge; give a patch of two versions"
            )
        if line.startswith(b"diff --git "):
            found.append(_Section(header=line[len(b"diff --git ") :]))
        elif line.startswith(b"--- ") and not of_git:
            found.append(_Section(old=line[4:]))
        elif found and (hunk := _HUNK.match(line)):
            _read_hunk(found[-1], hunk, number, lines)
        elif found:
            _read_header(found[-1], line)
    return [each.change() for each in found if each.header is not None or each.new is not None]


def _read_header(section: _Section, line: bytes) -> None:
    if line.startswith(b"--- ") and section.old is None:
        section.old = line[4:]
    elif line.startswith(b"+++ ") and section.new is None:
        section.new = line[4:]
    elif line.startswith((b"rename from ", b"copy from ")):
        section.renamed_from = line.partition(b" from ")[2]
    elif line.startswith((b"rename to ", b"copy to ")):
        section.renamed_to = line.partition(b" to ")[2]
    elif line.startswith(b"new file mode "):
        section.added = True
    elif line.startswith(b"deleted file mode "):
        section.deleted = True
    elif line.startswith((b"Binary files ", b"GIT binary patch")):
        section.binary = True


def _read_hunk(
    section: _Section, hunk: re.Match[bytes], number: int, lines: Iterator[tuple[int, bytes]]
) -> None:
    """`number`: the line of the hunk's header. Counts lines itself: the lines of a hunk may look like
    headers, and with context not all have changed."""
    old, new = int(hunk[1]), int(hunk[3])
    old_left, new_left = (1 if each is None else int(each) for each in (hunk[2], hunk[4]))
    # With no lines on a side, git names the line before.
    old, new = old + (old_left == 0), new + (new_left == 0)
    if not (old and new):
        raise InvalidInputError("--diff", f"has a hunk that begins at line 0, in its line {number}")
    removed, added, begin = 0, 0, (old, new)
    while old_left or new_left:
        _, line = next(lines, (0, None))
        if line is None:
            raise InvalidInputError("--diff", f"ends in the middle of a hunk, that of its line {number}")
        sign = line[:1]
        if sign == b"-":
            removed, old, old_left = removed + 1, old + 1, old_left - 1
        elif sign == b"+":
            added, new, new_left = added + 1, new + 1, new_left - 1
        elif sign != b"\\":  # context; some programs strip the blank of an empty line
            _note(section, begin, removed, added)
            old, new, old_left, new_left = old + 1, new + 1, old_left - 1, new_left - 1
            removed, added, begin = 0, 0, (old, new)
        if old_left < 0 or new_left < 0:
            reason = f"has a hunk with more lines than its header says, in its line {number}"
            raise InvalidInputError("--diff", reason)
    _note(section, begin, removed, added)


def _note(section: _Section, begin: tuple[int, int], removed: int, added: int) -> None:
    """Adds one change: `removed` and `added` lines from `begin` on, in the former and in the new file."""
    if removed or added:
        section.former_lines.append(_range(begin[0], removed))
        section.lines.append(_range(begin[1], added))


def _range(first: int, count: int) -> tuple[int, int]:
    return (first, first + count - 1) if count else (max(first - 1, 1), first)


def _without_prefixes(old: str, new: str) -> tuple[str, str]:
    """`a/x` and `b/x` are x; `a/x` and `a/x` are a path in the directory a, as without prefixes."""
    given = [each for each in (old, new) if each != _NOTHING]
    prefixed = all(each[1:2] == "/" and each[0] in _PREFIXES for each in given)
    if prefixed and len({each[0] for each in given}) == len(given):
        old, new = (each if each == _NOTHING else each[2:] for each in (old, new))
    return old, new


def _halves(header: bytes) -> tuple[str, str]:
    """Two names of equal length after `diff --git`: of a file that was not renamed."""
    if header.startswith(b'"'):
        # From each place on once: a search goes on from every quote of a name that has no end.
        first = _QUOTED.match(header)
        second = _QUOTED.match(header.rstrip(b"\r"), first.end() + 1) if first is not None else None
        if first is not None and second is not None:
            return _name(first[0]), _name(second[0])
    middle = len(header) // 2
    return _name(header[:middle]), _name(header[middle + 1 :])


def _name(written: bytes) -> str:
    """A path, without C's quotes, and without what `diff` writes behind a tab."""
    if written.startswith(b'"') and (found := _QUOTED.match(written)):
        return os.fsdecode(_ESCAPE.sub(_character, found[1]))
    return os.fsdecode(written.rstrip(b"\r").partition(b"\t")[0])


def _character(escape: re.Match[bytes]) -> bytes:
    code = escape[1]
    return bytes([int(code, 8) & 0xFF]) if code[:1].isdigit() else _ESCAPED.get(code, code)


def paths(changes: Iterable[FileChange]) -> list[str]:
    """The new paths, or the former ones of deleted files."""
    return [path for each in changes if (path := each.path or each.former) is not None]
