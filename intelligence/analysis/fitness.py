"""In: a text. Out: whether it is fit to be parsed, and what of it is; else it is measured and embedded alone.

Parsers are native code: a text that they cannot bear ends their process or holds it for minutes, and to some
a NUL is the end of the text.
"""

import re
from itertools import accumulate
from typing import Final

from archon.contracts.text.lines import has_controls, is_binary, with_newlines

PARSED_CHARACTERS: Final = 2_000_000
NESTED_BRACKETS: Final = 500
_BRACKET: Final = re.compile(r"[()\[\]{}]")
_CONTROL: Final = re.compile(r"(?m)^[\x00-\x08\x0e-\x1f\x7f]+|([\x00-\x08\x0e-\x1f\x7f])")
_STEP: Final = {"(": 1, "[": 1, "{": 1, ")": -1, "]": -1, "}": -1}


def is_fit(text: str) -> bool:
    """Not too long, no binary, and not nested deeper than anybody writes."""
    return len(text) <= PARSED_CHARACTERS and not is_binary(text) and _is_flat(text)


def clean(text: str) -> str:
    """`text` line for line with LF at their ends, without a byte order mark and control characters."""
    text = with_newlines(text.removeprefix("\ufeff"))
    # At the beginning of a line a blank would be an indentation.
    return _CONTROL.sub(lambda found: " " if found[1] else "", text) if has_controls(text) else text


def _is_flat(text: str) -> bool:
    # Where no more are opened than may be open at once, it does not matter in which order.
    return sum(map(text.count, "([{")) <= NESTED_BRACKETS or _depth(text) <= NESTED_BRACKETS


def _depth(text: str) -> int:
    """How many brackets are open at once, at most; those in strings and comments count, too."""
    return max(accumulate((_STEP[each] for each in _BRACKET.findall(text)), _close, initial=0))


def _close(depth: int, step: int) -> int:
    return max(0, depth + step)
