"""In: source code. Out: its tree: named scopes with their measures, and nodes that import or call.

One walk over the nodes in order of appearance, with the open scopes at each.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Final

from ast_grep_py import SgNode

from intelligence.syntax import declarations, naming
from intelligence.syntax.documentation import documentation, signature
from intelligence.syntax.grammar import Grammar, grammars
from intelligence.syntax.nodes import Found, ScopeNode, Tree, find_kinds, matches, missing, parsed, span
from intelligence.syntax.rewriting import readable, rewritten
from intelligence.syntax.understanding import not_understood

__all__ = ["ScopeNode", "Tree", "parse"]

ERRORS_LIMIT: Final = 1000
DEPTH_LIMIT: Final = 100
SECOND_LOOK_CHARACTERS: Final = 200_000
"""A longer source is mostly data or generated, and gets only one look."""
_HEAD: Final = 300
_ELSE: Final = re.compile(r"\belse\s*\Z")


def parse(text: str, language: str, grammar: Grammar) -> Tree:
    """The tree of `text`; text that cannot be parsed is omitted and counted.

    If some text is not understood, a second look replaces syntax that the parser is known not to know. The
    source may turn out to be in another language.
    """
    tree = _understood(text, language, grammar)
    declarations.number(tree)
    for scope in tree.scopes:
        scope.signature = signature(scope, tree)
        scope.documentation = documentation(scope, tree)
    return tree


def _understood(text: str, language: str, grammar: Grammar) -> Tree:
    """The best of several looks at `text`: the one that understands most."""
    shown = readable(text, grammar)
    best = _look(text, parsed(shown, language), language, grammar)
    if not best.misses or len(text) > SECOND_LOOK_CHARACTERS:
        return best
    if (again := rewritten(shown, grammar.again)) != shown:
        root = parsed(again, language)
        # The walk takes longer than the parsing.
        if len(find_kinds(root, ["ERROR"])) + len(missing(root)) < len(best.misses):
            best = min(best, _look(text, root, language, grammar), key=_missed)
    for other, sign in grammar.or_else.items():
        if best.misses and sign.search(text):
            best = min(best, _understood(text, other, grammars()[other]), key=_missed)
    return best


def _missed(tree: Tree) -> tuple[int, int]:
    return tree.not_understood, tree.errors


def _look(text: str, root: SgNode, language: str, grammar: Grammar) -> Tree:
    """The tree below `root`, which the parser built from the rewritten `text`."""
    tree = Tree(root, text, grammar, language)
    walk = _Walk(tree)
    for found in matches(root, language):
        walk.visit(found)
    made_up = missing(root)
    tree.misses += map(span, made_up[:ERRORS_LIMIT])
    tree.errors = min(tree.errors + len(made_up), ERRORS_LIMIT)
    tree.not_understood = not_understood(tree)
    return tree


class _Walk:
    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._rules = tree.grammar.scopes_of(tree.language)
        self._scopes: list[ScopeNode] = []
        self._nests: list[tuple[int, ScopeNode | None, int]] = []
        self._depths: Counter[ScopeNode | None] = Counter()
        self._meanings: dict[str, list[Callable[[Found], None]]] = {}

    def visit(self, found: Found) -> None:
        """Processes one node, which may have several meanings."""
        while self._scopes and self._scopes[-1].end <= found.start:
            self._scopes.pop()
        meanings = self._meanings.get(found.kind)
        if meanings is None:
            meanings = self._meanings[found.kind] = list(self._meanings_of(found.kind))
        for take in meanings:
            take(found)

    def _meanings_of(self, kind: str) -> Iterator[Callable[[Found], None]]:
        grammar = self._tree.grammar
        if kind in grammar.comments:
            yield self._comment
        if kind in grammar.docstring_kinds:
            yield self._docstring
        if kind in self._rules:
            yield self._open
        if kind in grammar.imports_by_node:
            yield self._tree.imports.append
        if kind in grammar.calls.nodes:
            yield self._call
        if kind in grammar.decision_kinds:
            yield self._decide
        if kind in grammar.nesting_kinds:
            yield self._nest
        if kind in grammar.embed_kinds:
            yield self._embed
        if kind in grammar.phantom_kinds:
            yield self._miss

    def _comment(self, found: Found) -> None:
        self._tree.comments.append((found.start, found.end))

    def _docstring(self, found: Found) -> None:
        self._tree.docstrings.append((found.start, found.end))

    def _call(self, found: Found) -> None:
        if self._scopes:
            self._tree.calls.append((found, self._scopes[-1]))

    def _embed(self, found: Found) -> None:
        if self._scopes and self._scopes[-1].is_type:
            head = self._tree.text[found.start : min(found.end, found.start + _HEAD)]
            self._scopes[-1].bases += naming.bases(head)

    def _miss(self, found: Found) -> None:
        self._tree.errors += 1
        if len(self._tree.misses) < ERRORS_LIMIT:
            self._tree.misses.append((found.start, found.end))

    def _open(self, found: Found) -> None:
        if len(self._scopes) == DEPTH_LIMIT:
            return
        within = self._scopes[-1].function if self._scopes else None
        for scope in declarations.scopes_of(found, self._tree, self._rules):
            if scope.rule.outermost and within is not None:
                continue
            if scope.rule.rest is not None:
                self._last_to_the_end(scope)
            scope.parent = self._scopes[-1] if self._scopes else None
            declarations.qualify(scope)
            scope.function = scope if scope.callable else scope.parent.function if scope.parent else None
            named = scope.kind not in {"extension", "package"}
            (self._tree.scopes if named else self._tree.extensions).append(scope)
            if not scope.rule.several:
                self._scopes.append(scope)

    def _last_to_the_end(self, scope: ScopeNode) -> None:
        """A package's name applies to the rest of the text, until the next one."""
        scope.end = len(self._tree.text) + 1
        if scope.rule.rest == "until_next" and self._scopes and self._scopes[-1].rule.rest is not None:
            self._scopes.pop()

    def _decide(self, _: Found) -> None:
        function = self._scopes[-1].function if self._scopes else None
        if function is None:
            self._tree.decisions += 1
        else:
            function.decisions += 1

    def _nest(self, found: Found) -> None:
        while self._nests and self._nests[-1][0] <= found.start:
            _, owner, step = self._nests.pop()
            self._depths[owner] -= step
        function = self._scopes[-1].function if self._scopes else None
        # An `else if` is as deep as its `if`.
        step = 0 if _ELSE.search(self._tree.text, max(0, found.start - 20), found.start) else 1
        self._depths[function] += step
        self._nests.append((found.end, function, step))
        if function is not None:
            function.nesting = max(function.nesting, self._depths[function])
