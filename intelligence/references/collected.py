"""In: what a walk comes across. Out: declarations, mentions, imports and types, kept for the code map."""

from collections.abc import Sequence
from typing import Any, ClassVar

from ast_grep_py import SgNode

from archon.contracts.code.references import Binding, ReferenceKind
from intelligence.references.paths import NAME, PATH_CHARACTERS, Paths
from intelligence.references.scopes import Declared, Env, Mention, Typing, head_of
from intelligence.syntax.grammar import Part, References
from intelligence.syntax.nodes import ScopeNode, Tree, children, span


class Collected(Paths):
    """Also what is still to be visited."""

    self_head: ClassVar[str] = "this"
    """How paths name the object whose method runs."""

    def __init__(self, tree: Tree, rules: References) -> None:
        super().__init__(tree, rules)
        self.declared, self.of_scope = declared(tree)
        self.module = Env("module", None, None)
        self.mentions: list[Mention] = []
        self.bindings: list[Binding] = []
        self.typed: list[tuple[Env, str, Typing]] = []
        self.package = ""
        self.settings: dict[str, Any] = {}
        self._stack: list[tuple[SgNode, Env, ReferenceKind]] = []

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

    def bind_import(
        self, local: str, module: str, name: str, node: SgNode, env: Env, *, exported: bool
    ) -> None:
        line = self.tree.line(span(node)[0])
        self.bindings.append(Binding(local[:NAME], module[:500], name[:NAME], line, exported))
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
            name=name[:NAME],
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
        return typing._replace(type=(start + rest)[:PATH_CHARACTERS])


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
