"""In: a text and its entities. Out: its chunks, each with the text to embed.

A chunk is a symbol's own lines with the comment above it, or a window of lines that belong to no symbol.
Columns separate the symbols of one line.
"""

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from blake3 import blake3

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


_ATTRIBUTE: Final = re.compile(r"\s*(?:#!?\[|@\w|\[[A-Z]|template\s*<)")
"""A line that may stand between a comment and its symbol."""
_INDENTS: Final = re.compile(r"^[ \t]+|[ \t\r]+$", re.MULTILINE)
Span = tuple[int, int]
"""Offsets in the text."""


class Draft(NamedTuple):
    """A chunk without its embedding, and the text to embed."""

    chunk: Chunk
    text: str


def chunked(
    text: str, entities: Sequence[Entity], comments: Collection[int] = (), spans: Sequence[Span] = ()
) -> list[Draft]:
    """Chunks in order of appearance. Above the limit, keeps the longest symbols, which then contain the lines
    of the others. `comments`: numbers of the lines with a comment alone; `spans`: of each entity, if
    known."""
    lines = lines_of(text)
    symbols = list(_symbols(entities))
    longest = sorted(symbols, key=lambda each: each.start_line - each.end_line)[:SYMBOLS_LIMIT]
    whole = [_with_comment(each, lines, comments) for each in longest]
    own = own_lines(whole, len(lines))
    beside = _beside(text, longest, dict(zip(map(_key, entities), spans, strict=False)))
    drafts = [
        _of_symbol(entity, beside.get(_key(entity)) or Part(_joined(lines, numbers)))
        for entity, numbers in zip(whole, own, strict=True)
        if numbers or _key(entity) in beside
    ]
    drafts += _of_document(lines, sorted(set(range(1, len(lines) + 1)).difference(*own)))
    return sorted(drafts, key=lambda draft: (draft.chunk.start_line, draft.chunk.start_column or 0))


class Part(NamedTuple):
    """A symbol's own text, and its first column if that is not its whole line."""

    text: str
    column: int | None = None


def _key(entity: Entity) -> tuple[str, str, int]:
    return entity.kind, entity.qualified_name, entity.ordinal


def _with_comment(entity: Entity, lines: Sequence[str], comments: Collection[int]) -> Entity:
    """The entity from the first line of the comment directly above, at most WINDOW_LINES."""
    first = line = entity.start_line
    while entity.start_line - line < WINDOW_LINES:
        line -= 1
        if line in comments:
            first = line
        elif line < 1 or line > len(lines) or not comments or not _ATTRIBUTE.match(lines[line - 1]):
            break
    return entity if first == entity.start_line else entity.model_copy(update={"start_line": first})


def _beside(
    text: str, entities: Sequence[Entity], spans: Mapping[tuple[str, str, int], Span]
) -> dict[Any, Part]:
    """The own text of each symbol on a line where several begin, without the symbols in it."""
    begins = Counter(each.start_line for each in entities)
    crowded = [
        (spans[_key(each)], _key(each))
        for each in entities
        if begins[each.start_line] > 1 and each.start_line == each.end_line and _key(each) in spans
    ]
    found: dict[Any, Part] = {}
    ordered = sorted(crowded, key=lambda each: (each[0][0], -each[0][1]))
    for position, ((start, end), key) in enumerate(ordered):
        pieces, at, size = [], start, 0
        for (inner, inner_end), _ in ordered[position + 1 :]:
            if inner >= end or size > LEXICAL_CHARACTERS:
                break
            if inner >= at:
                pieces.append(text[at:inner])
                size += inner - at
                at = inner_end
        line_start = max(text.rfind("\n", 0, start), text.rfind("\r", 0, start)) + 1
        found[key] = Part(" ".join([*pieces, text[at:end]]), start - line_start + 1)
    return found


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


def _of_symbol(entity: Entity, part: Part) -> Draft:
    text = part.text
    fields = terms.Fields(entity.name, _scope(entity), entity.signature or "")
    chunk = Chunk(
        symbol=entity.qualified_name,
        kind=entity.kind,
        ordinal=entity.ordinal,
        start_line=entity.start_line,
        end_line=max(entity.start_line, entity.end_line),
        start_column=part.column,
        body_hash=_hash(text),
        terms=terms.of_chunk(text[:LEXICAL_CHARACTERS], fields),
    )
    said = [entity.qualified_name, entity.documentation or "", text]
    return Draft(chunk, "\n".join(said)[:DENSE_CHARACTERS])


def _hash(text: str) -> str:
    """Equal for copies at another indentation."""
    return blake3(_INDENTS.sub("", text).encode(errors="replace")).hexdigest(8)


def _of_document(lines: Sequence[str], numbers: Sequence[int]) -> Iterator[Draft]:
    for ordinal, window in enumerate(_windows(lines, numbers)):
        text = _joined(lines, window)
        chunk = Chunk(
            ordinal=ordinal,
            start_line=window[0],
            end_line=window[-1],
            body_hash=_hash(text),
            terms=terms.of_chunk(text[:LEXICAL_CHARACTERS]),
        )
        yield Draft(chunk, f"\n{text}"[:DENSE_CHARACTERS])


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
