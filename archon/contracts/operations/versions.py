"""In: two versions of an analyser, as services spell them. Out: whether the one is older than the other."""

import re
from typing import Final

_NUMBERED: Final = re.compile(r"v?(\d+(?:\.\d+)*)(.*)", re.DOTALL)


def older(version: str | None, than: str) -> bool:
    """Whether `version` comes before `than`: by the numbers both begin with, as 1.9 before 1.10.

    With equal numbers, or none, a version that differs counts as older; not so where `than` is numbers alone,
    which stand for every version that begins with them: 2-f31c is no older than 2.
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
    """Without zeros at the end: 2.0 is 2."""
    parts = [int(part) for part in dotted.split(".")]
    while parts and parts[-1] == 0:
        parts.pop()
    return tuple(parts)
