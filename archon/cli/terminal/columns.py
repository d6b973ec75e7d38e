"""In: rows of cells, and the width of a terminal. Out: one aligned line for each row."""

from collections.abc import Sequence
from typing import Final

from rich.cells import cell_len, set_cell_size

_GAP: Final = "  "
_LEAST: Final = 8


def lines(rows: Sequence[Sequence[str]], width: int | None) -> list[str]:
    """All rows have the same number of cells. `width` is the terminal's width in cells; None cuts nothing.

    If a row is too long, its widest cells are cut. The first cell names the row and is cut last.
    """
    widths = [max(map(cell_len, column)) for column in zip(*rows, strict=True)]
    if width is not None:
        space = width - len(_GAP) * (len(widths) - 1)
        _shrink(widths, space, range(1, len(widths)))
        _shrink(widths, space, range(len(widths)))
    return [_GAP.join(map(_fitted, row, widths)).rstrip() for row in rows]


def _shrink(widths: list[int], space: int, columns: range) -> None:
    while columns and sum(widths) > space:
        widest = max(columns, key=widths.__getitem__)
        if widths[widest] <= _LEAST:
            return
        widths[widest] -= 1


def _fitted(cell: str, width: int) -> str:
    return set_cell_size(cell, width) if cell_len(cell) <= width else set_cell_size(cell, width - 1) + "…"
