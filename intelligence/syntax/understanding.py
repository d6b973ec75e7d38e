"""In: a parsed source. Out: the number of its lines that were not understood.

A parser's error may span the whole source and still contain much that was understood: complete declarations
and statements within an error do not count.
"""

from bisect import bisect_left
from typing import Final

from intelligence.syntax.nodes import Tree

_ENTITY: Final = 1


def not_understood(tree: Tree) -> int:
    """Number of non-blank lines, each counted once."""
    if not tree.misses:
        return 0
    lines = tree.text.split("\n")
    marks = bytearray(len(lines) + 2)
    starts = [scope.start for scope in tree.scopes]
    # Outer errors first: an error in a function inside an error still counts.
    for start, end in sorted(tree.misses, key=lambda miss: (miss[0], -miss[1])):
        first, last = tree.line(start), tree.line(max(start, end - 1))
        marks[first : last + 1] = b"\1" * (last + 1 - first)
        position = bisect_left(starts, start)
        while position < len(starts) and starts[position] < end:
            scope = tree.scopes[position]
            if scope.end <= end:
                count = scope.end_line + 1 - scope.start_line
                marks[scope.start_line : scope.end_line + 1] = bytes(count)
            position = max(position + 1, bisect_left(starts, scope.end) if scope.end <= end else 0)
    return sum(
        mark and not line.isspace() and line != "" for mark, line in zip(marks[1:], lines, strict=False)
    )
