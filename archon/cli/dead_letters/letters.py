"""In: dead letters, and keys as people type them. Out: rows with the reason, and the selected letters."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

from rich.cells import cell_len, chop_cells

from archon.cli.terminal.output import printable, sentence
from archon.contracts.errors import InvalidInputError, NotFoundError
from archon.contracts.operations.dead_letters import DeadLetterRow

COLUMNS: Final = ("key", "project", "file", "type", "failed", "reason")
_CUT: Final = "…"
_HEAD: Final = 8
_TAIL: Final = 16
_PROJECT_SHARE: Final = 10
_FILE_SHARE: Final = 6


def cells(rows: Sequence[DeadLetterRow], width: int | None) -> list[tuple[str, ...]]:
    """One row for each letter. `width` is the width of the terminal in cells; None shortens nothing."""
    keys = short_keys([row.key for row in rows])
    return [
        (
            row.key if width is None else keys[row.key],
            _limited(row.project_name, width and width // _PROJECT_SHARE),
            file_of(row, width),
            row.failure_type,
            f"{row.failure_timestamp:%m-%d %H:%M}",
            sentence(row.failure_reason),
        )
        for row in rows
    ]


def file_of(row: DeadLetterRow, width: int | None) -> str:
    """The end of a path is its most specific part."""
    path = printable(row.file_path or "")
    room = width and width // _FILE_SHARE
    if not room or cell_len(path) <= room:
        return path
    backwards = chop_cells(path[::-1], room - 1)
    return _CUT + backwards[0][::-1]


def short_keys(keys: Iterable[str]) -> dict[str, str]:
    """For each key the shortest unambiguous part: the start of an id, the end of a message's position."""
    short = {key: _short(key) for key in keys}
    taken = Counter(short.values())
    return {key: each if taken[each] == 1 else key for key, each in short.items()}


def named(given: str, rows: Sequence[DeadLetterRow]) -> DeadLetterRow:
    """The letter whose key or id is `given`, or the only one that starts or ends with it. A part shorter than
    in `short_keys` is too short. Raises NotFoundError; InvalidInputError for several matches."""
    if whole := [row for row in rows if given in (row.key, row.document_id)]:
        return next((row for row in whole if row.key == given), whole[0])
    part = given.strip(_CUT)
    found = [row for row in rows if row.key.startswith(part) or row.key.endswith(part)]
    if not found or len(part) < _HEAD:
        raise NotFoundError(f"there is no dead letter {given}")
    if len(found) > 1:
        raise InvalidInputError("KEY", f"{given} is part of {len(found)} keys; give more characters")
    return found[0]


def _short(key: str) -> str:
    if ":" not in key:
        return key[:_HEAD]
    return key if len(key) <= _TAIL else _CUT + key[-_TAIL:]


def _limited(text: str | None, room: int | None) -> str:
    plain = printable(text or "")
    if not room or cell_len(plain) <= room:
        return plain
    return chop_cells(plain, room - 1)[0] + _CUT
