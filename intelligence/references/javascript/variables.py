"""In: variables, patterns and assignments of a JavaScript or TypeScript source. Out: the names that they
bind, with the types that the source shows."""

from collections.abc import Iterator
from typing import Final

from ast_grep_py import SgNode

from archon.contracts.code.references import ReferenceKind
from intelligence.references.javascript.modules import WHOLE, Modules
from intelligence.references.patterns import PATTERN_DEPTH, Target
from intelligence.references.scopes import Declared, Env, Typing
from intelligence.references.types import main_type
from intelligence.syntax.grammar import Bound
from intelligence.syntax.nodes import span

_VARIABLE: Final = Bound(targets=("name",), type="type", value="value")
_TYPED: Final = frozenset({"typescript", "tsx"})
_MEMBERS: Final = 200
"""Maximum number of properties that are declared of one object."""
_OBJECTS: Final = 3
"""Levels of objects in objects whose properties are declared."""


class Variables(Modules):
    def run(self) -> None:
        self._only_types: set[str] = set()
        super().run()

    def _declaration(self, node: SgNode, env: Env, mode: ReferenceKind, declared: Declared | None) -> None:
        owner = env.function if node.kind() == "variable_declaration" else env
        constant = node.text()[:6].startswith("const")
        for each in node.named_children():
            if each.kind() == "variable_declarator":
                self._declarator(each, owner, env, constant=constant)

    def _declarator(self, node: SgNode, owner: Env, env: Env, *, constant: bool) -> None:
        name, value = node.field("name"), node.field("value")
        if name is None:
            return
        if value is not None and (module := self._required(value)) is not None:
            self._bind_required(name, module, env)
            return
        declared = self.by_span.get(span(node))
        if declared is not None:
            owner.bind(self.name_of(name), "declared")
            inner = Env("block", env, declared)
            if value is not None:
                self.push([value], inner)
            if (type_ := node.field("type")) is not None:
                self.push([type_], inner, "annotate")
                self.typing(owner, self.name_of(name), self.type_of(type_))
            return
        self._constant = constant
        self._last: Declared | None = None
        self.bind(node, _VARIABLE, owner, env, env)
        if self._last is not None and name.kind() == "identifier" and node.field("type") is None:
            self._properties(value, self._last, env, 0)

    def bind_name(self, node: SgNode, owner: Env, typing: Typing | None, whole: SgNode) -> None:
        """A type that is no value leaves its name to a variable (TypeScript Handbook, "Declaration
        Merging")."""
        if owner.how == "module" and self.name_of(node) in self._only_types:
            self._only_types.discard(self.name_of(node))
            owner.names.pop(self.name_of(node), None)
        super().bind_name(node, owner, typing, whole)

    def declare(self, name: str, node: SgNode, owner: Env, whole: SgNode) -> None:
        self._last = self.variable(name, whole, owner, constant=self._constant)

    def _properties(self, value: SgNode | None, of: Declared, env: Env, depth: int) -> None:
        """Declares the properties of an object that is a variable's value; its functions are already
        declared."""
        while value is not None and value.kind() in {"as_expression", "satisfies_expression"}:
            value = value.named_children()[0]
        if value is None or value.kind() != "object" or depth == _OBJECTS:
            return
        inner = Env("class", env, env.declared, members_of=of)
        for each in value.named_children()[:_MEMBERS]:
            if (function := self.by_span.get(span(each))) is not None:
                if function.parent is None or not function.parent.is_type:
                    function.parent = of
                of.members.add(function.name)
                continue
            name = each if each.kind() == "shorthand_property_identifier" else each.field("key")
            if name is None or name.kind() not in {"property_identifier", "shorthand_property_identifier"}:
                continue
            found = self.declare_attribute(self.name_of(name), each, inner)
            if found is not None:
                content = each.field("value") or name
                self.typing(inner, self.name_of(name), self.settled(self.value_of(content), env, 0))
                self._properties(content, found, env, depth + 1)

    def taken(self, target: Target, typing: Typing | None, env: Env) -> None:
        """`const {a} = b` uses `b.a`."""
        if target.inside and typing is not None:
            self.mention("use", typing.type, target.node, env)

    def bind_member(self, node: SgNode, env: Env, typing: Typing | None) -> bool:
        """In TypeScript an attribute is declared in its class alone."""
        return self.tree.language not in _TYPED and super().bind_member(node, env, typing)

    def type_of(self, node: SgNode | None) -> Typing | None:
        """`T["a"]` is the type of the attribute."""
        inner = node
        if inner is not None and inner.kind() == "type_annotation":
            inner = next(iter(inner.named_children()), None)
        if inner is None or inner.kind() not in {"lookup_type", "literal_type"}:
            return super().type_of(node)
        path = _looked_up(inner) if inner.kind() == "lookup_type" else None
        return Typing(path, value=True) if path is not None else None

    def value_of(self, node: SgNode | None) -> Typing | None:
        """`x as const` is `x`."""
        if node is not None and node.kind() == "as_expression" and node.text().endswith("as const"):
            return self.value_of(node.named_children()[0])
        return super().value_of(node)

    def since(self, whole: SgNode) -> int:
        return 0

    def targets(self, node: SgNode, depth: int, inside: str | None) -> Iterator[Target]:
        kind = node.kind()
        if kind in {"assignment_pattern", "object_assignment_pattern"}:
            left, right = node.field("left"), node.field("right")
            if left is not None:
                name = left.kind() == "shorthand_property_identifier_pattern" and inside is not None
                yield from self.targets(
                    left, depth, f"{inside}.{left.text()}" if name and kind[0] == "o" else inside
                )
            if right is not None:
                yield Target(right, None, given=True)
        elif kind == "object_pattern" and depth < PATTERN_DEPTH:
            for child in node.named_children():
                yield from self._members_of(child, depth + 1, inside)
        elif kind == "array_pattern" and depth < PATTERN_DEPTH:
            for child in node.named_children():
                yield from self.targets(child, depth + 1, None)
        elif kind == "rest_pattern":
            for child in node.named_children():
                yield Target(child, None)
        else:
            yield Target(node, inside)

    def _members_of(self, node: SgNode, depth: int, inside: str | None) -> Iterator[Target]:
        kind = node.kind()
        if kind == "shorthand_property_identifier_pattern":
            yield Target(node, None if inside is None else f"{inside}.{node.text()}")
        elif kind == "pair_pattern":
            key, value = node.field("key"), node.field("value")
            if value is not None:
                plain = key is not None and key.kind() == "property_identifier" and inside is not None
                yield from self.targets(
                    value, depth, f"{inside}.{key.text()}" if plain and key is not None else None
                )
        else:
            yield from self.targets(node, depth, inside)

    def _for_in(self, node: SgNode, env: Env, mode: ReferenceKind, declared: Declared | None) -> None:
        inner = Env("block", env, env.declared)
        left, right, body = node.field("left"), node.field("right"), node.field("body")
        of = node.field("operator")
        if body is not None:
            self.push([body], inner)
        if right is not None:
            self.push([right], env)
        if left is None:
            return
        typing = self.value_of(right) if of is not None and of.text() == "of" else None
        if typing is not None:
            typing = Typing(f"{typing.type}()*" if typing.made else f"{typing.type}*", value=True)
        kind = node.field("kind")
        if kind is None:
            self.push([left], env)
        else:
            owner = inner.function if kind.text() == "var" else inner
            self._constant = False
            self.bind_pattern(left, owner, inner, typing, node)

    def _catch(self, node: SgNode, env: Env, mode: ReferenceKind, declared: Declared | None) -> None:
        inner = Env("block", env, env.declared)
        if (parameter := node.field("parameter")) is not None:
            self.bind_pattern(parameter, inner, inner, None, node)
        self.push(node.field_children("body"), inner)

    def _assignment(self, node: SgNode, env: Env, mode: ReferenceKind, declared: Declared | None) -> None:
        left, right = node.field("left"), node.field("right")
        if left is None or right is None:
            return
        inner = self.env_of(declared, env)
        written = left.text()[:60]
        if env.how == "module" and written.startswith(("module.exports", "exports.")):
            self._common(written, right, declared, node, inner)
            return
        self.push([right], inner)
        if left.kind() == "member_expression" and declared is None:
            if self.bind_member(left, env, self.value_of(right)):
                return
        elif left.kind() == "member_expression" and self.tree.language not in _TYPED:
            self.push(left.field_children("object"), env)
            return  # a function, declared by its assignment
        self.push([left], env)

    def _common(self, written: str, right: SgNode, declared: Declared | None, node: SgNode, env: Env) -> None:
        """CommonJS: `module.exports = ...`."""
        name = written.removeprefix("module.").removeprefix("exports").lstrip(".")
        self._is_module = True
        if declared is not None:
            declared.exported = name or WHOLE
        elif right.kind() == "object" and not name:
            for each in right.named_children():
                value = each.field("value") if each.kind() == "pair" else each
                key = each.field("key") if each.kind() == "pair" else each
                if value is not None and key is not None and value.kind() in self._names:
                    self._exports.append((self.name_of(value), self.name_of(key), each))
        elif right.kind() == "identifier":
            self._exports.append((self.name_of(right), name or WHOLE, node))
        elif name:
            self.variable(name, node, self.module, constant=True, exported=name)
        self.push([right], env)


def _looked_up(node: SgNode) -> str | None:
    """`T["a"]["b"]` as a path."""
    names: list[str] = []
    while node.kind() == "lookup_type":
        of, index, *_ = node.named_children()
        if index.kind() != "literal_type" or not index.text()[1:-1].isidentifier():
            return None
        names.insert(0, index.text()[1:-1])
        node = of
    found = main_type(node.text())
    return f"<{found}>.{'.'.join(names)}" if found is not None else None
