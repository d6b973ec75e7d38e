"""In: a parsed source. Out: the inputs of its scores: lines of code, repetition, cognitive complexity.

Comments and docstrings only count as documentation: leaving one out does not make code shorter.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import Final

from archon.contracts.analysis import Relationship
from intelligence.measures.cognitive import OUTSIDE, cognitive_complexity
from intelligence.measures.duplication import has_window, repeated_lines
from intelligence.syntax.nodes import ScopeNode, Tree

_NOT_NEWLINE: Final = re.compile(r"[^\n]")
_MARGIN: Final = 1000
"""Maximum characters of blanks and comments around a function."""


@dataclass
class Measures:
    """Measures of one source. `bare` is its text with comments blanked out; `cognitive` is by the start
    offset of an outermost function."""

    tree: Tree
    bare: str
    cognitive: Counter[int]

    @cached_property
    def _lines(self) -> Sequence[str]:
        return self.bare.split("\n")

    @cached_property
    def _counted(self) -> Sequence[int]:
        return [0, *accumulate(not line.isspace() and line != "" for line in self._lines)]

    @cached_property
    def repeated(self) -> set[int]:
        """Indices, from 0, of code lines that repeat earlier ones."""
        return repeated_lines(self._lines) | self._repeated_functions()

    @cached_property
    def distinct(self) -> Sequence[Sequence[ScopeNode]]:
        """Named scopes, grouped with their copies."""
        groups: dict[str, list[ScopeNode]] = {}
        for scope in self.tree.scopes:
            groups.setdefault(self._identity(scope), []).append(scope)
        return list(groups.values())

    @property
    def all_code_lines(self) -> int:
        return self._counted[-1]

    @property
    def duplicated_share(self) -> float:
        return len(self.repeated) / max(1, self.all_code_lines)

    @property
    def cognitive_outside(self) -> int:
        return self.cognitive[OUTSIDE]

    def code_lines(self, start_line: int, end_line: int) -> int:
        """Lines with code, from `start_line` to `end_line`, counted from 1."""
        return self._counted[min(end_line, len(self._lines))] - self._counted[start_line - 1]

    @cached_property
    def _texts(self) -> Mapping[ScopeNode, str]:
        return {scope: " ".join(self.bare[scope.start : scope.end].split()) for scope in self.tree.scopes}

    def _identity(self, scope: ScopeNode) -> str:
        """Scopes with equal identity are copies; short ones must also have the same name."""
        text = self._texts[scope]
        return f"{scope.kind} {_nameless(text, scope.name) if has_window(text) else text}"

    def _repeated_functions(self) -> set[int]:
        """Lines of copies that are shorter than a window."""
        seen: set[str] = set()
        lines: set[int] = set()
        for scope in self.tree.scopes:
            if scope.callable and self._has_its_lines_to_itself(scope):
                text = self._texts[scope]
                own = range(scope.start_line - 1, scope.end_line)
                lines |= {line for line in own if text in seen and self._lines[line].strip()}
                seen.add(text)
        return lines

    @cached_property
    def _starts(self) -> Sequence[int]:
        return [0, *accumulate(len(line) + 1 for line in self._lines)]

    def _has_its_lines_to_itself(self, scope: ScopeNode) -> bool:
        first, end = self._starts[scope.start_line - 1], self._starts[min(scope.end_line, len(self._lines))]
        # A line may be as long as the document and contain thousands of functions.
        if scope.start - first > _MARGIN or end - scope.end > _MARGIN:
            return False
        return not (self.bare[first : scope.start] + self.bare[scope.end : end]).strip()


def measure(tree: Tree, relationships: Iterable[Relationship]) -> Measures:
    """`relationships` show which functions call themselves."""
    return Measures(tree, _without_comments(tree), cognitive_complexity(tree, relationships))


def _nameless(text: str, name: str) -> str:
    """Without the first occurrence of `name` as a whole word."""
    position = text.find(name)
    while position >= 0:
        around = text[max(0, position - 1) : position], text[position + len(name) :][:1]
        if not any(character.isalnum() or character == "_" for character in around):
            return text[:position] + text[position + len(name) :]
        position = text.find(name, position + 1)
    return text


def _without_comments(tree: Tree) -> str:
    parts: list[str] = []
    end = 0
    for start, stop in sorted([*tree.comments, *tree.docstrings]):
        if start >= end:
            parts += [tree.text[end:start], _NOT_NEWLINE.sub(" ", tree.text[start:stop])]
            end = stop
    return "".join([*parts, tree.text[end:]])
