"""In: a parsed JavaScript or TypeScript source. Out: its declarations and references."""

import re
from collections.abc import Iterator
from typing import ClassVar, Final

from ast_grep_py import SgNode

from archon.contracts.code.references import Binding, ReferenceKind
from intelligence.references.scopes import Declared, Env, Typing
from intelligence.references.types import main_type
from intelligence.references.walk import PATTERN_DEPTH, Target, Walk
from intelligence.syntax.grammar import Bound
from intelligence.syntax.nodes import span

_VARIABLE: Final = Bound(targets=("name",), type="type", value="value")
_PARAMETER: Final = Bound(targets=("pattern",), type="type", value="value")
_WHOLE: Final = "default"
_ALTERNATIVES: Final = 100
_TYPED: Final = frozenset({"typescript", "tsx"})
_ONLY_TYPES: Final = frozenset({"interface_declaration", "type_alias_declaration"})
_MEMBERS: Final = 200
"""Maximum number of properties that are declared of one object."""
_OBJECTS: Final = 3
"""Levels of objects in objects whose properties are declared."""
_INSIDE: Final = frozenset({"union_type", "intersection_type", "parenthesized_type"})
_EACH: Final = frozenset(
    {"map", "forEach", "filter", "find", "findIndex", "findLast", "some", "every", "flatMap", "sort"}
)
_MODULE: Final = re.compile(r"""["'`]([^"'`$]*)["'`]""")
_FUNCTIONS: Final = dict.fromkeys(
    (
        *(
            "function_declaration",
            "generator_function_declaration",
            "function_expression",
            "generator_function",
        ),
        *("arrow_function", "method_definition", "method_signature", "abstract_method_signature"),
        *("function_signature", "function_type", "constructor_type", "call_signature", "construct_signature"),
    ),
    "_function",
)
_CLASSES: Final = dict.fromkeys(
    (
        "class_declaration",
        "abstract_class_declaration",
        "class",
        "interface_declaration",
        "type_alias_declaration",
    ),
    "_class",
)


