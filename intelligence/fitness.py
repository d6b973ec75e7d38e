"""In: a text. Out: whether it is fit to be parsed; what is not is measured and embedded alone.

Parsers are native code: a text that they cannot bear ends their process or holds it for minutes.
"""

import re
from itertools import accumulate
from typing import Final

PARSED_CHARACTERS: Final = 2_000_000
NESTED_BRACKETS: Final = 500
_CONTROL_SHARE: Final = 0.01
_BRACKET: Final = re.compile(r"[()\[\]{}]")
_CONTROL: Final = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")
_STEP: Final = {"(": 1, "[": 1, "{": 1, ")": -1, "]": -1, "}": -1}


def is_fit(text: str) -> bool:
    """Not too long, no binary, and not nested deeper than anybody writes."""
    return len(text) <= PARSED_CHARACTERS and not _is_binary(text) and _is_flat(text)


def _is_binary(text: str) -> bool:
    """More than one character in a hundred is no text."""
    return len(_CONTROL.findall(text)) > _CONTROL_SHARE * len(text)


def _is_flat(text: str) -> bool:
    # Where no more are opened than may be open at once, it does not matter in which order.
    return sum(map(text.count, "([{")) <= NESTED_BRACKETS or _depth(text) <= NESTED_BRACKETS


def _depth(text: str) -> int:
    """How many brackets are open at once, at most; those in strings and comments count, too."""
    return max(accumulate((_STEP[each] for each in _BRACKET.findall(text)), _close, initial=0))


def _close(depth: int, step: int) -> int:
    return max(0, depth + step)
