"""In: a text and its entities. Out: its chunks, each with the text to embed.

A chunk is a symbol's own lines, or a window of lines that belong to no symbol.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from archon.contracts.analysis import Chunk, Entity
from archon.contracts.text.entity_hashes import own_lines
from archon.contracts.text.lines import lines_of
from intelligence.embedding import terms

SYMBOLS_LIMIT: Final = 360
WINDOWS_LIMIT: Final = 40
WINDOW_LINES: Final = 60
LEXICAL_CHARACTERS: Final = 16_000
DENSE_CHARACTERS: Final = 2_000
_SAYS: Final = re.compile(r"[^\W_]")
_PART_OF_OTHERS: Final = frozenset({"link", "code_block", "reference", "anchor"})
"""Kinds that belong to the chunk around them."""
KEY_LINES: Final = range(3, WINDOW_LINES + 1)
"""A key of a data file becomes a chunk if it has at least this many lines and no other such key is around it;
otherwise it belongs to the chunk around it."""


class Draft(NamedTuple):
    """A chunk without its embedding, and the text to embed."""

    chunk: Chunk
    text: str


def chunked(text: str, entities: Sequence[Entity]) -> list[Draft]:
    """Chunks in order of appearance. Above the limit, keeps the longest symbols, which then contain the lines
    of the others."""
    lines = lines_of(text)
    symbols = list(_symbols(entities))
    longest = sorted(symbols, key=lambda each: each.start_line - each.end_line)[:SYMBOLS_LIMIT]
    own = own_lines(longest, len(lines))
    drafts = [
        _of_symbol(entity, _joined(lines, numbers))
        for entity, numbers in zip(longest, own, strict=True)
        if numbers
    ]
    drafts += _of_document(lines, sorted(set(range(1, len(lines) + 1)).difference(*own)))
    return sorted(drafts, key=lambda draft: draft.chunk.start_line)


def _symbols(entities: Sequence[Entity]) -> Iterator[Entity]:
    end = 0
    for entity in sorted(entities, key=lambda each: (each.start_line, -each.end_line)):
        if entity.kind == "key":
            length = entity.end_line - entity.start_line + 1
            if entity.start_line < end or length not in KEY_LINES:
                continue
            end = entity.end_line
        if entity.kind not in _PART_OF_OTHERS:
            yield entity


def _of_symbol(entity: Entity, text: str) -> Draft:
    chunk = Chunk(
        symbol=entity.qualified_name,
        kind=entity.kind,
        ordinal=entity.ordinal,
        start_line=entity.start_line,
        end_line=max(entity.start_line, entity.end_line),
        terms=terms.of_chunk(text[:LEXICAL_CHARACTERS], entity.name, _scope(entity)),
    )
    said = [entity.qualified_name, entity.documentation or "", text]
    return Draft(chunk, "\n".join(said)[:DENSE_CHARACTERS])


def _of_document(lines: Sequence[str], numbers: Sequence[int]) -> Iterator[Draft]:
    for ordinal, window in enumerate(_windows(lines, numbers)):
        text = _joined(lines, window)
        chunk = Chunk(
            ordinal=ordinal,
            start_line=window[0],
            end_line=window[-1],
            terms=terms.of_chunk(text[:LEXICAL_CHARACTERS]),
        )
        yield Draft(chunk, text[:DENSE_CHARACTERS])


def _windows(lines: Sequence[str], numbers: Sequence[int]) -> Iterator[Sequence[int]]:
    """Windows over lines that are not blank."""
    written = [number for number in numbers if _SAYS.search(lines[number - 1])]
    for start in range(0, min(len(written), WINDOWS_LIMIT * WINDOW_LINES), WINDOW_LINES):
        yield written[start : start + WINDOW_LINES]


def _joined(lines: Sequence[str], numbers: Sequence[int]) -> str:
    return "\n".join(lines[number - 1] for number in numbers)


def _scope(entity: Entity) -> str:
    """The part of the qualified name before the name."""
    return entity.qualified_name.removesuffix(entity.name)
