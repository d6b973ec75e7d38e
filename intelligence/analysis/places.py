"""In: results for a text whose lines have other numbers in the file. Out: the same results with the file's
line numbers."""

from collections.abc import Sequence

from archon.contracts.analysis import Chunk, Entity, Finding, Relationship
from archon.contracts.code.references import CodeMap


def placed(found: Sequence[Chunk | Entity | Finding | Relationship], numbers: Sequence[int]) -> None:
    """Replaces the line numbers; `numbers` has the file's line, from 1, for each line of the text."""
    for each in found:
        if isinstance(each, Chunk | Entity):
            each.start_line, each.end_line = (
                _number(each.start_line, numbers),
                _number(each.end_line, numbers),
            )
        elif each.line is not None:
            each.line = _number(each.line, numbers)


def renumbered(code: CodeMap, numbers: Sequence[int]) -> CodeMap:
    return code._replace(
        declarations=[
            each._replace(
                start_line=_number(each.start_line, numbers), end_line=_number(each.end_line, numbers)
            )
            for each in code.declarations
        ],
        references=[each._replace(line=_number(each.line, numbers)) for each in code.references],
        bindings=[each._replace(line=_number(each.line, numbers)) for each in code.bindings],
    )


def _number(line: int, numbers: Sequence[int]) -> int:
    """A line after the last one is at the end."""
    return numbers[min(line, len(numbers)) - 1] if numbers else 1
