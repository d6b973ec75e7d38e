"""In: the lines of a .gitignore. Out: their verdict about a path, as in gitignore(5) and git's wildmatch.

Paths must be checked after their directories: a pattern need not match the contents of a directory that it
matches. Compares bytes, like git.
"""

import re
import string
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

_TRAILING: Final = re.compile(rb"((?:[^\\ ]|\\.|\\$| +(?=[^ ]))*) *", re.DOTALL)
"""A line and its trailing spaces; spaces after a backslash belong to the pattern."""
_CLASSES: Final = {
    b"alnum": string.ascii_letters + string.digits,
    b"alpha": string.ascii_letters,
    b"blank": " \t",
    b"cntrl": "".join(map(chr, [*range(32), 127])),
    b"digit": string.digits,
    b"graph": "".join(map(chr, range(33, 127))),
    b"lower": string.ascii_lowercase,
    b"print": "".join(map(chr, range(32, 127))),
    b"punct": string.punctuation,
    b"space": string.whitespace,
    b"upper": string.ascii_uppercase,
    b"xdigit": string.hexdigits,
}


class MalformedError(ValueError):
    """A pattern that matches nothing."""


@dataclass(frozen=True)
class Pattern:
    """`whole`: matches the path relative to its .gitignore instead of the name."""

    regex: re.Pattern[bytes]
    ignores: bool
    only_directories: bool
    whole: bool


class Patterns:
    """The patterns of one file; the last match decides. Malformed patterns match nothing."""

    def __init__(self, content: bytes) -> None:
        self._patterns: Sequence[Pattern] = [*_parsed(content)][::-1]

    def __bool__(self) -> bool:
        return bool(self._patterns)

    def verdict(self, path: bytes, *, is_directory: bool) -> bool | None:
        """Whether the path is ignored; None without a match. `path` is relative to the file."""
        name = path.rpartition(b"/")[2]
        for pattern in self._patterns:
            if pattern.only_directories and not is_directory:
                continue
            if pattern.regex.fullmatch(path if pattern.whole else name):
                return pattern.ignores
        return None


def _parsed(content: bytes) -> Iterator[Pattern]:
    for line in content.removeprefix(b"\xef\xbb\xbf").split(b"\n"):
        text = line.removesuffix(b"\r")
        if text.startswith(b"#"):
            continue
        found = _TRAILING.fullmatch(text)
        text = found[1] if found else text
        ignores, text = not text.startswith(b"!"), text.removeprefix(b"!")
        only_directories, text = text.endswith(b"/"), text.removesuffix(b"/")
        whole, text = b"/" in text, text.removeprefix(b"/")
        if not text:
            continue
        try:
            regex = re.compile(_translated(text), re.DOTALL)
        except MalformedError:
            continue
        yield Pattern(regex, ignores, only_directories, whole)


def _translated(glob: bytes) -> bytes:
    """The regular expression. Raises MalformedError."""
    parts, at = [], 0
    while at < len(glob):
        each = glob[at : at + 1]
        if each == b"*":
            end = at + len(glob[at:]) - len(glob[at:].lstrip(b"*"))
            after = glob[end:]
            if end - at > 1 and (at == 0 or glob[at - 1 : at] == b"/") and after[:1] in {b"", b"/"}:
                parts.append(b"(?:.*/)?" if after else b".*")
                end += bool(after)
            else:
                parts.append(b"[^/]*")
            at = end
        elif each == b"[":
            members, at = _bracketed(glob, at + 1)
            parts.append(b"[" + b"".join(b"\\x%02x" % member for member in sorted(members)) + b"]")
        elif each == b"\\" and at + 1 == len(glob):
            raise MalformedError
        else:
            at += each == b"\\"
            parts.append(b"[^/]" if each == b"?" else re.escape(glob[at : at + 1]))
            at += 1
    return b"".join(parts)


def _bracketed(glob: bytes, at: int) -> tuple[set[int], int]:
    """The bytes in `[...]`, and the position after it. Raises MalformedError."""
    negated = glob[at : at + 1] in {b"!", b"^"}
    at += negated
    start, members, previous = at, set[int](), None
    while glob[at : at + 1] != b"]" or at == start:
        named = re.compile(rb"\[:(\w*):\]").match(glob, at)
        if named:
            if named[1] not in _CLASSES:
                raise MalformedError
            members |= set(_CLASSES[named[1]].encode())
            at, previous = named.end(), None
        elif glob[at : at + 1] == b"-" and previous is not None and glob[at + 1 : at + 2] not in {b"", b"]"}:
            last, at = _literal(glob, at + 1)
            members |= set(range(previous, last + 1))
            previous = None
        else:
            previous, at = _literal(glob, at)
            members.add(previous)
    members = set(range(256)) - members if negated else members
    members.discard(ord("/"))
    if not members:
        raise MalformedError
    return members, at + 1


def _literal(glob: bytes, at: int) -> tuple[int, int]:
    at += glob[at : at + 1] == b"\\"
    if at >= len(glob):
        raise MalformedError
    return glob[at], at + 1
