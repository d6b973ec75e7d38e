"""In: source code. Out: its tree, its named scopes with their nesting, and measures of each.

Searches run in the parser's own code; Python sees the matches alone. Lines count from 1.
"""

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

from ast_grep_py import SgNode, SgRoot

from intelligence.grammar import Grammar

SIGNATURE_CHARACTERS = 300


@dataclass
class ScopeNode:
    """A function, class or the like. `start` and `end` are offsets; `decisions` are its own, without those
    of scopes inside it."""

    node: SgNode
    kind: str
    name: str
    start: int
    end: int
    start_line: int
    end_line: int
    parent: "ScopeNode | None" = None
    qualified_name: str = ""
    ordinal: int = 0
    decisions: int = 0
    nesting: int = 0
    parameters: int = 0
    children: list["ScopeNode"] = field(default_factory=list)

    @property
    def callable(self) -> bool:
        return self.kind in {"function", "method"}

    @property
    def lines(self) -> int:
        return self.end_line - self.start_line + 1


@dataclass
class Tree:
    """A parsed source. `scopes` are in order of appearance; `decisions` are those outside any function."""

    root: SgNode
    grammar: Grammar
    language: str
    scopes: list[ScopeNode]
    decisions: int = 0

    @cached_property
    def _starts(self) -> list[int]:
        return [scope.start for scope in self.scopes]

    def enclosing(self, offset: int) -> ScopeNode | None:
        """The innermost scope that holds `offset`."""
        index = bisect_right(self._starts, offset) - 1
        scope = self.scopes[index] if index >= 0 else None
        while scope is not None and scope.end <= offset:
            scope = scope.parent
        return scope


def parse(text: str, language: str, grammar: Grammar) -> Tree:
    """The tree of `text`; what cannot be parsed is left out of it."""
    root = SgRoot(text, grammar.parsers[language]).root()
    tree = Tree(root, grammar, language, _scopes(root, grammar, language))
    _nest(tree.scopes)
    _measure(tree)
    return tree


def find_kinds(root: SgNode, kinds: Sequence[str]) -> list[SgNode]:
    """Every node of one of `kinds`, in order of appearance."""
    return root.find_all({"rule": {"any": [{"kind": kind} for kind in dict.fromkeys(kinds)]}})


def _scopes(root: SgNode, grammar: Grammar, language: str) -> list[ScopeNode]:
    scopes = grammar.scopes_of(language)
    kinds = sorted({scope.node for scope in scopes})
    found: list[ScopeNode] = []
    for node in find_kinds(root, _known(root, kinds)):
        for scope in scopes:
            if scope.node == node.kind() and _has_value(node, scope.value):
                named = _scope(node, scope.kind, node.field(scope.name))
                if named is not None:
                    found.append(named)
                break
    return sorted(found, key=lambda each: (each.start, -each.end))


def _known(root: SgNode, kinds: Sequence[str]) -> list[str]:
    """The kinds that this parser has: a rule about another one is an error to it."""
    known = []
    for kind in kinds:
        try:
            root.find({"rule": {"kind": kind}})
        except RuntimeError:
            continue
        known.append(kind)
    return known


def _has_value(node: SgNode, kinds: Sequence[str]) -> bool:
    if not kinds:
        return True
    value = node.field("value")
    return value is not None and value.kind() in kinds


def _scope(node: SgNode, kind: str, name: SgNode | None) -> ScopeNode | None:
    if name is None or not name.text():
        return None
    where = node.range()
    return ScopeNode(
        node, kind, name.text(), where.start.index, where.end.index, where.start.line + 1, where.end.line + 1
    )


def _nest(scopes: Sequence[ScopeNode]) -> None:
    """Parents, qualified names and ordinals, by position; a function right inside a class is a method."""
    open_: list[ScopeNode] = []
    seen: Counter[tuple[str, str]] = Counter()
    for scope in scopes:
        while open_ and open_[-1].end <= scope.start:
            open_.pop()
        scope.parent = open_[-1] if open_ else None
        if scope.parent is not None:
            scope.parent.children.append(scope)
            if scope.parent.kind == "class" and scope.kind == "function":
                scope.kind = "method"
        scope.qualified_name = f"{scope.parent.qualified_name}.{scope.name}" if scope.parent else scope.name
        key = (scope.kind, scope.qualified_name)
        scope.ordinal = seen[key]
        seen[key] += 1
        open_.append(scope)


def _measure(tree: Tree) -> None:
    for node in find_kinds(tree.root, tree.grammar.decisions):
        owner = _function_at(tree, node.range().start.index)
        if owner is None:
            tree.decisions += 1
        else:
            owner.decisions += 1
    _measure_nesting(tree)
    ignored = set(tree.grammar.parameters.ignore)
    for node in find_kinds(tree.root, [tree.grammar.parameters.node]):
        scope = tree.enclosing(node.range().start.index)
        if scope is not None and not scope.parameters:
            scope.parameters = sum(child.text() not in ignored for child in node.named_children())


def _measure_nesting(tree: Tree) -> None:
    open_: list[int] = []
    owners: list[ScopeNode | None] = []
    for node in find_kinds(tree.root, tree.grammar.nesting):
        where = node.range()
        while open_ and open_[-1] <= where.start.index:
            open_.pop()
            owners.pop()
        owner = _function_at(tree, where.start.index)
        open_.append(where.end.index)
        owners.append(owner)
        if owner is not None:
            owner.nesting = max(owner.nesting, owners.count(owner))


def _function_at(tree: Tree, offset: int) -> ScopeNode | None:
    scope = tree.enclosing(offset)
    while scope is not None and not scope.callable:
        scope = scope.parent
    return scope


def signature(scope: ScopeNode, text: str) -> str:
    """The declaration up to its body, on one line."""
    body = scope.node.field("body")
    end = body.range().start.index if body is not None else scope.end
    head = " ".join(text[scope.start : end].split()).rstrip(" :{=>")
    return head[:SIGNATURE_CHARACTERS]


def documentation(scope: ScopeNode, style: str) -> str | None:
    """The docstring, or the JSDoc comment right above; its first paragraph."""
    raw = _docstring(scope.node) if style == "docstring" else _jsdoc(scope.node)
    if raw is None:
        return None
    paragraph = raw.strip().split("\n\n")[0]
    return " ".join(paragraph.split())[:500] or None


def _docstring(node: SgNode) -> str | None:
    body = node.field("body")
    first = (
        next((child for child in body.named_children() if child.kind() != "comment"), None) if body else None
    )
    if first is None or first.kind() != "expression_statement":
        return None
    string = first.child(0)
    if string is None or string.kind() != "string":
        return None
    return string.text().lstrip("rRuUbBfF").strip("\"'")


def _jsdoc(node: SgNode) -> str | None:
    holder = node
    parent = node.parent()
    while parent is not None and parent.kind() in {
        "export_statement",
        "lexical_declaration",
        "variable_declaration",
    }:
        holder, parent = parent, parent.parent()
    before = holder.prev()
    if before is None or before.kind() != "comment" or not before.text().startswith("/**"):
        return None
    lines = [line.strip().lstrip("*").strip() for line in before.text()[3:-2].splitlines()]
    return "\n".join(line for line in lines if not line.startswith("@"))


def line_index(text: str) -> list[int]:
    """Offsets at which lines begin."""
    return [0, *(position + 1 for position, character in enumerate(text) if character == "\n")]


def line_at(lines: Sequence[int], offset: int) -> int:
    return bisect_left(lines, offset + 1)
