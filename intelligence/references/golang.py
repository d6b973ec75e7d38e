"""In: a parsed Go source. Out: its declarations and references (The Go Programming Language
Specification)."""

import re
from typing import ClassVar, Final

from ast_grep_py import SgNode

from archon.contracts.code.references import ReferenceKind
from intelligence.references.scopes import UNKNOWN, Declared, Env, Typing
from intelligence.references.types import main_type
from intelligence.references.walk import Walk
from intelligence.syntax.nodes import span

_VERSION: Final = re.compile(r"v\d+$")


class GoWalk(Walk):
    self_head = "self"
    special: ClassVar = {
        "package_clause": "_package",
        "import_spec": "_import",
        "type_identifier": "_type_name",
        "type_spec": "_type_spec",
        "type_alias": "_type_spec",
        "field_declaration": "_field",
        "type_elem": "_type_elem",
        "function_declaration": "_function",
        "method_declaration": "_function",
        "method_elem": "_function",
        "func_literal": "_function",
        "function_type": "_function",
        "short_var_declaration": "_short",
        "var_spec": "_variable",
        "const_spec": "_variable",
        "range_clause": "_range",
        "receive_statement": "_short",
        "type_switch_statement": "_type_switch",
        "composite_literal": "_composite",
        "literal_value": "_literal",
        "labeled_statement": "_labeled",
    }

    def self_name(self, env: Env) -> str | None:
        return None

    def _package(self, node: SgNode, env: Env, mode: ReferenceKind, declared: Declared | None) -> None:
        for each in node.named_children()[:1]:
            self.package = each.text()

    def _import(self, node: SgNode, env: Env, mode: ReferenceKind, declared: Declared | None) -> None:
        path, name = node.field("path"), node.field("name")
        if path is None:
            return
        module = path.text().strip('"`')
        if name is not None and name.kind() == "dot":
            self.bind_import("", module, "*", node, env, exported=False)
        elif name is not None:
            local = name.text() if name.kind() != "blank_identifier" else ""
            self.bind_import(local, module, "", node, env, exported=False)
        else:
            self.bind_import(_package_name(module), module, "", node, env, exported=False)

    # Types

    def _type_name(self, node: SgNode, env: Env, mode: ReferenceKind, declared: Declared | None) -> None:
        self.mention(mode if mode != "use" else "annotate", self.name_of(node), node, env)

    def _type_spec(self, node: SgNode, env: Env, mode: ReferenceKind, declared: Declared | None) -> None:
        name, type_ = node.field("name"), node.field("type")
        if name is not None:
            env.bind(self.name_of(name), "declared")
        if declared is not None and env.how == "module":
            declared.exported = declared.name
        inner = Env("class", env, declared or env.declared)
        if type_ is not None:
            self.push([type_], inner)
        self._type_parameters(node, inner)

    def _type_parameters(self, node: SgNode, inner: Env) -> None:
        for list_ in node.field_children("type_parameters"):
            for each in list_.named_children():
                for name in each.field_children("name"):
                    inner.bind(self.name_of(name), "local")
                self.push(each.field_children("type"), inner, "annotate")

    def _field(self, node: SgNode, env: Env, mode: ReferenceKind, declared: Declared | None) -> None:
        names, type_ = node.field_children("name"), node.field("type")
        inner = Env("block", env, env.declared)
        if type_ is None:
            return
        if env.how == "class":
            for each in names:
                self.attribute(self.name_of(each), each, env)
                self.typing(env, self.name_of(each), self.type_of(type_))
            if not names and (found := main_type(type_.text())) is not None:
                name = found.rpartition(".")[2]
                self.attribute(name, node, env)
                self.typing(env, name, Typing(found))
        self.push([type_], inner, "annotate" if names else "inherit")

    def _type_elem(self, node: SgNode, env: Env, mode: ReferenceKind, declared: Declared | None) -> None:
        inside = mode if mode == "annotate" else "inherit" if len(node.named_children()) == 1 else "annotate"
        self.push(node.named_children(), env, inside)

    # Functions

    def _function(self, node: SgNode, env: Env, mode: ReferenceKind, declared: Declared | None) -> None:
        kind, name = node.kind(), node.field("name")
        if kind == "function_declaration" and name is not None:
            self.module.bind(self.name_of(name), "declared")
        inner = Env("function", env, declared or env.declared)
        result, body = node.field("result"), node.field("body")
        if declared is not None:
            declared.returns = self._result(result)
            declared.exported = declared.name if kind == "function_declaration" else None
        if body is not None:
            self.push([body], inner)
        if result is not None and result.kind() != "parameter_list":
            self.push([result], inner, "annotate")
        for list_ in (result, node.field("parameters"), node.field("receiver")):
            if list_ is not None and list_.kind() == "parameter_list":
                self._parameters(list_, inner)
        self._type_parameters(node, inner)

    def _parameters(self, list_: SgNode, inner: Env) -> None:
        for each in list_.named_children():
            type_ = each.field("type")
            typing = self.type_of(type_)
            if typing is not None and each.kind() == "variadic_parameter_declaration":
                typing = Typing(f"[]{typing.type}")
            for name in each.field_children("name"):
                inner.bind(self.name_of(name), "local")
                self.typing(inner, self.name_of(name), typing)
            if type_ is not None:
                self.push([type_], inner, "annotate")

    def _result(self, result: SgNode | None) -> str | None:
        if result is not None and result.kind() == "parameter_list":
            first = next(iter(result.named_children()), None)
            result = first.field("type") if first is not None else None
        found = self.type_of(result)
        return found.type if found else None

    # Variables

    def _short(self, node: SgNode, env: Env, mode: ReferenceKind, declared: Declared | None) -> None:
        left, right = node.field("left"), node.field("right")
        if left is None or right is None:
            return
        assigned = any(child.kind() == ":=" for child in node.children())
        self.push([right], env)
        if not assigned:
            self.push([left], env)
            return
        self._bind(left.named_children(), _values(right), env, node)

    def _bind(self, names: list[SgNode], values: list[SgNode], env: Env, whole: SgNode) -> None:
        since = span(whole)[1]
        for number, each in enumerate(names):
            if each.kind() != "identifier" or each.text() == "_":
                continue
            single = len(values) == len(names) or number == 0
            value = self.value_of(values[number]) if single and number < len(values) else None
            name = self.name_of(each)
            # A name that is already known in the block keeps its place: only its value is new.
            env.bind(name, "local", since)
            self.typing(env, name, value)

    def value_of(self, node: SgNode | None) -> Typing | None:
        """The built-in functions `new` and `make` take a type."""
        if node is not None and node.kind() == "call_expression":
            function, arguments = node.field("function"), node.field("arguments")
            if function is not None and arguments is not None and function.text() in {"new", "make"}:
                return self.type_of(next(iter(arguments.named_children()), None))
        if node is not None and node.kind() == "composite_literal":
            return self.type_of(node.field("type"))
        if node is not None and node.kind() == "unary_expression":
            return self.value_of(next(iter(node.named_children()), None))
        return super().value_of(node)

    def _variable(self, node: SgNode, env: Env, mode: ReferenceKind, declared: Declared | None) -> None:
        type_, value = node.field("type"), node.field("value")
        names = [each for each in node.field_children("name") if each.kind() == "identifier"]
        values = _values(value) if value is not None else []
        if value is not None:
            self.push([value], env)
        if type_ is not None:
            self.push([type_], env, "annotate")
        if env.how != "module":
            self._bind(names, values if type_ is None else [], env, node)
        for number, each in enumerate(names):
            name = self.name_of(each)
            given = values[number] if number < len(values) and len(values) == len(names) else None
            typing = self.type_of(type_) or self.value_of(
                given or (values[0] if number == 0 and values else None)
            )
            if env.how == "module" and name != "_":
                env.bind(name, "declared")
                self.variable(name, each, env, constant=node.kind() == "const_spec", exported=name)
                self.typing(env, name, typing)
            elif type_ is not None:
                self.typing(env, name, typing)

    def _range(self, node: SgNode, env: Env, mode: ReferenceKind, declared: Declared | None) -> None:
        left, right = node.field("left"), node.field("right")
        if right is not None:
            self.push([right], env)
        if left is None:
            return
        if not any(child.kind() == ":=" for child in node.children()):
            self.push([left], env)
            return
        of = self.value_of(right)
        for number, each in enumerate(left.named_children()):
            if each.kind() == "identifier" and each.text() != "_":
                env.bind(self.name_of(each), "local", span(node)[1])
                if number == 1 and of is not None:
                    path = f"{of.type}()[]" if of.made else f"{of.type}[]" if of.value else f"<{of.type}>[]"
                    self.typing(env, self.name_of(each), Typing(path, value=True))

    def _type_switch(self, node: SgNode, env: Env, mode: ReferenceKind, declared: Declared | None) -> None:
        inner = Env("block", env, env.declared)
        alias, value = node.field("alias"), node.field("value")
        names = [each.text() for each in alias.named_children()] if alias is not None else []
        later: list[tuple[SgNode, Env]] = []
        for each in node.named_children():
            if each in (alias, value):
                continue
            case = Env("block", inner, env.declared)
            types = each.field_children("type") if each.kind() == "type_case" else []
            for name in names:
                case.bind(name, "local")
                if len(types) == 1:
                    self.typing(case, name, self.type_of(types[0]))
            later += (
                [(child, case) for child in each.named_children()]
                if each.kind() == "type_case"
                else [(each, case)]
            )
        self._stack.extend((child, case, "use") for child, case in reversed(later))
        if value is not None:
            self.push([value], env)

    # Expressions

    def _composite(self, node: SgNode, env: Env, mode: ReferenceKind, declared: Declared | None) -> None:
        type_, body = node.field("type"), node.field("body")
        if body is None or type_ is None:
            return
        plain = type_
        if type_.kind() == "generic_type" and (inner := type_.named_children()):
            plain = inner[0]
            self.push(inner[1:], env)
        if plain.kind() in self._names:
            self.mention("new", self.path(plain), plain, env)
        elif plain.kind() in self.rules.members:
            self.mention("new", self.path(plain), plain.field("name") or plain, env)
        else:
            self.push([plain], env, "annotate")
        self._elements(body, env, self._of_literal(type_), keys=type_.kind() == "map_type")

    @staticmethod
    def _of_literal(type_: SgNode) -> str:
        found = (
            main_type(type_.text())
            if type_.kind() in {"type_identifier", "qualified_type", "generic_type"}
            else None
        )
        return f"<{found}>" if found else UNKNOWN

    def _literal(self, node: SgNode, env: Env, mode: ReferenceKind, declared: Declared | None) -> None:
        """A literal inside of another one, whose type is not repeated."""
        self._elements(node, env, UNKNOWN, keys=False)

    def _elements(self, body: SgNode, env: Env, of: str, *, keys: bool) -> None:
        nodes: list[SgNode] = []
        for each in body.named_children():
            parts = each.named_children()
            if each.kind() != "keyed_element" or len(parts) == 1:
                nodes.append(each)
                continue
            key = next(iter(parts[0].named_children()), parts[0])
            if key.kind() == "identifier" and not keys:
                self.mention("use", f"{of}.{self.name_of(key)}", key, env)
                nodes += parts[1:]
            else:
                nodes += parts
        self.push(nodes, env)

    def _labeled(self, node: SgNode, env: Env, mode: ReferenceKind, declared: Declared | None) -> None:
        self.push(node.named_children()[1:], env)


def _values(node: SgNode) -> list[SgNode]:
    return list(node.named_children()) if node.kind() == "expression_list" else [node]


def _package_name(module: str) -> str:
    """The usual name of the package at an import path."""
    parts = [part for part in module.split("/") if part]
    if len(parts) > 1 and _VERSION.match(parts[-1]):
        parts.pop()
    name = parts[-1] if parts else ""
    name = re.sub(r"\.v\d+$", "", name)
    return name.removeprefix("go-").removesuffix("-go").removesuffix(".go").rpartition("-")[2]
