"""In: functions, classes, interfaces and enums of a JavaScript or TypeScript source. Out: their declarations
with parameters, results, bases and members."""

from collections.abc import Iterator
from typing import Final

from ast_grep_py import SgNode

from archon.contracts.code.references import ReferenceKind
from intelligence.references.javascript.variables import Variables
from intelligence.references.scopes import Declared, Env, Typing
from intelligence.syntax.grammar import Bound
from intelligence.syntax.nodes import span

_PARAMETER: Final = Bound(targets=("pattern",), type="type", value="value")
_ALTERNATIVES: Final = 100
_ONLY_TYPES: Final = frozenset({"interface_declaration", "type_alias_declaration"})
_INSIDE: Final = frozenset({"union_type", "intersection_type", "parenthesized_type"})


class Declarations(Variables):
    def run(self) -> None:
        self._plain: set[int] = set()
        super().run()

    def _function(self, node: SgNode, env: Env, mode: ReferenceKind, declared: Declared | None) -> None:
        kind, name, result = node.kind(), node.field("name"), node.field("return_type")
        inner = Env("function", env, declared or env.declared)
        if name is not None and kind.endswith(("declaration", "function_signature")):
            env.bind(self.name_of(name), "declared")
        elif name is not None and kind in {"function_expression", "generator_function"}:
            inner.bind(self.name_of(name), "local")
        returned = self.type_of(result)
        owner = declared or (env.declared if kind.endswith(("arrow_function", "_expression")) else None)
        if owner is not None and owner.returns is None and owner.kind in {"function", "method"}:
            owner.returns = returned.type if returned else None
            if result is None:
                self._plain.add(id(owner))
        if returned is not None and env.how == "class" and _is_getter(node):
            self.typing(env, self.name_of(name or node), returned)
        if (body := node.field("body")) is not None:
            if kind == "arrow_function" and body.kind() != "statement_block":
                self._returned(body, inner)
            self.push([body], inner)
        self.push([result] if result is not None else node.field_children("type"), inner, "annotate")
        if kind in {"function_type", "constructor_type"} and result is None:
            self.push(node.named_children()[-1:], inner, "annotate")
        self._parameters(node, inner, env)
        self._type_parameters(node, inner)
        if name is not None and name.kind() == "computed_property_name":
            self.push(name.named_children(), env)

    def _parameters(self, node: SgNode, inner: Env, outer: Env) -> None:
        alone = node.field("parameter")
        list_ = node.field("parameters")
        given = self._given.pop(span(node), None)
        for each in [alone] if alone is not None else list_.named_children() if list_ is not None else ():
            kind = each.kind()
            if kind in {"decorator", "comment"}:
                continue
            if kind in {"required_parameter", "optional_parameter"}:
                self._parameter(each, inner, outer, given)
            else:
                self.push(self.bind_pattern(each, inner, inner, given, each), inner)
            given = None

    def _parameter(self, node: SgNode, inner: Env, outer: Env, given: Typing | None) -> None:
        self.bind(node, _PARAMETER, inner, inner, inner)
        pattern, type_ = node.field("pattern"), node.field("type")
        if pattern is None:
            return
        if pattern.kind() == "this" and (typing := self.type_of(type_)) is not None:
            inner.self_name = f"<{typing.type}>"
        if type_ is None and given is not None:
            self.bind_pattern(pattern, inner, inner, given, node)
        before = {child.kind() for child in node.children()[:4]}
        if before & {"accessibility_modifier", "readonly"} and outer.how == "class":
            name = self.name_of(pattern)
            self.attribute(name, node, outer)
            self.typing(outer, name, self.type_of(type_) or self.value_of(node.field("value")))
        for child in node.named_children():
            if child.kind() == "decorator":
                self.push(child.named_children(), inner, "decorate")

    def self_path(self, env: Env) -> str:
        """A function may declare the type of `this`."""
        around: Env | None = env
        while around is not None and around.how != "class":
            if around.self_name is not None:
                return around.self_name
            around = around.parent
        return self.self_head

    def _type_parameters(self, node: SgNode, inner: Env) -> None:
        for list_ in node.field_children("type_parameters"):
            for each in list_.named_children():
                if (name := each.field("name")) is not None:
                    inner.bind(self.name_of(name), "local")
                self.push(each.named_children()[1:], inner, "annotate")

    def _return(self, node: SgNode, env: Env, mode: ReferenceKind, declared: Declared | None) -> None:
        self.push(node.named_children(), env)
        for value in node.named_children()[:1]:
            self._returned(value, env.function)

    def _returned(self, value: SgNode, env: Env) -> None:
        """`return new T()` says what a function without an annotation returns."""
        owner = env.declared
        if (
            owner is not None
            and id(owner) in self._plain
            and owner.returns is None
            and value.kind() == "new_expression"
        ):
            found = self.value_of(value)
            owner.returns = found.type if found else None

    def _class(self, node: SgNode, env: Env, mode: ReferenceKind, declared: Declared | None) -> None:
        name = node.field("name")
        if name is not None:
            if node.kind() in _ONLY_TYPES and env.how == "module" and self.name_of(name) not in env.names:
                self._only_types.add(self.name_of(name))
            env.bind(self.name_of(name), "declared")
        around = Env("block", env, declared or env.declared)
        inner = Env("class", around, declared or env.declared)
        for child in reversed(node.named_children()):
            kind = child.kind()
            if kind in {"class_heritage", "extends_type_clause"}:
                self._heritage(child, around)
            elif kind == "decorator":
                self.push(child.named_children(), around, "decorate")
            elif (
                kind not in {"type_parameters", "type_identifier", "identifier"}
                or node.field("value") == child
            ):
                self.push([child], inner, "annotate" if node.kind() == "type_alias_declaration" else "use")
        self._type_parameters(node, around)
        if node.kind() == "type_alias_declaration":
            for each in _alternatives(node.field("value")):
                self.typing(inner, "", self.type_of(each))

    def _heritage(self, node: SgNode, env: Env) -> None:
        for child in reversed(node.named_children()):
            kind = child.kind()
            if kind in {"extends_clause", "implements_clause"}:
                self._heritage(child, env)
            elif kind == "generic_type":
                self._generic(child, env, "inherit", None)
            elif kind == "type_arguments":
                self.push([child], env, "annotate")
            else:
                self.push([child], env, "inherit")

    def _generic(self, node: SgNode, env: Env, mode: ReferenceKind, declared: Declared | None) -> None:
        name, *arguments = node.named_children()
        self.push(arguments, env, "annotate")
        self.push([name], env, mode)

    def _class_body(self, node: SgNode, env: Env, mode: ReferenceKind, declared: Declared | None) -> None:
        """Decorators of a method stand before it."""
        waiting: list[SgNode] = []
        later: list[tuple[SgNode, Env, ReferenceKind]] = []
        for child in node.named_children():
            if child.kind() == "decorator":
                waiting += child.named_children()
                continue
            of = self.env_of(self.by_span.get(span(child)), env)
            later += [(each, of, "decorate") for each in waiting]
            later.append((child, env, "use"))
            waiting = []
        self._stack.extend(reversed(later))

    def _field(self, node: SgNode, env: Env, mode: ReferenceKind, declared: Declared | None) -> None:
        name = node.field("name") or node.field("property")
        type_, value = node.field("type"), node.field("value")
        found = None
        if name is not None and env.how == "class" and declared is None:
            found = self.declare_attribute(self.name_of(name).strip("\"'"), node, env)
            self.typing(
                env, self.name_of(name), self.type_of(type_) or self.settled(self.value_of(value), env, 0)
            )
        inner = Env("block", env, declared or env.declared)
        if found is not None and type_ is None:
            self._properties(value, found, inner, 0)
        if name is not None and name.kind() == "computed_property_name":
            self.push(name.named_children(), env)
        if value is not None:
            self.push([value], inner)
        if type_ is not None:
            members = Env("class", inner, inner.declared, members_of=found) if found is not None else inner
            self.push([type_], members, "annotate")
        for child in node.named_children():
            if child.kind() == "decorator":
                self.push(child.named_children(), inner, "decorate")

    def _enum(self, node: SgNode, env: Env, mode: ReferenceKind, declared: Declared | None) -> None:
        name, body = node.field("name"), node.field("body")
        if name is not None:
            env.bind(self.name_of(name), "declared")
        inner = Env("class", env, declared or env.declared)
        for child in body.named_children() if body is not None else ():
            member = child.field("name") if child.kind() == "enum_assignment" else child
            if member is not None and member.kind() != "comment":
                self.attribute(self.name_of(member).strip("\"'"), child, inner)
                inner.bind(self.name_of(member), "local")
            if (value := child.field("value")) is not None:
                self.push([value], Env("block", inner, inner.declared))

    def _decorator(self, node: SgNode, env: Env, mode: ReferenceKind, declared: Declared | None) -> None:
        self.push(node.named_children(), env, "decorate")


def _is_getter(node: SgNode) -> bool:
    return node.kind() == "method_definition" and any(child.kind() == "get" for child in node.children()[:4])


def _alternatives(type_: SgNode | None) -> Iterator[SgNode]:
    """The types of which an alias is made: those of a union or an intersection, the first hundred."""
    waiting, found = [type_] if type_ is not None else [], 0
    while waiting and found < _ALTERNATIVES:
        each = waiting.pop()
        if each.kind() in _INSIDE:
            waiting += reversed(each.named_children())
        elif each.kind() in {"type_identifier", "nested_type_identifier", "generic_type", "lookup_type"}:
            found += 1
            yield each
