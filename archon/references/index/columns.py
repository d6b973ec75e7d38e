"""In: references of a document. Out: the same in columns, each reference made when it is used.

Most are never looked at, and four lists are read and kept at less cost than a tuple for each reference.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, overload

from archon.contracts.code.references import Reference


class References(Sequence[Reference]):
    """`columns`: kinds, names, lines and sources."""

    def __init__(self, columns: Sequence[Sequence[Any]]) -> None:
        self.columns = columns
        self.kinds, self.names, self.lines, self.sources = columns

    def __len__(self) -> int:
        return len(self.kinds)

    @overload
    def __getitem__(self, at: int) -> Reference: ...

    @overload
    def __getitem__(self, at: slice) -> Sequence[Reference]: ...

    def __getitem__(self, at: int | slice) -> Reference | Sequence[Reference]:
        if isinstance(at, slice):
            return list(self)[at]
        return Reference(self.kinds[at], self.names[at], self.lines[at], self.sources[at])

    def __iter__(self) -> Iterator[Reference]:
        return map(Reference, *self.columns)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, References) and self.columns == other.columns

    def __hash__(self) -> int:
        return hash(tuple(self.names))


def columns_of(references: Iterable[Reference]) -> list[list[Any]]:
    return [list(each) for each in zip(*references, strict=True)] or [[], [], [], []]
