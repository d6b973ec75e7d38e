"""In: imports, exports and `require` of a JavaScript or TypeScript source. Out: its bindings, and which
declarations others may import (ECMAScript, "Modules"; Node.js, "CommonJS modules")."""

import re
from collections.abc import Iterator
from typing import Final

from ast_grep_py import SgNode

from archon.contracts.code.references import Binding, ReferenceKind
from intelligence.references.scopes import Declared, Env, Typing
from intelligence.references.walk import Walk
from intelligence.syntax.nodes import span

WHOLE: Final = "default"
_EACH: Final = frozenset(
    {"map", "forEach", "filter", "find", "findIndex", "findLast", "some", "every", "flatMap", "sort"}
)
_MODULE: Final = re.compile(r"""["'`]([^"'`$]*)["'`]""")


class Modules(Walk):
    def run(self) -> None:
        self._exports: list[tuple[str, str, SgNode]] = []
        self._given: dict[tuple[int, int], Typing] = {}
        self._is_module = False
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
                self._exports.append((value.text(), WHOLE, node))
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


def _specifiers(clause: SgNode) -> Iterator[tuple[SgNode, SgNode]]:
    """Name and alias of each specifier; a name without an alias is both."""
    for each in clause.named_children():
        name = each.field("name")
        if name is not None:
            yield name, each.field("alias") or name
