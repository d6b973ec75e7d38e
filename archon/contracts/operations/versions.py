"""In: two analyser versions, as services spell them. Out: whether the first is older than the second."""

import re
from typing import Final

_NUMBERED: Final = re.compile(r"v?(\d+(?:\.\d+)*)(.*)", re.DOTALL)


def older(version: str | None, than: str) -> bool:
    """Whether `version` is older than `than`, compared by their leading numbers: 1.9 is older than 1.10.

    If the numbers are equal or missing, a different version counts as older. If `than` consists of numbers
    only, it stands for every version with that prefix: 2-f31c is not older than 2.
    """
    if version is None:
        return True
    mine, theirs = _NUMBERED.fullmatch(version), _NUMBERED.fullmatch(than)
    if mine is None or theirs is None:
        return version != than
    if _numbers(mine[1]) != _numbers(theirs[1]):
        return _numbers(mine[1]) < _numbers(theirs[1])
    return bool(theirs[2]) and mine[2] != theirs[2]


def _numbers(dotted: str) -> tuple[int, ...]:
    """Drops trailing zeros: 2.0 equals 2."""
    parts = [int(part) for part in dotted.split(".")]
    while parts and parts[-1] == 0:
        parts.pop()
    return tuple(parts)
