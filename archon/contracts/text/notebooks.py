"""In: a Jupyter notebook's JSON. Out: its cells, each line with its line number in the file.

Reads formats 3 and 4 (nbformat), token by token: cells of a truncated notebook are found up to the break, and
outputs, possibly megabytes, are skipped.
"""

import json
import re
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from archon.contracts.text.lines import lines_of, with_newlines

LANGUAGE: Final = "notebook"
_TOKEN: Final = re.compile(
    r'(?P<string>"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|(?P<open>\Z)))(?P<key>\s*+:\s*+(?P<number>\d*))?|[{}\[\]]',
    re.DOTALL,
)
"""Strings and brackets; a string followed by a colon is a key. Other tokens do not matter."""
_SOURCES: Final = frozenset({("source",), ("input",), ("source", None), ("input", None)})
_ATTRIBUTES: Final = frozenset({("cell_type",), ("language",), ("level",)})
_UNREAD: Final = frozenset({"outputs", "attachments"})
"""Parts of a cell that are never read; they may hold megabytes, mostly images."""
_LINE_END: Final = re.compile(r"\r\n?|\n")
_KERNELS: Final = (
    ("metadata", "kernelspec", "language"),
    ("metadata", "language_info", "name"),
    ("metadata", "kernelspec", "name"),
)
_DEPTH: Final = 3
"""Maximum depth of the values that are read, below the notebook or a cell."""
Path = tuple[str | None, ...]


class Line(NamedTuple):
    """A line of a cell, and the number of the file line where it begins, from 1. One file line may hold
    several cell lines."""

    text: str
    number: int


@dataclass
class Cell:
    """`kind`: code, markdown or raw; `language`: the cell's own language, if it has one."""

    kind: str = "raw"
    language: str | None = None
    heading: bool = False
    level: int = 1
    pieces: list[Line] = field(default_factory=list)

    @property
    def lines(self) -> list[Line]:
        """The cell's lines, independent of the division into pieces."""
        found: list[Line] = []
        begun: list[str] = []
        start = 0
        for text, number in self.pieces:
            for place, part in enumerate(with_newlines(text).split("\n")):
                if place > 0:
                    found.append(Line("".join(begun), start))
                    begun.clear()
                start = start if begun else number
                begun += [part] if part else []
        return [*found, Line("".join(begun), start)] if begun else found


@dataclass
class Notebook:
    """`language`: the kernel's language; `broken`: whether the JSON is truncated."""

    language: str | None = None
    cells: list[Cell] = field(default_factory=list)
    broken: bool = False


class _Frame(NamedTuple):
    is_object: bool
    key: str | None
    """The key under which the collection is stored; None in an array."""


