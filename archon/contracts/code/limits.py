"""In: a code map. Out: the same within the limits that questions about code rely on.

A service of one's own may send any map, and a source file may have names of any length. What resolution does
is linear or quadratic in these numbers.
"""

import json
from collections.abc import Sequence
from typing import Any, Final

from archon.contracts.code.references import DECLARATIONS_LIMIT, REFERENCES_LIMIT, CodeMap, Declaration

NAME_CHARACTERS: Final = 1024
"""Of every name, path and type."""
QUALIFIED_CHARACTERS: Final = 4096
"""Of the qualified name of a declaration."""
ALL_QUALIFIED_CHARACTERS: Final = 4_000_000
"""Of those of a document together."""
LEVELS_LIMIT: Final = 128
"""Declarations within each other; the analysis stops at 100."""
LARGEST_NUMBER: Final = 2**31 - 1
SETTINGS_CHARACTERS: Final = 200_000
SETTINGS_LEVELS: Final = 32


def within_limits(code: CodeMap) -> CodeMap:
    """Without rows beyond the limits, references and imports of too long names, and too large settings. The
    names of declarations are cut."""
    return CodeMap(
        list(map(_cut, code.declarations[:DECLARATIONS_LIMIT])),
        [each for each in code.references if _short(each.name)][:REFERENCES_LIMIT],
        [each for each in code.bindings if _short(each.local, each.module, each.name)][:REFERENCES_LIMIT],
        [each for each in code.typed if _short(each.name, each.type)][:REFERENCES_LIMIT],
        code.package if _short(code.package) else "",
        code.settings if are_settings(code.settings) else "",
    )


def too_deep(parents: Sequence[int]) -> bool:
    """Whether declarations are within each other at too many levels, or in a cycle. -1 is no parent."""
    levels = [0] * len(parents)
    for each in range(len(parents)):
        way: list[int] = []
        at = each
        while at >= 0 and not levels[at] and len(way) <= LEVELS_LIMIT:
            way.append(at)
            at = parents[at]
        around = levels[at] if at >= 0 else 0
        if around + len(way) > LEVELS_LIMIT:
            return True
        for level, inner in enumerate(reversed(way), around + 1):
            levels[inner] = level
    return False


def _cut(of: Declaration) -> Declaration:
    is_short = _short(of.kind, of.name, of.returns or "", of.exported or "")
    if is_short and len(of.qualified_name) <= QUALIFIED_CHARACTERS:
        return of
    return of._replace(
        kind=of.kind[:NAME_CHARACTERS],
        name=of.name[:NAME_CHARACTERS],
        qualified_name=of.qualified_name[:QUALIFIED_CHARACTERS],
        returns=of.returns if _short(of.returns or "") else None,
        exported=of.exported if _short(of.exported or "") else None,
    )


def _short(*names: str) -> bool:
    return all(len(each) <= NAME_CHARACTERS for each in names)


def are_settings(settings: str) -> bool:
    """Whether it is a JSON object that is neither too long nor nested too deep, or nothing."""
    if not settings:
        return True
    if len(settings) > SETTINGS_CHARACTERS:
        return False
    try:
        found = json.loads(settings)
    except (ValueError, RecursionError):
        return False
    level: list[Any] = [found]
    for _ in range(SETTINGS_LEVELS):
        level = [inner for each in level for inner in _inside(each)]
    return isinstance(found, dict) and not level


def _inside(value: Any) -> Sequence[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else ()
