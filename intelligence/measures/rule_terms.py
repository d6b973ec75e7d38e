"""In: a rule from its file. Out: the rule in a form that a search with many others accepts, and runs fast.

Regular expressions are compiled for each document; Unicode classes make that twenty times slower.
"""

import re
from collections.abc import Mapping
from functools import cache
from typing import Any, Final

_VARIABLE: Final = re.compile(r"\$(?=[A-Z])")
_CLASS_OR_WORD: Final = re.compile(r"\[\^?(?:\\.|[^\]\\])+\]|\\w")
_ESCAPED: Final = re.compile(r"\\[^DPSW]")
_MAY_SPLIT_A_CHARACTER: Final = re.compile(r"\.|\[\^|\\|[^\x00-\x7f]")
_WORD: Final = "0-9A-Za-z_"


def prepared(rule: Any, prefix: str) -> Any:
    """`rule` with ASCII classes, and variables with the prefix `prefix`, because variables apply to the whole
    search."""
    if isinstance(rule, Mapping):
        return {key: _value(key, value, prefix) for key, value in rule.items()}
    return [prepared(each, prefix) for each in rule] if isinstance(rule, list) else rule


def _value(key: str, value: Any, prefix: str) -> Any:
    if key == "pattern" and isinstance(value, str):
        return _VARIABLE.sub(lambda _: prefix, value)
    if key == "regex":
        return in_ascii(value)
    return prepared(value, prefix)


@cache
def in_ascii(regex: str) -> str:
    """Equivalent for ASCII names. If a match could end within a character, Unicode mode stays, and only the
    word class is replaced."""
    if not _MAY_SPLIT_A_CHARACTER.search(_ESCAPED.sub("", regex)):
        return f"(?-u){regex}"
    return _CLASS_OR_WORD.sub(_in_ascii, regex)


def _in_ascii(found: re.Match[str]) -> str:
    text = found.group()
    return f"[{_WORD}]" if text == r"\w" else text.replace(r"\w", _WORD)