class _Reader:
    def __init__(self) -> None:
        self.found = Notebook()
        self._frames: list[_Frame] = []
        self._key: str | None = None
        self._cell: Cell | None = None
        self._cell_depth = 0
        self._told: dict[Path, str] = {}

    def take(self, token: re.Match[str], line: int) -> None:
        if token["string"] is None:
            bracket = token[0]
            (self._open if bracket in "{[" else self._close)(is_object=bracket in "{}")
        elif token["key"] is None:
            self._value(token["string"], line)
        else:
            self._key = _decoded(token["string"])
            if token["number"]:
                self._value(token["number"], line)

    def finished(self) -> Notebook:
        self.found.broken |= bool(self._frames)
        names = [self._told[path] for path in _KERNELS if self._told.get(path)]
        names += [cell.language for cell in self.found.cells if cell.kind == "code" and cell.language]
        self.found.language = next(iter(names), None)
        return self.found

    def _open(self, *, is_object: bool) -> None:
        frames = self._frames
        if is_object and frames and not frames[-1].is_object and frames[-1].key == "cells":
            self._cell = Cell()
            self._cell_depth = len(frames)
            self.found.cells.append(self._cell)
        frames.append(_Frame(is_object, self._key))
        self._key = None

    def _close(self, *, is_object: bool) -> None:
        if not self._frames or self._frames[-1].is_object != is_object:
            self.found.broken = True
        if self._frames:
            self._frames.pop()
        if self._cell is not None and len(self._frames) <= self._cell_depth:
            self._cell = None
        self._key = None

    def _value(self, token: str, line: int) -> None:
        depth = len(self._frames) - (self._cell_depth if self._cell is not None else 0)
        if not 0 < depth <= _DEPTH:
            return
        path = (*(frame.key for frame in self._frames[-depth:][1:]), self._key)
        if self._cell is None:
            if path in _KERNELS:
                self._told[path] = _decoded(token)
            return
        if path in _SOURCES:
            self._cell.pieces.append(Line(_decoded(token), line))
        elif path in _ATTRIBUTES:
            self._tell(self._cell, path[0], _decoded(token))

    def _tell(self, cell: Cell, what: str | None, value: str) -> None:
        if what == "cell_type":
            # In format 3 a heading is a cell type.
            cell.kind = {"code": "code", "markdown": "markdown", "heading": "markdown"}.get(value, "raw")
            cell.heading = value == "heading"
        elif what == "language":
            cell.language = value
        elif value.isdigit():
            cell.level = min(int(value), 6)


def read(text: str) -> Notebook:
    """The readable part of a notebook; without any cell, `text` is not a notebook."""
    reader = _Reader()
    text = with_newlines(text)
    line, position = 1, 0
    for token in _TOKEN.finditer(text):
        line, position = line + text.count("\n", position, token.start()), token.start()
        if token["open"] is not None:
            break
        reader.take(token, line)
    return reader.finished()


def without_outputs(text: str) -> str:
    """A notebook without cell outputs and attached images; every other line keeps its number. A truncated
    notebook is returned unchanged."""
    kept: list[str] = []
    keys: list[str | None] = []  # the key of each open collection
    key: str | None = None
    unread, end = 0, 0
    for token in _TOKEN.finditer(text):
        if token["open"] is not None:
            return text
        if token["string"] is not None:
            key = _decoded(token["string"]) if token["key"] is not None and not unread else None
        elif token[0] in "{[":
            keys.append(key)
            if not unread and keys[-3:-1] == ["cells", None] and key in _UNREAD:
                unread = len(keys)
                kept.append(text[end : token.end()])
                end = token.end()
            key = None
        else:
            if unread and len(keys) == unread:
                kept += _LINE_END.findall(text, end, token.start())
                unread, end = 0, token.start()
            if keys:
                keys.pop()
    return text if keys else "".join([*kept, text[end:]])


def rendered(notebook: Notebook) -> list[tuple[Cell, list[Line]]]:
    """The visible lines of each cell, followed by an empty line."""
    shown = []
    for cell in notebook.cells:
        lines = cell.lines
        if cell.heading and lines:
            lines[0] = Line(f"{'#' * cell.level} {lines[0].text}", lines[0].number)
        if lines:
            shown.append((cell, [*lines, Line("", lines[-1].number)]))
    return shown


def shown_text(text: str) -> str:
    """The notebook as a reader sees it, without outputs; any other text is returned unchanged."""
    lines = [line.text for _, lines in rendered(read(text)) for line in lines]
    return "\n".join(lines) if lines else text


def shown_lines(text: str) -> list[str | None]:
    """The visible text of each file line; None if it has none."""
    file_lines = lines_of(text)
    shown: dict[int, list[str]] = {}
    for _, lines in rendered(read(text)):
        for line in lines[:-1]:
            shown.setdefault(line.number, []).append(line.text)
    if not shown:
        return list(file_lines)
    return ["\n".join(shown[number]) if number in shown else None for number in range(1, len(file_lines) + 1)]


def _decoded(token: str) -> str:
    try:
        return str(json.loads(token))
    except ValueError:
        return token.strip('"')