class JavaScriptWalk(Walk):
    special: ClassVar = {
        **_FUNCTIONS,
        **_CLASSES,
        "type_identifier": "_type_name",
        "lexical_declaration": "_declaration",
        "variable_declaration": "_declaration",
        "for_in_statement": "_for_in",
        "catch_clause": "_catch",
        "class_body": "_class_body",
        "public_field_definition": "_field",
        "field_definition": "_field",
        "property_signature": "_field",
        "enum_declaration": "_enum",
        "assignment_expression": "_assignment",
        "call_expression": "_call_or_import",
        "pair": "_pair",
        "decorator": "_decorator",
        "import_statement": "_import",
        "export_statement": "_export",
        "jsx_opening_element": "_element_opened",
        "jsx_self_closing_element": "_element_opened",
        "jsx_closing_element": "_element_closed",
        "infer_type": "_infer",
        "mapped_type_clause": "_mapped",
        "index_signature": "_index_signature",
        "type_predicate": "_predicate",
        "nested_type_identifier": "_nested_type",
        "type_query": "_query",
        "as_expression": "_cast",
        "satisfies_expression": "_cast",
        "import_alias": "_alias",
        "return_statement": "_return",
    }

    def run(self) -> None:
        self._exports: list[tuple[str, str, SgNode]] = []
        self._given: dict[tuple[int, int], Typing] = {}
        self._is_module = False
        self._plain: set[int] = set()
        self._only_types: set[str] = set()
        super().run()

    def finish(self) -> None:
        of_module: dict[str, list[Declared]] = {}
        for each in self.declared:
            if each.parent is None:
                of_module.setdefault(each.name, []).append(each)
        for name, exported, node in self._exports:
            found = of_module.get(name, [])
            if new := [each for each in found if each.exported is None]:
                for each in new:
                    each.exported = exported
            elif all(each.exported != exported for each in found):
                line = self.tree.line(span(node)[0])
                self.bindings.append(Binding(exported, "", name, line, exported=True))
        self.bindings.sort(key=lambda each: each.line)

    def name_of(self, node: SgNode) -> str:
        return node.text()[:120]

    # Functions and types

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

    # Variables

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
            declared.exported = name or _WHOLE
        elif right.kind() == "object" and not name:
            for each in right.named_children():
                value = each.field("value") if each.kind() == "pair" else each
                key = each.field("key") if each.kind() == "pair" else each
                if value is not None and key is not None and value.kind() in self._names:
                    self._exports.append((self.name_of(value), self.name_of(key), each))
        elif right.kind() == "identifier":
            self._exports.append((self.name_of(right), name or _WHOLE, node))
        elif name:
            self.variable(name, node, self.module, constant=True, exported=name)
        self.push([right], env)

    # Modules

    def _required(self, value: SgNode) -> str | None:
        """The module in `require("m")` or `await import("m")`."""
        while value.kind() in self._through and (inner := value.named_children()):
            value = inner[0]
        if value.kind() != "call_expression":
            return None
        function, arguments = value.field("function"), value.field("arguments")
        if function is None or arguments is None or function.text()[:8] not in {"require", "import"}:
            return None
        found = _MODULE.match(arguments.text()[1:500].strip())
        return found[1] if found else None

    def _bind_required(self, name: SgNode, module: str, env: Env) -> None:
        if name.kind() == "identifier":
            self.bind_import(name.text(), module, "", name, env, exported=False)
            return
        for target in self.targets(name, 0, ""):
            if not target.given and target.inside:
                there = target.inside[1:].partition(".")[0]
                self.bind_import(target.node.text(), module, there, target.node, env, exported=False)

    def _call_or_import(self, node: SgNode, env: Env, mode: ReferenceKind, declared: Declared | None) -> None:
        if (module := self._required(node)) is not None:
            self.bind_import("", module, "", node, env, exported=False)
            return
        function, arguments = node.field("function"), node.field("arguments")
        if function is not None and arguments is not None and function.kind() == "member_expression":
            method, each = function.field("property"), function.field("object")
            if method is not None and each is not None and method.text() in _EACH:
                self._give(arguments, each)
        self._call(node, self.env_of(declared, env), mode, None)

    def _give(self, arguments: SgNode, object_: SgNode) -> None:
        """`xs.map(x => ...)`: `x` is one of `xs`."""
        function = next(iter(arguments.named_children()), None)
        found = (
            self.value_of(object_) if function is not None and function.kind() == "arrow_function" else None
        )
        if found is not None and function is not None:
            path = f"{found.type}()*" if found.made else f"{found.type}*"
            self._given[span(function)] = Typing(path, value=True)

    def _import(self, node: SgNode, env: Env, mode: ReferenceKind, declared: Declared | None) -> None:
        self._is_module = True
        source = node.field("source")
        if source is None:
            for each in node.named_children():
                if each.kind() == "import_require_clause" and (found := _MODULE.search(each.text()[:600])):
                    self.bind_import(each.named_children()[0].text(), found[1], "", each, env, exported=False)
            return
        module = source.text().strip("\"'`")
        clause = next((each for each in node.named_children() if each.kind() == "import_clause"), None)
        if clause is None:
            self.bind_import("", module, "", node, env, exported=False)
            return
        for each in clause.named_children():
            if each.kind() == "identifier":
                self.bind_import(each.text(), module, "default", each, env, exported=False)
            elif each.kind() == "namespace_import":
                for name in each.named_children():
                    self.bind_import(name.text(), module, "", name, env, exported=False)
            else:
                for name, alias in _specifiers(each):
                    self.bind_import(
                        alias.text(), module, name.text().strip("\"'"), name, env, exported=False
                    )

    def _alias(self, node: SgNode, env: Env, mode: ReferenceKind, declared: Declared | None) -> None:
        name, *rest = node.named_children()
        env.bind(self.name_of(name), "declared")
        self.push(rest, env)

    def _export(self, node: SgNode, env: Env, mode: ReferenceKind, declared: Declared | None) -> None:
        self._is_module = True
        source = node.field("source")
        if source is not None:
            self._re_export(node, source.text().strip("\"'`"))
            return
        clause = next((child for child in node.named_children() if child.kind() == "export_clause"), None)
        if clause is not None:
            self._export_names(clause, env)
        elif (definition := node.field("declaration")) is not None:
            self._export_declared(node, definition, env)
        else:
            self._export_value(node, env, declared)

    def _export_names(self, clause: SgNode, env: Env) -> None:
        for name, alias in _specifiers(clause):
            if env.how == "module":
                self._exports.append((name.text(), alias.text(), name))
            self.mention("use", name.text(), name, env)

    def _export_declared(self, node: SgNode, definition: SgNode, env: Env) -> None:
        default = any(child.kind() == "default" for child in node.children()[:6])
        if env.how == "module":
            for name in self._declares(definition):
                self._exports.append((name, "default" if default else name, node))
        self.push([definition], env)
        self._decorated(node, self.env_of(self.by_span.get(span(definition)), env))

    def _export_value(self, node: SgNode, env: Env, declared: Declared | None) -> None:
        """`export default value`."""
        if declared is not None:
            declared.exported = "default"
        value = node.field("value") or next(iter(node.named_children()), None)
        inner = self.env_of(declared, env)
        if value is not None:
            if value.kind() == "identifier" and env.how == "module":
                self._exports.append((value.text(), _WHOLE, node))
            elif declared is None and env.how == "module":
                self.variable("default", node, self.module, constant=True, exported="default")
                self.typing(self.module, "default", self.value_of(value))
            self.push([value], inner)
        self._decorated(node, inner)

    def _decorated(self, node: SgNode, env: Env) -> None:
        for child in node.named_children():
            if child.kind() == "decorator":
                self.push(child.named_children(), env, "decorate")

    def _declares(self, definition: SgNode) -> Iterator[str]:
        """The names that a statement declares."""
        if definition.kind() not in {"lexical_declaration", "variable_declaration"}:
            inner = (
                definition
                if definition.field("name") is not None
                else next(iter(definition.named_children()), None)
            )
            name = inner.field("name") if inner is not None else None
            if name is not None:
                yield name.text()
            return
        for each in definition.named_children():
            if each.kind() == "variable_declarator" and (pattern := each.field("name")) is not None:
                yield from (target.node.text() for target in self.targets(pattern, 0, "") if not target.given)

    def _re_export(self, node: SgNode, module: str) -> None:
        clauses = [
            each for each in node.named_children() if each.kind() in {"export_clause", "namespace_export"}
        ]
        line = self.tree.line(span(node)[0])
        if not clauses:
            self.bindings.append(Binding("", module, "*", line, exported=True))
        for clause in clauses:
            if clause.kind() == "namespace_export":
                self.bindings.append(
                    Binding(clause.named_children()[0].text(), module, "", line, exported=True)
                )
            else:
                for name, alias in _specifiers(clause):
                    place = self.tree.line(span(name)[0])
                    self.bindings.append(Binding(alias.text(), module, name.text(), place, exported=True))

    # Types and expressions

    def _type_name(self, node: SgNode, env: Env, mode: ReferenceKind, declared: Declared | None) -> None:
        self.mention("inherit" if mode == "inherit" else "annotate", self.name_of(node), node, env)

    def _nested_type(self, node: SgNode, env: Env, mode: ReferenceKind, declared: Declared | None) -> None:
        self._member(node, env, "inherit" if mode == "inherit" else "annotate", declared)

    def _query(self, node: SgNode, env: Env, mode: ReferenceKind, declared: Declared | None) -> None:
        self.push(node.named_children(), env)

    def _cast(self, node: SgNode, env: Env, mode: ReferenceKind, declared: Declared | None) -> None:
        value, *types = node.named_children()
        self.push(types, env, "annotate")
        self.push([value], env)

    def _pair(self, node: SgNode, env: Env, mode: ReferenceKind, declared: Declared | None) -> None:
        inner = self.env_of(declared, env)
        self.push(node.field_children("value"), inner)
        self.push(
            [each for each in node.field_children("key") if each.kind() == "computed_property_name"], inner
        )

    def _infer(self, node: SgNode, env: Env, mode: ReferenceKind, declared: Declared | None) -> None:
        around = env.parent if env.how == "class" and env.parent is not None else env
        for each in node.named_children()[:1]:
            around.bind(self.name_of(each), "local")
        self.push(node.named_children()[1:], env, "annotate")

    def _mapped(self, node: SgNode, env: Env, mode: ReferenceKind, declared: Declared | None) -> None:
        name, *rest = node.named_children()
        env.bind(self.name_of(name), "local")
        self.push(rest, env, "annotate")

    def _index_signature(
        self, node: SgNode, env: Env, mode: ReferenceKind, declared: Declared | None
    ) -> None:
        children = node.named_children()
        named = bool(children) and children[0].kind() == "identifier"
        self.push(children[1:] if named else children, Env("block", env, env.declared), "annotate")

    def _predicate(self, node: SgNode, env: Env, mode: ReferenceKind, declared: Declared | None) -> None:
        self.push(node.named_children(), env, "annotate")

    def _element_opened(self, node: SgNode, env: Env, mode: ReferenceKind, declared: Declared | None) -> None:
        self._jsx("call", node, env)
        name = node.field("name")
        self.push([each for each in node.named_children() if each != name], env)

    def _element_closed(self, node: SgNode, env: Env, mode: ReferenceKind, declared: Declared | None) -> None:
        self._jsx("use", node, env)

    def _jsx(self, kind: ReferenceKind, node: SgNode, env: Env) -> None:
        name = node.field("name")
        if name is None:
            return
        path = self.path(name)
        # A name in lower case is an element of HTML.
        if path[:1].isupper() or "." in path:
            self.mention(kind, path, name.named_children()[-1] if name.named_children() else name, env)


def _is_getter(node: SgNode) -> bool:
    return node.kind() == "method_definition" and any(child.kind() == "get" for child in node.children()[:4])


def _specifiers(clause: SgNode) -> Iterator[tuple[SgNode, SgNode]]:
    """Name and alias of each specifier; a name without an alias is both."""
    for each in clause.named_children():
        name = each.field("name")
        if name is not None:
            yield name, each.field("alias") or name


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
