"""In: a parsed Java source. Out: its declarations and references (The Java Language Specification, chapter
6)."""

from typing import ClassVar, Final

from ast_grep_py import SgNode

from archon.contracts.code.references import ReferenceKind
from intelligence.references.scopes import Declared, Env, Typing
from intelligence.references.walk import Walk
from intelligence.syntax.nodes import span

_TYPES: Final = dict.fromkeys(
    (
        *("class_declaration", "interface_declaration", "enum_declaration", "record_declaration"),
        "annotation_type_declaration",
    ),
    "_type_declared",
)
_METHODS: Final = dict.fromkeys(
    (
        *("method_declaration", "constructor_declaration", "compact_constructor_declaration"),
        "annotation_type_element_declaration",
    ),
    "_method",
)
_HERITAGE: Final = frozenset({"superclass", "super_interfaces", "extends_interfaces", "permits"})


class JavaWalk(Walk):
    special: ClassVar = {
        **_TYPES,
        **_METHODS,
        "package_declaration": "_package",
        "import_declaration": "_import",
        "type_identifier": "_type_name",
        "scoped_type_identifier": "_scoped",
        "class_body": "_body",
        "enum_body": "_body",
        "interface_body": "_body",
        "annotation_type_body": "_body",
        "field_declaration": "_field",
        "constant_declaration": "_field",
        "enum_constant": "_enum_constant",
        "local_variable_declaration": "_local",
        "enhanced_for_statement": "_each",
        "resource": "_resource",
        "catch_clause": "_catch",
        "lambda_expression": "_lambda",
        "instanceof_expression": "_instanceof",
        "type_pattern": "_type_pattern",
        "record_pattern_component": "_type_pattern",
        "annotation": "_annotation",
        "marker_annotation": "_annotation",
        "object_creation_expression": "_creation",
        "explicit_constructor_invocation": "_constructor_call",
        "method_reference": "_method_reference",
        "labeled_statement": "_labeled",
    }

    # Modules

    def _package(self, node: SgNode, env: Env, mode: ReferenceKind, declared: Declared | None) -> None:
        for each in node.named_children():
            if each.kind() in {"scoped_identifier", "identifier"}:
                self.package = "".join(each.text().split())

    def _import(self, node: SgNode, env: Env, mode: ReferenceKind, declared: Declared | None) -> None:
        names = [each for each in node.named_children() if each.kind() in {"scoped_identifier", "identifier"}]
        if not names:
            return
        path = "".join(names[0].text().split())
        if any(each.kind() == "asterisk" for each in node.named_children()):
            self.bind_import("", path, "*", node, env, exported=False)
            return
        module, _, name = path.rpartition(".")
        self.bind_import(name, module, name, node, env, exported=False)

    # Types and members

    def _type_name(self, node: SgNode, env: Env, mode: ReferenceKind, declared: Declared | None) -> None:
        self.mention("inherit" if mode == "inherit" else "annotate", self.name_of(node), node, env)

    def _scoped(self, node: SgNode, env: Env, mode: ReferenceKind, declared: Declared | None) -> None:
        self._member(node, env, "inherit" if mode == "inherit" else "annotate", declared)

    def _type_declared(self, node: SgNode, env: Env, mode: ReferenceKind, declared: Declared | None) -> None:
        name = node.field("name")
        if name is not None:
            env.bind(self.name_of(name), "declared")
        if declared is not None and env.how in {"module", "class"}:
            declared.exported = declared.qualified_name.removeprefix(
                f"{self.package}." if self.package else ""
            )
        around = Env("block", env, declared or env.declared)
        inner = Env("class", around, declared or env.declared, implicit=True)
        for child in reversed(node.named_children()):
            kind = child.kind()
            if kind in _HERITAGE:
                self._heritage(child, around)
            elif kind == "formal_parameters":
                self._components(child, inner)
            elif kind == "modifiers":
                self.push([child], around)
            elif kind not in {"identifier", "type_parameters"}:
                self.push(child.named_children(), inner)
        self._type_parameters(node, around)

    def _heritage(self, node: SgNode, env: Env) -> None:
        for child in reversed(node.named_children()):
            if child.kind() == "type_list":
                self._heritage(child, env)
            elif child.kind() == "generic_type":
                name, *arguments = child.named_children()
                self.push(arguments, env, "annotate")
                self.push([name], env, "inherit")
            else:
                self.push([child], env, "inherit")

    def _type_parameters(self, node: SgNode, inner: Env) -> None:
        for list_ in [each for each in node.named_children() if each.kind() == "type_parameters"]:
            for each in list_.named_children():
                name, *bounds = each.named_children()
                inner.bind(self.name_of(name), "local")
                self.push(bounds, inner, "annotate")

    def _components(self, list_: SgNode, inner: Env) -> None:
        """The components of a record."""
        for each in list_.named_children():
            name, type_ = each.field("name"), each.field("type")
            if name is not None:
                inner.bind(self.name_of(name), "local")
                self.attribute(self.name_of(name), each, inner)
                self.typing(inner, self.name_of(name), self.type_of(type_))
            self.push([type_] if type_ is not None else [], inner, "annotate")

    def _body(self, node: SgNode, env: Env, mode: ReferenceKind, declared: Declared | None) -> None:
        """Of an anonymous class or an enum's constant."""
        inner = Env("class", env, env.declared, implicit=True)
        self.push(node.named_children(), inner)

    def _field(self, node: SgNode, env: Env, mode: ReferenceKind, declared: Declared | None) -> None:
        type_ = node.field("type")
        for each in reversed(node.field_children("declarator")):
            name, value = each.field("name"), each.field("value")
            if name is not None:
                env.bind(self.name_of(name), "local")
                self.attribute(self.name_of(name), each, env)
                self.typing(env, self.name_of(name), self._typed(type_, value))
            self.push([value] if value is not None else [], Env("block", env, env.declared))
        if type_ is not None:
            self.push([type_], env, "annotate")
        self.push([each for each in node.named_children() if each.kind() == "modifiers"], env)

    def _typed(self, type_: SgNode | None, value: SgNode | None) -> Typing | None:
        if type_ is not None and type_.text() == "var":
            return self.value_of(value)
        return self.type_of(type_)

    def _enum_constant(self, node: SgNode, env: Env, mode: ReferenceKind, declared: Declared | None) -> None:
        name = node.field("name")
        if name is not None:
            env.bind(self.name_of(name), "local")
            self.attribute(self.name_of(name), node, env)
            if env.declared is not None:
                self.typing(env, self.name_of(name), Typing(env.declared.name))
        self.push([each for each in node.named_children() if each.kind() != "identifier"], env)

    def _method(self, node: SgNode, env: Env, mode: ReferenceKind, declared: Declared | None) -> None:
        name, type_, body = node.field("name"), node.field("type"), node.field("body")
        constructs = node.kind().endswith("constructor_declaration")
        if name is not None and not constructs:
            env.bind(self.name_of(name), "local")
        returned = self.type_of(type_)
        if declared is not None:
            declared.returns = returned.type if returned else None
        inner = Env("function", env, declared or env.declared)
        if body is not None:
            self.push([body], inner)
        self.push([each for each in node.named_children() if each.kind() == "throws"], inner)
        self._parameters(node.field("parameters"), inner)
        if type_ is not None:
            self.push([type_], inner, "annotate")
        self.push([each for each in node.named_children() if each.kind() == "modifiers"], inner)
        self.push(node.field_children("value"), inner)
        self._type_parameters(node, inner)

    def _parameters(self, list_: SgNode | None, inner: Env) -> None:
        if list_ is None:
            return
        if list_.kind() == "identifier":
            inner.bind(self.name_of(list_), "local")
            return
        for each in list_.named_children():
            kind = each.kind()
            if kind == "identifier":
                inner.bind(self.name_of(each), "local")
            elif kind == "formal_parameter":
                name, type_ = each.field("name"), each.field("type")
                if name is not None:
                    inner.bind(self.name_of(name), "local")
                    self.typing(inner, self.name_of(name), self.type_of(type_))
                self.push([child for child in each.named_children() if child != name], inner, "annotate")
            elif kind == "spread_parameter":
                parts = [child for child in each.named_children() if child.kind() != "modifiers"]
                for declarator in [child for child in parts if child.kind() == "variable_declarator"]:
                    name = declarator.field("name")
                    found = self.type_of(parts[0])
                    if name is not None:
                        inner.bind(self.name_of(name), "local")
                        self.typing(inner, self.name_of(name), Typing(f"[]{found.type}") if found else None)
                self.push(parts[:1], inner, "annotate")

    # Statements

    def _bind(self, name: SgNode | None, typing: Typing | None, env: Env) -> None:
        if name is not None:
            env.bind(self.name_of(name), "local", span(name)[0])
            self.typing(env, self.name_of(name), typing)

    def _local(self, node: SgNode, env: Env, mode: ReferenceKind, declared: Declared | None) -> None:
        type_ = node.field("type")
        for each in reversed(node.field_children("declarator")):
            value = each.field("value")
            self._bind(each.field("name"), self._typed(type_, value), env)
            self.push([value] if value is not None else [], env)
        self.push([child for child in node.named_children() if child.kind() != "variable_declarator"], env)

    def _each(self, node: SgNode, env: Env, mode: ReferenceKind, declared: Declared | None) -> None:
        inner = Env("block", env, env.declared)
        type_, value = node.field("type"), node.field("value")
        typing = self.type_of(type_)
        if type_ is not None and type_.text() == "var":
            of = self.value_of(value)
            typing = (
                Typing(f"{of.type}()*" if of.made else f"{of.type}*", value=True) if of is not None else None
            )
        self._bind(node.field("name"), typing, inner)
        self.push(node.field_children("body"), inner)
        self.push([value] if value is not None else [], env)
        self.push([type_] if type_ is not None else [], env, "annotate")

    def _resource(self, node: SgNode, env: Env, mode: ReferenceKind, declared: Declared | None) -> None:
        type_, value = node.field("type"), node.field("value")
        self._bind(node.field("name"), self._typed(type_, value), env)
        name = node.field("name")
        self.push([child for child in node.named_children() if child != name], env)

    def _catch(self, node: SgNode, env: Env, mode: ReferenceKind, declared: Declared | None) -> None:
        inner = Env("block", env, env.declared)
        self.push(node.field_children("body"), inner)
        for each in node.named_children():
            if each.kind() == "catch_formal_parameter":
                types = [child for child in each.named_children() if child.kind() == "catch_type"]
                first = next(iter(types[0].named_children()), None) if types else None
                self._bind(each.field("name"), self.type_of(first), inner)
                self.push(types, inner)

    def _lambda(self, node: SgNode, env: Env, mode: ReferenceKind, declared: Declared | None) -> None:
        inner = Env("function", env, env.declared)
        self.push(node.field_children("body"), inner)
        self._parameters(node.field("parameters"), inner)

    def _instanceof(self, node: SgNode, env: Env, mode: ReferenceKind, declared: Declared | None) -> None:
        name, right = node.field("name"), node.field("right")
        self._bind(name, self.type_of(right), env)
        self.push([child for child in node.named_children() if child != name], env)

    def _type_pattern(self, node: SgNode, env: Env, mode: ReferenceKind, declared: Declared | None) -> None:
        children = node.named_children()
        if len(children) > 1 and children[-1].kind() == "identifier":
            self._bind(children[-1], self.type_of(children[0]), env)
            children = children[:-1]
        self.push(children, env)

    def _labeled(self, node: SgNode, env: Env, mode: ReferenceKind, declared: Declared | None) -> None:
        self.push(node.named_children()[1:], env)

    # Expressions

    def _annotation(self, node: SgNode, env: Env, mode: ReferenceKind, declared: Declared | None) -> None:
        self.push(node.field_children("arguments"), env)
        self.push(node.field_children("name"), env, "decorate")

    def _creation(self, node: SgNode, env: Env, mode: ReferenceKind, declared: Declared | None) -> None:
        self.push([each for each in node.named_children() if each.kind() == "class_body"], env)
        self._call(node, env, mode, None)

    def _constructor_call(
        self, node: SgNode, env: Env, mode: ReferenceKind, declared: Declared | None
    ) -> None:
        self.push(node.field_children("arguments"), env)
        for each in node.field_children("constructor"):
            self.mention("call", each.text(), each, env)

    def _method_reference(
        self, node: SgNode, env: Env, mode: ReferenceKind, declared: Declared | None
    ) -> None:
        object_, *rest = node.named_children()
        names = [each for each in rest if each.kind() == "identifier"]
        if names:
            self.mention("use", self.joined(self.path(object_), names[-1]), names[-1], env)
            self.visit_object(object_, env)
        else:
            self.mention("new", self.path(object_), object_, env)
