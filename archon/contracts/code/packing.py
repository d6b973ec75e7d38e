"""In: a code map. Out: the same as text for a property of a node, and back.

The text is a version and base64 of compressed JSON: a table of all strings, and the map's fields as columns
of numbers, lines as differences. Columns compress to about a third of rows."""

import json
import zlib
from binascii import Error, a2b_base64, b2a_base64
from collections.abc import Callable, Iterable, Sequence
from itertools import accumulate
from typing import Any, Final, get_args

from archon.contracts.code.limits import (
    ALL_QUALIFIED_CHARACTERS,
    LARGEST_NUMBER,
    LEVELS_LIMIT,
    NAME_CHARACTERS,
    QUALIFIED_CHARACTERS,
    are_settings,
    too_deep,
    within_limits,
)
from archon.contracts.code.references import (
    DECLARATIONS_LIMIT,
    REFERENCES_LIMIT,
    Binding,
    CodeMap,
    Declaration,
    Reference,
    ReferenceKind,
    Typed,
)
from archon.contracts.errors import InvalidInputError
from archon.contracts.json_values import not_unicode

VERSION: Final = "1"
PACKED_CHARACTERS: Final = 4_000_000
"""Maximum length of a packed map, which no map within the limits reaches in practice."""
_BYTES: Final = 12_000_000
_COMMAS: Final = 2_000_000
_BRACKETS: Final = 500_000
"""In the JSON: a list takes sixty times as much memory as its text. A map within the limits has less than
half of them."""
_NOTHING: Final = -1
_WHOLE: Final = "\0"
_LEVEL: Final = 5
_KINDS: Final[tuple[ReferenceKind, ...]] = get_args(ReferenceKind)
_TABLES: Final = (
    ("declarations", 9, DECLARATIONS_LIMIT),
    ("references", 4, REFERENCES_LIMIT),
    ("bindings", 5, REFERENCES_LIMIT),
    ("typed", 4, REFERENCES_LIMIT),
)
"""Name, number of columns and maximum number of rows of each."""


def pack(code: CodeMap) -> str | None:
    """None for a map that says nothing. Rows beyond the limits are left out."""
    code = within_limits(code)
    if not any((code.declarations, code.references, code.bindings, code.typed, code.package, code.settings)):
        return None
    strings: dict[str, int] = {}

    def number(text: str | None) -> int:
        return _NOTHING if text is None else strings.setdefault(text, len(strings))

    kinds = {kind: position for position, kind in enumerate(_KINDS)}
    declarations, references, bindings, typed = code[:4]
    tables = [
        [
            [number(each.kind) for each in declarations],
            [number(each.name) for each in declarations],
            [number(_beginning(each)) for each in declarations],
            [each.ordinal for each in declarations],
            _differences(each.start_line for each in declarations),
            [each.end_line - each.start_line for each in declarations],
            [each.parent for each in declarations],
            [number(each.returns) for each in declarations],
            [_NOTHING - 1 if each.exported == each.name else number(each.exported) for each in declarations],
        ],
        [
            [kinds[each.kind] for each in references],
            [number(each.name) for each in references],
            _differences(each.line for each in references),
            _differences(each.source for each in references),
        ],
        [
            [number(each.local) for each in bindings],
            [number(each.module) for each in bindings],
            [number(each.name) for each in bindings],
            _differences(each.line for each in bindings),
            [int(each.exported) for each in bindings],
        ],
        [
            [number(each.name) for each in typed],
            [number(each.type) for each in typed],
            _differences(each.source for each in typed),
            [each.made + 2 * each.value for each in typed],
        ],
    ]
    content = [list(strings), tables, code.package, code.settings]
    data = json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode(errors="replace")
    return VERSION + b2a_base64(zlib.compress(data, _LEVEL), newline=False).decode()


def unpack(text: str) -> CodeMap:
    """Raises InvalidInputError for text that `pack` did not write; never needs more than some 100 MB.
    A service may have written the text: what this returns is within the limits of
    `archon.contracts.code.limits`."""
    try:
        return _unpacked(text)
    except InvalidInputError:
        raise
    except (ValueError, TypeError, IndexError, RecursionError, OverflowError, Error, zlib.error) as error:
        raise InvalidInputError("code_map", f"is damaged: {error}") from error


def _unpacked(text: str) -> CodeMap:
    strings, tables, package, settings = _content(text)
    declared, referring, imported, typed = [
        _checked(table, columns) for table, columns in zip(_TABLES, tables, strict=True)
    ]

    def named(numbers: Sequence[int]) -> list[str]:
        if numbers and min(numbers) < 0:
            raise IndexError("there is no text with a negative number")
        return [strings[each] for each in numbers]

    _require_names(strings, [*declared[:2], *declared[7:], referring[1], *imported[:3], *typed[:2]])
    declarations = _declarations(declared, named)
    sources = (_sums(referring[3]), _sums(typed[2]))
    if any(not -1 <= each < len(declarations) for column in sources for each in column):
        raise InvalidInputError("code_map", "names a declaration that it does not have")
    lines = (_sums(referring[2]), _sums(imported[3]))
    _require_numbers([referring[0], *lines])
    return CodeMap(
        declarations,
        [
            Reference(_KINDS[kind], name, line, source)
            for kind, name, line, source in zip(
                referring[0], named(referring[1]), lines[0], sources[0], strict=True
            )
        ],
        [
            Binding(local, module, name, line, bool(exported))
            for local, module, name, line, exported in zip(
                *map(named, imported[:3]), lines[1], imported[4], strict=True
            )
        ],
        [
            Typed(name, type_, source, bool(how & 1), bool(how & 2))
            for name, type_, source, how in zip(*map(named, typed[:2]), sources[1], typed[3], strict=True)
        ],
        package,
        settings,
    )


