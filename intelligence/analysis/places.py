"""In: what was found in a text whose lines stand elsewhere in a file. Out: the same on the file's lines."""

from collections.abc import Sequence

from archon.contracts.analysis import Chunk, Entity, Finding, Relationship


def placed(found: Sequence[Chunk | Entity | Finding | Relationship], numbers: Sequence[int]) -> None:
    """Sets their lines; `numbers` has for each line of the text that of the file, from 1."""
    for each in found:
        if isinstance(each, Chunk | Entity):
            each.start_line, each.end_line = (
                _number(each.start_line, numbers),
                _number(each.end_line, numbers),
            )
        elif each.line is not None:
            each.line = _number(each.line, numbers)


def _number(line: int, numbers: Sequence[int]) -> int:
    """A line behind the last is at the end."""
    return numbers[min(line, len(numbers)) - 1] if numbers else 1
