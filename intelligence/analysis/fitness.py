"""In: a text. Out: whether it can be parsed safely, and the cleaned text; other texts are only measured and
embedded.

Parsers are native code: an unsuitable text may crash or block their process for minutes, and some parsers
stop at a NUL.
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
    """Whether the text is not binary, not too long and not nested too deeply."""
    return len(text) <= PARSED_CHARACTERS and not is_binary(text) and _is_flat(text)


def clean(text: str) -> str:
    """`text` line for line with LF endings, without byte order mark and control characters."""
    text = with_newlines(text.removeprefix("\ufeff"))
    # At the start of a line a blank would be an indentation.
    return _CONTROL.sub(lambda found: " " if found[1] else "", text) if has_controls(text) else text


def _is_flat(text: str) -> bool:
    # The order only matters if there are more brackets than the limit.
    return sum(map(text.count, "([{")) <= NESTED_BRACKETS or _depth(text) <= NESTED_BRACKETS


def _depth(text: str) -> int:
    """Maximum number of open brackets; those in strings and comments count too."""
    return max(accumulate((_STEP[each] for each in _BRACKET.findall(text)), _close, initial=0))


def _close(depth: int, step: int) -> int:
    return max(0, depth + step)