def _content(text: str) -> tuple[list[str], list[Any], str, str]:
    """The strings, the tables, which are not checked, the package and the settings."""
    if not text.startswith(VERSION):
        raise InvalidInputError("code_map", f"has the unknown version {text[:1]!r}")
    if len(text) > PACKED_CHARACTERS:
        raise InvalidInputError("code_map", f"has more than {PACKED_CHARACTERS} characters")
    inflating = zlib.decompressobj()
    data = inflating.decompress(a2b_base64(text[1:], strict_mode=True), _BYTES)
    if not inflating.eof:
        raise InvalidInputError("code_map", f"is cut off, or has more than {_BYTES} bytes")
    if data.count(b",") > _COMMAS or data.count(b"[") + data.count(b"{") > _BRACKETS:
        raise InvalidInputError("code_map", "has too many values")
    strings, tables, package, settings = json.loads(data)
    texts: list[Any] = [*strings, package, settings] if isinstance(strings, list) else [None]
    if not all(isinstance(each, str) for each in texts):
        raise InvalidInputError("code_map", "has something else than text in its strings")
    if not all(each.isascii() or not_unicode(each) is None for each in texts):
        raise InvalidInputError("code_map", "has text that is not valid Unicode")
    if len(package) > NAME_CHARACTERS or not are_settings(settings):
        raise InvalidInputError("code_map", "has a package or settings that are too long or nested too deep")
    return strings, tables, package, settings


def _declarations(
    columns: Sequence[list[int]], named: Callable[[Sequence[int]], list[str]]
) -> list[Declaration]:
    kinds, names, beginnings = map(named, columns[:3])
    ordinals, starts, parents = columns[3], _sums(columns[4]), columns[6]
    ends = [start + length for start, length in zip(starts, columns[5], strict=True)]
    returns = [named([each])[0] if each >= 0 else None for each in columns[7]]
    exported = [
        named([each])[0] if each >= 0 else (name if each < _NOTHING else None)
        for each, name in zip(columns[8], names, strict=True)
    ]
    if any(not -1 <= each < len(names) for each in parents):
        raise InvalidInputError("code_map", "names a declaration that it does not have")
    if too_deep(parents):
        raise InvalidInputError("code_map", f"nests declarations more than {LEVELS_LIMIT} levels deep")
    _require_numbers([ordinals, starts, ends])
    lengths = [len(beginning) + len(name) for beginning, name in zip(beginnings, names, strict=True)]
    # With a dot, or a mark that is not a part of the name, and the name itself, which is not repeated then.
    if max(lengths, default=0) > QUALIFIED_CHARACTERS + NAME_CHARACTERS + 1:
        reason = f"has a qualified name of more than {QUALIFIED_CHARACTERS} characters"
        raise InvalidInputError("code_map", reason)
    if sum(lengths) > ALL_QUALIFIED_CHARACTERS:
        reason = f"has qualified names of more than {ALL_QUALIFIED_CHARACTERS} characters together"
        raise InvalidInputError("code_map", reason)
    qualified = map(_qualified, beginnings, names)
    rows = zip(kinds, names, qualified, ordinals, starts, ends, parents, returns, exported, strict=True)
    return list(map(Declaration._make, rows))


def _require_numbers(columns: Iterable[Sequence[int]]) -> None:
    if any(column and (min(column) < 0 or max(column) > LARGEST_NUMBER) for column in columns):
        raise InvalidInputError("code_map", f"has a number that is not from 0 to {LARGEST_NUMBER}")


def _require_names(strings: Sequence[str], columns: Iterable[Sequence[int]]) -> None:
    long = {number for number, each in enumerate(strings) if len(each) > NAME_CHARACTERS}
    if long and not all(map(long.isdisjoint, columns)):
        raise InvalidInputError("code_map", f"has a name of more than {NAME_CHARACTERS} characters")


def _beginning(of: Declaration) -> str:
    """The qualified name without the name at its end, which most have; the others after a mark."""
    end = f".{of.name}"
    if of.qualified_name.endswith(end) and len(of.qualified_name) > len(end):
        return of.qualified_name.removesuffix(end)
    return "" if of.qualified_name == of.name else _WHOLE + of.qualified_name


def _qualified(beginning: str, name: str) -> str:
    if beginning.startswith(_WHOLE):
        return beginning.removeprefix(_WHOLE)
    return f"{beginning}.{name}" if beginning else name


def _differences(numbers: Iterable[int]) -> list[int]:
    found, before = [], 0
    for each in numbers:
        found.append(each - before)
        before = each
    return found


def _sums(numbers: Sequence[int]) -> list[int]:
    return list(accumulate(numbers))


def _checked(table: tuple[str, int, int], columns: Any) -> list[list[int]]:
    """Columns of whole numbers, all equally long."""
    name, width, limit = table
    if (
        not isinstance(columns, list)
        or len(columns) != width
        or not all(isinstance(each, list) for each in columns)
    ):
        raise InvalidInputError("code_map", f"has not {width} columns for {name}")
    if len({len(each) for each in columns}) != 1 or len(columns[0]) > limit:
        raise InvalidInputError("code_map", f"has columns of different lengths, or more than {limit} {name}")
    if not all(type(number) is int for column in columns for number in column):
        raise InvalidInputError("code_map", f"has something else than numbers for {name}")
    return columns
