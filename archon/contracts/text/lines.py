"""In: any text. Out: its lines, defined once for hashes, measures, readers and snippets.

A line ends with LF, CRLF or CR, as in CommonMark and Python's universal newlines. No other character ends a
line: form feed, NEL and U+2028 are part of it, as in editors, compilers and git.
"""

from bisect import bisect_left
from itertools import accumulate
from typing import Final

_BLOCK: Final = 4096
_CONTROLS: Final = [chr(code) for code in (*range(0x09), *range(0x0E, 0x20), 0x7F)]
_CONTROL_SHARE: Final = 0.01
_CONTROL_FEW: Final = 2
_CHARACTERS_EACH: Final = 10
"""A text is binary if it has more than one control character per this many characters."""


def with_newlines(text: str) -> str:
    """`text` with LF as the only line ending."""
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def lines_of(text: str) -> list[str]:
    """The lines without their endings. After the last line ending there is a line only if it has text."""
    found = with_newlines(text).split("\n")
    if not found[-1]:
        found.pop()
    return found


def count_lines(text: str) -> int:
    """The length of `lines_of(text)`, without building the list."""
    ends = text.count("\n")
    if "\r" in text:
        ends += text.count("\r") - text.count("\r\n")
    return ends + (text != "" and text[-1] not in "\r\n")


class Lines:
    """Ranges of the lines of one text, without a list of all of them: a text of 10 MB may have millions."""

    def __init__(self, text: str) -> None:
        self._text = with_newlines(text)
        counts = (
            self._text.count("\n", start, start + _BLOCK) for start in range(0, len(self._text), _BLOCK)
        )
        self._ends = list(accumulate(counts, initial=0))
        """Line endings before each block."""

    def range(self, first: int, last: int, most: int) -> str:
        """The lines from `first` to `last`, which count from 1, joined by LF; at most `most` characters."""
        start = self._start(first)
        end = self._start(last + 1)
        if end > start and self._text[end - 1] == "\n":
            end -= 1
        return self._text[start : min(end, start + most)]

    def _start(self, line: int) -> int:
        """Where a line begins; the length of the text for lines after the last one."""
        if line <= 1:
            return 0
        block = bisect_left(self._ends, line - 1) - 1
        if block + 1 == len(self._ends):
            return len(self._text)
        position = block * _BLOCK
        for _ in range(line - 1 - self._ends[block]):
            position = self._text.index("\n", position) + 1
        return position


def has_controls(text: str) -> bool:
    """Whether the text has control characters other than white space."""
    # Ten times faster than a regular expression.
    return any(control in text for control in _CONTROLS)


def is_binary(text: str) -> bool:
    """Whether more than one in a hundred characters is a control character; a short text may have one or
    two."""
    count = sum(map(text.count, _CONTROLS)) if has_controls(text) else 0
    return count > max(_CONTROL_SHARE * len(text), min(_CONTROL_FEW, len(text) // _CHARACTERS_EACH))
