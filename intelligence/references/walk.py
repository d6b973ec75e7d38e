"""In: a parsed source, and the section `references` of its language's file. Out: its declarations, mentions
of names, imported names and types of variables, as the source has them.

One walk over the tree, without recursion: a source may be nested more deeply than Python's stack.
"""

from collections.abc import Callable
from typing import ClassVar, Final

from ast_grep_py import SgNode

from archon.contracts.code.references import ReferenceKind
from intelligence.references.patterns import Patterns
from intelligence.references.scopes import Declared, Env
from intelligence.syntax.grammar import References
from intelligence.syntax.nodes import Tree, child_of, span

MENTIONS_LIMIT: Final = 150_000
"""Maximum number of mentioned names, of which many are local."""

Handler = Callable[[SgNode, Env, ReferenceKind, Declared | None], None]


class Walk(Patterns):
    """Subclasses add what is particular to a language: `special` names methods by kind of node."""

    special: ClassVar[dict[str, str]] = {}

    def __init__(self, tree: Tree, rules: References) -> None:
        super().__init__(tree, rules)
        self.by_span = {(scope.start, scope.end): each for scope, each in reversed(self.of_scope)}
        self.openers = set(tree.grammar.scopes_of(tree.language))
        self._known = frozenset(rules.known)
        self._handlers = self._table()

    def run(self) -> None:
        """Visits the whole source, in order of appearance."""
        stack, handlers, openers = self._stack, self._handlers, self.openers
        stack.append((self.tree.root, self.module, "use"))
        while stack and len(self.mentions) < MENTIONS_LIMIT:
            node, env, mode = stack.pop()
            kind = node.kind()
            declared = self.by_span.get(span(node)) if kind in openers else None
            handler = handlers.get(kind)
            if handler is not None:
                handler(node, env, mode, declared)
            else:
                inner = env if declared is None else Env("block", env, declared)
                stack.extend([(child, inner, mode) for child in reversed(node.named_children())])

    def _table(self) -> dict[str, Handler]:
        rules = self.rules
        table: dict[str, Handler] = {}
        for kinds, handler in (
            (rules.patterns, None),
            (rules.only, self._only),
            (rules.bindings, self._binding),
            (rules.spaces, self._space),
            (rules.casts, None),
            (rules.elements, self._element),
            (rules.calls, self._call),
            (rules.members, self._member),
            (rules.types, self._type),
            (rules.names, self._name),
            ((*rules.skip, *self.tree.grammar.comments), self._skip),
        ):
            if handler is not None:
                table |= dict.fromkeys(kinds, handler)
        return table | {kind: getattr(self, name) for kind, name in self.special.items()}

    def env_of(self, declared: Declared | None, env: Env) -> Env:
        """For nodes that belong to a declaration but are written outside of it: decorators and bases."""
        return env if declared is None else Env("block", env, declared)

    def _skip(self, node: SgNode, env: Env, mode: ReferenceKind, declared: Declared | None) -> None:
        pass

    def _only(self, node: SgNode, env: Env, mode: ReferenceKind, declared: Declared | None) -> None:
        self.push_parts(node, self.rules.only[node.kind()], self.env_of(declared, env), mode)

    def _type(self, node: SgNode, env: Env, mode: ReferenceKind, declared: Declared | None) -> None:
        self.push(node.named_children(), env, mode if mode == "inherit" else "annotate")

    def _name(self, node: SgNode, env: Env, mode: ReferenceKind, declared: Declared | None) -> None:
        self.mention(mode, self.name_of(node), node, env)

    def _member(self, node: SgNode, env: Env, mode: ReferenceKind, declared: Declared | None) -> None:
        object_, name = (child_of(node, part) for part in self.rules.members[node.kind()])
        if name is not None:
            self.mention(mode, self.path(node), name, env)
        if object_ is not None:
            self.visit_object(object_, env)

    def visit_object(self, node: SgNode, env: Env) -> None:
        """Visits what is inside the object of a member; the names of its path are already mentioned with
        it."""
        members = self.rules.members
        while True:
            kind = node.kind()
            if kind in members:
                inner = child_of(node, members[kind][0])
            elif kind in self._through:
                inner = next(iter(node.named_children()), None)
            else:
                break
            if inner is None:
                return
            node = inner
        if kind not in self._names and kind not in self._selves:
            self.push([node], env)

    def _element(self, node: SgNode, env: Env, mode: ReferenceKind, declared: Declared | None) -> None:
        self.push(node.named_children(), env, mode)

    def _call(self, node: SgNode, env: Env, mode: ReferenceKind, declared: Declared | None) -> None:
        rule = self.rules.calls[node.kind()]
        kind: ReferenceKind = "decorate" if mode == "decorate" else rule.how
        found = [child for part in rule.callee if (child := child_of(node, part)) is not None]
        self.push_parts(node, rule.rest, env)
        if not found:
            return
        callee = found[-1]
        while callee.kind() in self._through and (inner := callee.named_children()):
            callee = inner[0]
            self.push(inner[1:], env)
        if len(found) > 1 or callee.kind() in self._names or callee.kind() in self._selves:
            self.mention(kind, self.callee_path(node, rule.callee), callee, env)
            if len(found) > 1:
                self.visit_object(found[0], env)
        elif callee.kind() in self.rules.members:
            object_, name = (child_of(callee, part) for part in self.rules.members[callee.kind()])
            if name is not None:
                self.mention(kind, self.path(callee), name, env)
            if object_ is not None:
                self.visit_object(object_, env)
        else:
            self.push([callee], env)

    def _space(self, node: SgNode, env: Env, mode: ReferenceKind, declared: Declared | None) -> None:
        rule = self.rules.spaces[node.kind()]
        inner = Env(rule.how, env, declared or env.declared)
        self.push(node.named_children(), inner, mode)

    def _binding(self, node: SgNode, env: Env, mode: ReferenceKind, declared: Declared | None) -> None:
        rule = self.rules.bindings[node.kind()]
        self.bind(node, rule, env.function if rule.wide else env, env, env)

    def finish(self) -> None:
        """After the walk: what depends on the whole document."""

    def is_open(self, head: str) -> bool:
        """Whether a name that the document neither declares nor imports may be another document's."""
        return head not in self._known
