"""In: a parsed source, and the section `references` of its language's file. Out: its declarations, mentions
of names, imported names and types of variables, as the source has them.

One walk over the tree, without recursion: a source may be nested more deeply than Python's stack.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, ClassVar, Final, NamedTuple

from ast_grep_py import SgNode

from archon.contracts.code.references import Binding, ReferenceKind
from intelligence.references.scopes import UNKNOWN, Declared, Env, Mention, Typing, head_of
from intelligence.references.types import main_type
from intelligence.syntax.grammar import Bound, Part, References
from intelligence.syntax.nodes import ScopeNode, Tree, child_of, children, span

MENTIONS_LIMIT: Final = 150_000
"""Maximum number of mentioned names, of which many are local."""
_PATH_DEPTH: Final = 12
_PATH_CHARACTERS: Final = 200
PATTERN_DEPTH: Final = 8
_CHOICES: Final = 2
_NAME: Final = 120

Handler = Callable[[SgNode, Env, ReferenceKind, Declared | None], None]


class Target(NamedTuple):
    """A name in a pattern, and where its value is in the value of the whole: `.name`, or None if unknown.
    `given`: no name, but the value that a name gets by default."""

    node: SgNode
    inside: str | None
    given: bool = False


class Walk:
    """Subclasses add what is particular to a language: `special` names methods by kind of node."""

    special: ClassVar[dict[str, str]] = {}
    self_head: str = "this"
    """How paths name the object whose method runs."""

    def __init__(self, tree: Tree, rules: References) -> None:
        self.tree = tree
        self.text = tree.text
        self.rules = rules
        self.declared, self.of_scope = declared(tree)
        self.by_span = {(scope.start, scope.end): each for scope, each in reversed(self.of_scope)}
        self.openers = set(tree.grammar.scopes_of(tree.language))
        self.module = Env("module", None, None)
        self.mentions: list[Mention] = []
        self.bindings: list[Binding] = []
        self.typed: list[tuple[Env, str, Typing]] = []
        self.package = ""
        self.settings: dict[str, Any] = {}
        self._stack: list[tuple[SgNode, Env, ReferenceKind]] = []
        self._names = frozenset(rules.names)
        self._selves = frozenset(rules.selves)
        self._through = frozenset(rules.through)
        self._values = frozenset(rules.values)
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

    # What handlers use

    def push(self, nodes: Sequence[SgNode], env: Env, mode: ReferenceKind = "use") -> None:
        """Visits `nodes` next, in their order."""
        if len(nodes) == 1:
            self._stack.append((nodes[0], env, mode))
        else:
            self._stack.extend([(node, env, mode) for node in reversed(nodes)])

    def push_parts(self, node: SgNode, parts: Sequence[Part], env: Env, mode: ReferenceKind = "use") -> None:
        for part in reversed(parts):
            self.push(children(node, part), env, mode)

    def mention(self, kind: ReferenceKind, path: str, node: SgNode, env: Env) -> None:
        if path:
            self.mentions.append(Mention(kind, path, span(node)[0], env))

    def env_of(self, declared: Declared | None, env: Env) -> Env:
        """For nodes that belong to a declaration but are written outside of it: decorators and bases."""
        return env if declared is None else Env("block", env, declared)

    def bind_import(
        self, local: str, module: str, name: str, node: SgNode, env: Env, *, exported: bool
    ) -> None:
        line = self.tree.line(span(node)[0])
        self.bindings.append(Binding(local[:_NAME], module[:500], name[:_NAME], line, exported))
        if local:
            local = head_of(local)
            # An import in a function is listed as the document's: hardly a name is imported twice.
            env.bind(local, "imported")
            self.module.bind(local, "imported")

    def variable(
        self, name: str, node: SgNode, env: Env, *, constant: bool, exported: str | None = None
    ) -> Declared:
        """Declares a variable of the module, or an attribute of the class that `env` is."""
        owner = env.owner if env.how == "class" else None
        kind = "attribute" if owner is not None else "constant" if constant else "variable"
        return self._add(kind, name, node, owner, exported)

    def attribute(self, name: str, node: SgNode, type_: Env) -> bool:
        """Declares an attribute, unless the type already declares the name."""
        return self.declare_attribute(name, node, type_) is not None

    def declare_attribute(self, name: str, node: SgNode, type_: Env) -> Declared | None:
        owner = type_.owner
        if owner is None or name in owner.members:
            return None
        return self._add("attribute", name, node, owner, None)

    def _add(
        self, kind: str, name: str, node: SgNode, owner: Declared | None, exported: str | None
    ) -> Declared:
        start, end = span(node)
        qualified = f"{owner.qualified_name}.{name}" if owner is not None else name
        found = Declared(
            kind=kind,
            name=name[:_NAME],
            qualified_name=qualified,
            start=start,
            end=end,
            start_line=self.tree.line(start),
            end_line=self.tree.line(max(start, end - 1)),
            parent=owner,
            exported=exported,
        )
        if owner is not None:
            owner.members.add(name)
        self.declared.append(found)
        return found

    def typing(self, env: Env, name: str, typing: Typing | None) -> None:
        """Remembers the type of a variable of `env`, or of an attribute of the class that it is."""
        if typing is None or not typing.type:
            return
        key = f"{self.self_head}.{name}" if env.how == "class" else name
        if env.types.setdefault(key, typing) is typing or env.types[key] != typing:
            self.typed.append((env, key, typing))

    def type_of(self, node: SgNode | None) -> Typing | None:
        """The type that an annotation names."""
        if node is None:
            return None
        found = main_type(node.text().lstrip(":").strip())
        return Typing(found) if found else None

    def value_of(self, node: SgNode | None) -> Typing | None:
        """The type of an expression, as far as its syntax shows it."""
        if node is None:
            return None
        while node.kind() in self._through and (inner := node.named_children()):
            node = inner[0]
        kind = node.kind()
        if (call := self.rules.calls.get(kind)) is not None:
            path = self.callee_path(node, call.callee)
            return Typing(path, made=True) if self._is_known(path) else None
        if kind in self.rules.casts:
            return self.type_of(child_of(node, self.rules.casts[kind][1]))
        path = self.path(node)
        return Typing(path, value=True) if self._is_known(path) else None

    @staticmethod
    def _is_known(path: str) -> bool:
        return bool(path) and not path.startswith(UNKNOWN)

    def settled(self, typing: Typing | None, env: Env, offset: int) -> Typing | None:
        """The same type in terms of names that are known everywhere in the document."""
        if typing is None or not (typing.value or typing.made):
            return typing
        head = head_of(typing.type)
        found = env.lookup(head, offset)
        if found is None or found[1] != "local" or found[0].how == "class":
            return typing
        known, rest = found[0].types.get(head), typing.type[len(head) :]
        if known is None:
            return None
        if not rest:
            return known if typing.value else None
        start = f"{known.type}()" if known.made else known.type if known.value else f"<{known.type}>"
        return typing._replace(type=(start + rest)[:_PATH_CHARACTERS])

    # Paths

    def path(self, node: SgNode, depth: int = 0) -> str:
        """How an expression is reached from a name; `?` if it is not, empty if no document declares its
        members."""
        kind = node.kind()
        if kind in self._names or kind in self._selves:
            return self.name_of(node)
        if kind in self._values:
            return ""
        return self._path_of(node, kind, depth + 1) if depth <= _PATH_DEPTH else UNKNOWN

    def _path_of(self, node: SgNode, kind: str, depth: int) -> str:
        rules, found = self.rules, UNKNOWN
        if kind in rules.members:
            object_, name = (child_of(node, part) for part in rules.members[kind])
            if object_ is not None:
                found = self.joined(self.path(object_, depth), name)
        elif kind in rules.calls:
            found = self._with(self.callee_path(node, rules.calls[kind].callee, depth), "()")
        elif kind in rules.elements:
            if (value := child_of(node, rules.elements[kind])) is not None:
                found = self._with(self.path(value, depth), "[]")
        elif kind in self._through:
            if inner := node.named_children():
                found = self.path(inner[0], depth)
        elif kind in rules.casts and (type_ := self.type_of(child_of(node, rules.casts[kind][1]))):
            found = f"<{type_.type}>"
        return found

    def callee_path(self, node: SgNode, parts: Sequence[Part], depth: int = 0) -> str:
        found = [child for part in parts if (child := child_of(node, part)) is not None]
        if not found:
            return UNKNOWN
        base = self.path(found[0], depth)
        return base if len(found) == 1 else self.joined(base, found[-1])

    def joined(self, base: str, name: SgNode | None) -> str:
        if not base or name is None:
            return base
        return self._with(base, "." + self.name_of(name))

    @staticmethod
    def _with(base: str, more: str) -> str:
        if not base:
            return ""
        whole = base + more
        if len(whole) > _PATH_CHARACTERS:
            return (UNKNOWN + more)[:_PATH_CHARACTERS]
        return whole if base != UNKNOWN or more[0] == "." else UNKNOWN

    def name_of(self, node: SgNode) -> str:
        return node.text()[:_NAME]

    # Handlers for the sections of the language file

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

    def bind(self, node: SgNode, rule: Bound, owner: Env, env: Env, outer: Env) -> None:
        """Binds the targets of `node` in `owner`; its type is looked up in `env`, its value in `outer`."""
        type_ = child_of(node, rule.type) if rule.type is not None else None
        value = child_of(node, rule.value) if rule.value is not None else None
        found = self.type_of(type_)
        first_, *others = [found] if found or value is None else self._valued(value, rule)
        rest: list[SgNode] = []
        for part in rule.targets:
            for child in children(node, part):
                rest += self.bind_pattern(child, owner, env, first_, node)
                for other in others:
                    self.bind_pattern(child, owner, env, other, node)
        self.push_parts(node, rule.rest, env)
        if value is not None:
            self.push([value], outer)
        if type_ is not None:
            self.push([type_], env, "annotate")
        self.push(rest, env)

    def _valued(self, value: SgNode, rule: Bound) -> list[Typing | None]:
        """At least one."""
        found = [self.value_of(each) for each in self.choices(value)]
        if rule.how == "each":
            return [
                each and Typing(f"{each.type}()*" if each.made else f"{each.type}*", value=True)
                for each in found
            ]
        known = [each for each in found if each is not None]
        return [*known] or [None]

    def choices(self, node: SgNode, depth: int = 0) -> list[SgNode]:
        """The expressions of which one is the value."""
        while node.kind() in self._through and (inner := node.named_children()):
            node = inner[0]
        parts = self.rules.choices.get(node.kind())
        if parts is None or depth > _CHOICES:
            return [node]
        found = [child for part in parts if (child := child_of(node, part)) is not None]
        return [one for each in found for one in self.choices(each, depth + 1)] or [node]

    def bind_pattern(
        self, node: SgNode, owner: Env, env: Env, typing: Typing | None, whole: SgNode
    ) -> list[SgNode]:
        """Binds the names in a pattern. Returns what is no name, to be visited."""
        rest: list[SgNode] = []
        for target in self.targets(node, 0, ""):
            kind = target.node.kind()
            if target.given:
                rest.append(target.node)
                continue
            inside = typing if target.inside == "" else self._inside(typing, target.inside)
            if kind in self._names or kind == "shorthand_property_identifier_pattern":
                self.taken(target, inside, env)
                self.bind_name(target.node, owner, self.settled_in(inside, owner, env, target.node), whole)
            elif kind not in self.rules.members or not self.bind_member(target.node, env, inside):
                rest.append(target.node)
        return rest

    def taken(self, target: Target, typing: Typing | None, env: Env) -> None:
        """A name in a pattern gets the value of a member."""

    def settled_in(self, typing: Typing | None, owner: Env, env: Env, node: SgNode) -> Typing | None:
        return typing if owner.how != "class" else self.settled(typing, env, span(node)[0])

    @staticmethod
    def _inside(typing: Typing | None, inside: str | None) -> Typing | None:
        if typing is None or inside is None:
            return None
        start = f"{typing.type}()" if typing.made else typing.type if typing.value else f"<{typing.type}>"
        return Typing((start + inside)[:_PATH_CHARACTERS], value=True)

    def targets(self, node: SgNode, depth: int, inside: str | None) -> Iterator[Target]:
        parts = self.rules.patterns.get(node.kind())
        if parts is None or depth == PATTERN_DEPTH:
            yield Target(node, inside)
            return
        for child in (
            [each for part in parts for each in children(node, part)] if parts else node.named_children()
        ):
            yield from self.targets(child, depth + 1, None)

    def bind_name(self, node: SgNode, owner: Env, typing: Typing | None, whole: SgNode) -> None:
        name = self.name_of(node)
        if name in owner.elsewhere:
            owner = self.module
        if owner.how in {"module", "class"}:
            known = owner.names.get(name)
            if known is None or known[0] == "local":
                owner.bind(name, "declared" if owner.how == "module" else "local")
                self.declare(name, node, owner, whole)
        else:
            owner.bind(name, "local", self.since(whole))
        self.typing(owner, name, typing)

    def finish(self) -> None:
        """After the walk: what depends on the whole document."""

    def is_open(self, head: str) -> bool:
        """Whether a name that the document neither declares nor imports may be another document's."""
        return head not in self._known

    def since(self, whole: SgNode) -> int:
        """The offset from which on a bound name is known."""
        return 0

    def declare(self, name: str, node: SgNode, owner: Env, whole: SgNode) -> None:
        if owner.how == "class":
            self.attribute(name, whole, owner)
        else:
            self.variable(name, whole, owner, constant=name.isupper(), exported=name)

    def bind_member(self, node: SgNode, env: Env, typing: Typing | None) -> bool:
        """`self.x = ...` in a method declares an attribute; whether it does so here."""
        object_, name = (child_of(node, part) for part in self.rules.members[node.kind()])
        type_ = env.type_
        if object_ is None or name is None or type_ is None or self.path(object_) != self.self_name(env):
            return False
        self.typing(type_, self.name_of(name), self.settled(typing, env, span(node)[0]))
        return self.attribute(self.name_of(name), node, type_)

    def self_path(self, env: Env) -> str:
        """How paths name the object whose method `env` is in."""
        return self.self_head

    def self_name(self, env: Env) -> str | None:
        """The name of the object whose method `env` is in."""
        return self.self_head


def declared(tree: Tree) -> tuple[list[Declared], list[tuple[ScopeNode, Declared]]]:
    found: list[tuple[ScopeNode, Declared]] = []
    by_scope: dict[int, Declared] = {}
    types: dict[str, Declared] = {}
    for scope in tree.scopes:
        each = Declared(
            kind=scope.kind,
            name=scope.name,
            qualified_name=scope.qualified_name,
            ordinal=scope.ordinal,
            start=scope.start,
            end=scope.end,
            start_line=scope.start_line,
            end_line=scope.end_line,
            is_type=scope.is_type,
        )
        by_scope[id(scope)] = each
        if scope.is_type and scope.kind != "interface":
            types.setdefault(scope.qualified_name, each)
        found.append((scope, each))
    for scope, each in found:
        around = scope.parent
        while around is not None and id(around) not in by_scope:
            around = around.parent
        each.parent = by_scope[id(around)] if around is not None else None
        if scope.kind == "method" and (each.parent is None or not each.parent.is_type):
            each.parent = types.get(scope.owner or "", each.parent)
        if each.parent is not None:
            each.parent.members.add(each.name)
    return [each for _, each in found], found
