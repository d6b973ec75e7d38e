"""In: a parsed source. Out: the cognitive complexity of each function, and of the code outside functions.

G. Ann Campbell, Cognitive Complexity: a new way of measuring understandability (SonarSource, 2018 and 2023),
by the node kinds in the language file. A nested function counts for the outer one.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from ast_grep_py import SgNode

from archon.contracts.analysis import Relationship
from intelligence.syntax.grammar import Cognitive
from intelligence.syntax.nodes import ScopeNode, Tree, span

OUTSIDE: Final = -1
"""Key for code outside functions."""
_ALTERNATIVES: Final = frozenset({"else", "else_clause", "elif_clause", "else_if_clause", "elsif"})
_ELSE: Final = re.compile(r"\belse[ \t]*\Z")
_LOGICAL: Final = frozenset({"&&", "||", "and", "or"})


def cognitive_complexity(tree: Tree, calls: Iterable[Relationship]) -> Counter[int]:
    """By the start offset of an outermost function, or OUTSIDE. Direct recursion adds one point; cycles of
    several functions are not detected."""
    rule = tree.grammar.cognitive
    if rule is None:
        return Counter()
    walk = _Walk(tree, rule)
    for start, end, item in _in_order(tree, rule):
        walk.visit(start, end, item)
    recursive = {call.source for call in calls if call.kind == "calls" and call.source == call.target}
    for scope in tree.scopes:
        if scope.callable and scope.qualified_name in recursive:
            walk.found[_outermost(scope).start] += 1
    return walk.found


def _in_order(tree: Tree, rule: Cognitive) -> Iterator[tuple[int, int, SgNode | ScopeNode]]:
    """Functions and counting nodes, outer ones first."""
    items: list[tuple[int, int, SgNode | ScopeNode]] = [
        (scope.start, scope.end, scope) for scope in tree.scopes if scope.callable
    ]
    items += [(*span(node), node) for node in tree.root.find_all(rule.search)]
    return iter(sorted(items, key=lambda item: (item[0], -item[1])))


@dataclass
class _Walk:
    """The open nodes at a position: where each ends, and the nesting depth in it."""

    tree: Tree
    rule: Cognitive
    found: Counter[int] = field(default_factory=Counter)
    _open: list[tuple[int, int, int]] = field(default_factory=list)
    _sequenced: set[tuple[int, int]] = field(default_factory=set)

    def visit(self, start: int, end: int, item: SgNode | ScopeNode) -> None:
        while self._open and self._open[-1][0] <= start:
            self._open.pop()
        depth, owner = self._open[-1][1:] if self._open else (0, OUTSIDE)
        if isinstance(item, ScopeNode):
            inner = (depth + 1, owner) if owner != OUTSIDE else (0, start)
            self._open.append((end, *inner))
            return
        kind = item.kind()
        if kind in self.rule.functions:
            self._open.append((end, depth + (not self._is_named(start, end)), owner))
        elif kind in self.rule.conditionals:
            self.found[owner] += sum(child.kind() in _ALTERNATIVES - {kind} for child in item.children())
            if kind not in _ALTERNATIVES and not _ELSE.search(self.tree.text, max(0, start - 20), start):
                self.found[owner] += 1 + depth
                self._open.append((end, depth + 1, owner))
        elif kind in self.rule.nesting:
            self.found[owner] += 1 + depth
            self._open.append((end, depth + 1, owner))
        elif kind in self.rule.logical:
            self.found[owner] += self._sequences(item, (start, end))
        else:
            self.found[owner] += 1

    def _is_named(self, start: int, end: int) -> bool:
        """Whether an anonymous function is the complete value of a named one, which is already counted."""
        scope = self.tree.enclosing(start)
        value = scope.value if scope is not None and scope.callable else None
        return value is not None and span(value) == (start, end)

    def _sequences(self, node: SgNode, where: tuple[int, int]) -> int:
        """Number of runs of the same operator among directly joined operands."""
        if where in self._sequenced:
            return 0
        runs, last = 0, ""
        waiting: list[SgNode | str] = [node]
        while waiting:
            item = waiting.pop()
            if isinstance(item, str):
                runs, last = runs + (item != last), item
            elif (parts := self._operands(item)) is not None:
                waiting.extend(reversed(parts))
        return runs

    def _operands(self, node: SgNode) -> list[SgNode | str] | None:
        """Operands and operator of a logical expression, which may be in parentheses."""
        while node.kind().startswith("parenthesized"):
            inner = node.named_children()
            if len(inner) != 1:
                return None
            node = inner[0]
        if node.kind() not in self.rule.logical:
            return None
        parts = [_operator(child) or child for child in node.children()]
        if not any(isinstance(part, str) for part in parts):
            return None
        self._sequenced.add(span(node))
        return parts


def _operator(node: SgNode) -> str | None:
    written = node.text() if node.kind() == "operator_identifier" else node.kind()
    return written if written in _LOGICAL else None


def _outermost(scope: ScopeNode) -> ScopeNode:
    found, parent = scope, scope.parent
    while parent is not None:
        found, parent = (parent if parent.callable else found), parent.parent
    return found
