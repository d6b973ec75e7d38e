"""In: source code. Out: the nodes of its tree that its grammar names, found in one pass.

The search runs in the parser's own code; Python sees only the matches. Lines count from 1. A node's span
comes from an edit, because its range requires a walk along its line, which is quadratic in a source with a
single line.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from itertools import accumulate
from typing import Any, NamedTuple

from ast_grep_py import SgNode, SgRoot

from intelligence.syntax.grammar import TYPES, Grammar, Matcher, Part, Scope, grammars


@dataclass(eq=False)
class ScopeNode:
    """A function, class or similar. `start` and `end` are offsets; `decisions` are its own, without nested
    functions; `owner` is the type of a member, `bases` are the inherited types, as written."""

    node: SgNode
    rule: Scope
    kind: str
    name: str
    start: int
    end: int
    start_line: int
    end_line: int
    parent: "ScopeNode | None" = None
    qualified_name: str = ""
    owner: str | None = None
    ordinal: int = 0
    decisions: int = 0
    nesting: int = 0
    parameters: int = 0
    signature: str = ""
    documentation: str | None = None
    self_name: str | None = None
    value: SgNode | None = None
    """The function assigned to a variable, possibly through a wrapping call."""
    bases: list[str] = field(default_factory=list)
    children: list["ScopeNode"] = field(default_factory=list)
    function: "ScopeNode | None" = None
    """The function itself, or the innermost function around this scope."""

    @property
    def callable(self) -> bool:
        return self.kind in {"function", "method"}

    @property
    def is_type(self) -> bool:
        return self.kind in TYPES

    @property
    def lines(self) -> int:
        return self.end_line - self.start_line + 1


class Found(NamedTuple):
    """A node that the grammar names, with its offsets."""

    node: SgNode
    kind: str
    start: int
    end: int


@dataclass
class Tree:
    """A parsed source. `scopes` are the entities in order of appearance; `decisions` are those outside
    functions; `errors` counts parse errors, up to a thousand."""

    root: SgNode
    text: str
    grammar: Grammar
    language: str
    scopes: list[ScopeNode] = field(default_factory=list)
    extensions: list[ScopeNode] = field(default_factory=list)
    """Scopes that only qualify names inside them."""
    imports: list[Found] = field(default_factory=list)
    calls: list[tuple[Found, ScopeNode]] = field(default_factory=list)
    comments: list[tuple[int, int]] = field(default_factory=list)
    docstrings: list[tuple[int, int]] = field(default_factory=list)
    misses: list[tuple[int, int]] = field(default_factory=list)
    """Spans that were not understood: errors, nodes that the parser inserted, and phantoms."""
    decisions: int = 0
    errors: int = 0
    not_understood: int = 0
    """Number of non-blank lines with text that was not understood."""

    @cached_property
    def _line_starts(self) -> list[int]:
        return [0, *accumulate(len(line) + 1 for line in self.text.split("\n"))][:-1]

    @cached_property
    def _scope_starts(self) -> list[int]:
        return [scope.start for scope in self.scopes]

    def line(self, offset: int) -> int:
        return bisect_right(self._line_starts, offset)

    def line_start(self, offset: int) -> int:
        return self._line_starts[self.line(offset) - 1]

    def without_comments(self, start: int, end: int) -> str:
        """The source between two offsets, without comments."""
        first = bisect_left(self.comments, (start, 0))
        pieces = []
        for index in range(first, len(self.comments)):
            comment, comment_end = self.comments[index]
            if comment >= end:
                break
            pieces.append(self.text[start:comment])
            start = comment_end
        return " ".join([*pieces, self.text[start:end]])

    def enclosing(self, offset: int) -> ScopeNode | None:
        """The innermost entity around `offset`."""
        index = bisect_right(self._scope_starts, offset) - 1
        scope = self.scopes[index] if index >= 0 else None
        while scope is not None and scope.end <= offset:
            scope = scope.parent
        return scope


def span(node: SgNode) -> tuple[int, int]:
    """Start and end offset of a node."""
    edit = node.replace("")
    return edit.start_pos, edit.end_pos


def children(node: SgNode, part: Part) -> list[SgNode]:
    """Children by field or, if there are none, by kind; or the one at a position."""
    if isinstance(part, int):
        child = node.child(part)
        return [child] if child is not None else []
    return node.field_children(part) or [child for child in node.named_children() if child.kind() == part]


def child_of(node: SgNode, part: Part) -> SgNode | None:
    """The first child by field or kind, or the one at a position."""
    if isinstance(part, int):
        return node.child(part)
    found = node.field(part)
    if found is not None:
        return found
    return next((child for child in node.named_children() if child.kind() == part), None)


def first(node: SgNode, parts: Sequence[Part]) -> SgNode | None:
    """The first existing child."""
    return next((found[0] for part in parts if (found := children(node, part))), None)


def find_kinds(root: SgNode, kinds: Sequence[Matcher]) -> list[SgNode]:
    """Every matching node, in order of appearance."""
    rules = [{"kind": kind} if isinstance(kind, str) else dict(kind) for kind in kinds]
    config: Any = {"rule": {"any": rules}}
    return root.find_all(config)


def parsed(text: str, language: str) -> SgNode:
    """The root of `text`'s tree."""
    return SgRoot(text, grammars()[language].parsers[language]).root()


def matches(root: SgNode, language: str) -> Iterator[Found]:
    """All nodes that a language's grammar names, in order of appearance."""
    return (Found(node, node.kind(), *span(node)) for node in find_kinds(root, _known(language)))


def missing(root: SgNode) -> list[SgNode]:
    """Nodes that the parser had to insert: they are empty."""
    return root.find_all(regex="^$")[not root.text() :]


@cache
def _known(language: str) -> list[Matcher]:
    """The part of a grammar that the language's parser knows: it rejects rules about unknown kinds."""
    grammar = grammars()[language]
    root = SgRoot("", grammar.parsers[language]).root()
    known: list[Matcher] = []
    for matcher in [*grammar.matchers(language), "ERROR"]:
        try:
            find_kinds(root, [matcher])
        except RuntimeError:
            continue
        known.append(matcher)
    return known
