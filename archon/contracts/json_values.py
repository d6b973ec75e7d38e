"""In: JSON from outside. Out: values that every part of the pipeline can store and read back.

Python accepts more than JSON allows (NaN), the stores keep less (64-bit integers, no lone surrogates), and
parsers have different depth limits: pydantic stops at 200 levels, Python near 900.
"""

import contextlib
import json
import math
import re
from functools import lru_cache
from typing import Annotated, Any, Final

from pydantic import AfterValidator, ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError, from_json

from archon.contracts.errors import InvalidInputError, UnreadableBodyError

DEEPEST: Final = 64
"""Maximum nesting depth of a value; leaves room for the structures around it."""
LARGEST: Final = 2**63 - 1
"""Largest integer that a store keeps: Bolt's 64-bit integer."""
_CUT: Final = 400
"""Depth at which `read` cuts: above DEEPEST, so validation rejects the value with its field name; below
Python's limit."""
_ENDLESS: Final = 10**400
_STRING: Final = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
_COMMAS: Final = rb","
_BRACKETS: Final = rb"\[{"
_NESTED: Final = 10
_TOKEN: Final = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[\[{]|[\]}]', re.DOTALL)


def storable(value: Any) -> Any:
    """Returns the value unchanged. Raises ValidationError with the location inside the value."""
    # Not recursive: deep nesting must give an error, not a crash.
    left: list[tuple[Any, tuple[str | int, ...]]] = [(value, ())]
    while left:
        each, place = left.pop()
        if isinstance(each, dict):
            left += ((item, (*place, key)) for key, item in each.items())
            wrong = next(filter(None, map(_wrong, each)), None)
        elif isinstance(each, list):
            left += ((item, (*place, index)) for index, item in enumerate(each))
            wrong = None
        else:
            wrong = _wrong(each)
        if len(place) > DEEPEST:
            place, wrong = (), f"is nested more than {DEEPEST} levels deep"
        if wrong is not None:
            problem = PydanticCustomError("not_storable", "{reason}", {"reason": wrong})
            details = InitErrorDetails(type=problem, loc=tuple(map(_shown, place)), input=None)
            raise ValidationError.from_exception_data("JSON", [details], hide_input=True)
    return value


def _wrong(value: Any) -> str | None:
    if isinstance(value, str):
        return None if value.isascii() else not_unicode(value)
    if isinstance(value, float) and not math.isfinite(value):
        return "is not a finite number"
    if isinstance(value, int) and not -LARGEST - 1 <= value <= LARGEST:
        return "is an integer of more than 64 bits"
    return None


def _shown(part: str | int) -> str | int:
    """A key, shortened for an error message."""
    return part.encode(errors="replace").decode()[:100] if isinstance(part, str) else part


def not_unicode(text: str) -> str | None:
    """Why `text` cannot be encoded, or None. JSON can contain lone surrogates."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        return f"is not valid Unicode at character {error.start}"
    return None


Json = Annotated[Any, AfterValidator(storable)]
"""Any JSON value that the stores can keep."""


def read(data: bytes, encoding: str | None = None, most: int | None = None) -> Any:
    """Parses JSON in UTF-8, UTF-16 or UTF-32, with or without a byte order mark. `encoding` None detects it.

    Some values pass although they are not valid or not storable, so that validation can name their field:
    NaN, integers of any size, and deep nesting, which is cut at a depth that validation still rejects. Raises
    UnreadableBodyError for undecodable text, InvalidInputError for malformed JSON (both with reason and
    position), and InvalidInputError for more than `most` values.
    """
    encoding = encoding or json.detect_encoding(data)
    is_utf8 = encoding in {"utf-8", "utf-8-sig"}
    if is_utf8:
        _require_within(data, most)
        with contextlib.suppress(ValueError):
            return from_json(data)  # twice as fast; what it refuses is handled below
    try:
        text = data.decode(encoding).removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        reason = f"is not JSON in {encoding.upper()}: {error.reason} at byte {error.start}"
        raise UnreadableBodyError("body", reason) from error
    if not is_utf8:
        _require_within(text.encode(errors="replace"), most)
    try:
        return _parsed(text)
    except json.JSONDecodeError as error:
        reason = f"is not JSON: {error.msg} at line {error.lineno}, column {error.colno}"
        raise InvalidInputError("body", reason) from error


def values_within(data: bytes, most: int) -> bool:
    """Whether UTF-8 JSON has at most `most` values, checked without building them.

    Every value follows a comma or opens an array or object. The limit for opening brackets is ten times
    higher, so that the error for deep nesting can name its field.
    """
    # The first check also counts signs within strings: it is fast, and the count is rarely too high.
    if data.count(b",") >= most and _begins_with(_COMMAS, most).match(data):
        return False
    brackets = data.count(b"[") + data.count(b"{")
    return brackets <= _NESTED * most or not _begins_with(_BRACKETS, _NESTED * most + 1).match(data)


@lru_cache(maxsize=8)
def _begins_with(signs: bytes, count: int) -> re.Pattern[bytes]:
    """Whether the JSON has at least that many of `signs` outside strings. A single regular expression match:
    counting in Python would block the event loop for as long as parsing."""
    between = rb'[^"' + signs + rb"]*+"
    one = between + rb"(?:" + _STRING + between + rb")*+[" + signs + rb"]"
    return re.compile(rb"(?:" + one + rb"){%d}+" % count, re.DOTALL)


def _require_within(data: bytes, most: int | None) -> None:
    if most is not None and not values_within(data, most):
        raise InvalidInputError("body", f"has more than {most} values")


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        raise
    except (RecursionError, ValueError):
        return json.loads(_cut(text), parse_int=_integer)


def _integer(digits: str) -> int:
    """Replaces an integer with too many digits for Python by another one that no store and no float can
    hold."""
    try:
        return int(digits)
    except ValueError:
        return -_ENDLESS if digits.startswith("-") else _ENDLESS


def _cut(text: str) -> str:
    """`text` with a zero in place of everything nested deeper than _CUT."""
    kept, start, depth = [], 0, 0
    for token in _TOKEN.finditer(text):
        if token[0] in {"[", "{"}:
            depth += 1
            if depth == _CUT + 1:
                kept += [text[start : token.start()], "0"]
        elif token[0] in {"]", "}"}:
            depth -= 1
            if depth == _CUT:
                start = token.end()
    return "".join([*kept, text[start:] if depth <= _CUT else ""])
