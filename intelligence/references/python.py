"""In: a parsed Python source. Out: its declarations and references (Python Language Reference, 4.2 Naming and
binding)."""

import re
from typing import ClassVar, Final

from ast_grep_py import SgNode

from archon.contracts.code.references import ReferenceKind
from intelligence.references.scopes import Declared, Env, Typing
from intelligence.references.types import names_in
from intelligence.references.walk import Walk
from intelligence.syntax.nodes import span

_STATIC: Final = "staticmethod"
_SUPER: Final = "super"
_PROPERTIES: Final = frozenset(
    {"property", "cached_property", "functools.cached_property", "abc.abstractproperty"}
)
_FORMATTED: Final = re.compile(r"[a-zA-Z]{0,2}[fFtT][rR]?[\"']")
_QUOTED: Final = re.compile(r"[\"'](\w+)[\"']")
_ALL: Final = 20_000


class PythonWalk(Walk):
    self_head = "self"
    special: ClassVar = {
        "function_definition": "_function",
        "lambda": "_lambda",
        "class_definition": "_class",
        "decorated_definition": "_decorated",
        "global_statement": "_global",
        "nonlocal_statement": "_global",
        "import_statement": "_import",
        "import_from_statement": "_import_from",
        "with_item": "_with_item",
        "as_pattern": "_as_pattern",
        "except_clause": "_except",
        "case_clause": "_case",
        "class_pattern": "_class_pattern",
        "splat_pattern": "_splat_pattern",
        "string": "_string",
        "assignment": "_assignment",
        "subscript": "_subscript",
        "generic_type": "_subscript",
        "type_alias_statement": "_type_alias",
        "dotted_name": "_dotted_name",
        "call": "_call_or_check",
    }

    # Definitions

    def _decorated(self, node: SgNode, env: Env, mode: ReferenceKind, declared: Declared | None) -> None:
        definition = node.field("definition")
        if definition is None:
            return
        inside = self.env_of(self.by_span.get(span(definition)), env)
        names = set()
        self.push([definition], env)
        for each in reversed(node.named_children()):
            if each.kind() == "decorator":
                self.push(each.named_children(), inside, "decorate")
                names.add(each.text().lstrip("@").strip()[:60])
        if names & _PROPERTIES or any(name.endswith(".setter") for name in names):
            self._properties.add(span(definition))
        if _STATIC in names:
            self._static.add(span(definition))

    def run(self) -> None:
        self._properties: set[tuple[int, int]] = set()
        self._static: set[tuple[int, int]] = set()
        super().run()

    def _function(self, node: SgNode, env: Env, mode: ReferenceKind, declared: Declared | None) -> None:
        name, result, body = node.field("name"), node.field("return_type"), node.field("body")
        place = span(node)
        returned = self.type_of(result)
        if name is not None:
            # A class's methods are names in its body, but no variables.
            env.function.bind(self.name_of(name), "declared")
        if declared is not None:
            declared.returns = returned.type if returned else None
            if env.function.how == "module":
                declared.exported = declared.name
        if place in self._properties and env.function.how == "class" and name is not None:
            self.typing(env.function, self.name_of(name), returned)
        inner = Env("function", env, declared or env.declared)
        if body is not None:
            self.push([body], inner)
        if result is not None:
            self.push([result], inner, "annotate")
        self._parameters(node, inner, env, bound=env.function.how == "class" and place not in self._static)
        self._type_parameters(node, inner)

    def _lambda(self, node: SgNode, env: Env, mode: ReferenceKind, declared: Declared | None) -> None:
        inner = Env("function", env, env.declared)
        if (body := node.field("body")) is not None:
            self.push([body], inner)
        self._parameters(node, inner, env, bound=False)

    def _parameters(self, node: SgNode, inner: Env, outer: Env, *, bound: bool) -> None:
        parameters = node.field("parameters")
        listed = parameters.named_children() if parameters is not None else []
        for number, each in enumerate(each for each in listed if each.kind() != "comment"):
            kind = each.kind()
            if bound and number == 0 and kind in {"identifier", "typed_parameter"}:
                written = each if kind == "identifier" else each.child(0)
                if written is not None:
                    inner.self_name = self.name_of(written)
                    inner.bind(inner.self_name, "local")
                if kind == "typed_parameter":
                    self.push(each.field_children("type"), inner, "annotate")
                continue
            if (rule := self.rules.bindings.get(kind)) is not None:
                self.bind(each, rule, inner, inner, outer)
                self._many(each, inner)
            else:
                self.bind_pattern(each, inner, inner, None, each)

    def _many(self, node: SgNode, inner: Env) -> None:
        """`*args: T` are several T."""
        first = node.child(0)
        if first is None or first.kind() not in {"list_splat_pattern", "dictionary_splat_pattern"}:
            return
        name, found = first.text().lstrip("*").strip(), self.type_of(node.field("type"))
        if found is not None and name:
            many = "[]" if first.kind() == "list_splat_pattern" else "{}"
            self.typing(inner, name, Typing(many + found.type))

    def _type_parameters(self, node: SgNode, inner: Env) -> None:
        for each in node.field_children("type_parameters"):
            for parameter in each.named_children():
                for name in names_in(parameter.text().partition(":")[0])[:1]:
                    inner.bind(name, "local")
                for constrained in parameter.named_children():
                    self.push(constrained.named_children()[1:], inner, "annotate")

    def _class(self, node: SgNode, env: Env, mode: ReferenceKind, declared: Declared | None) -> None:
        name, body, bases = node.field("name"), node.field("body"), node.field("superclasses")
        if name is not None:
            env.function.bind(self.name_of(name), "declared")
        if declared is not None and env.function.how == "module":
            declared.exported = declared.name
        inner = Env("class", env, declared or env.declared)
        # Type parameters are seen by the methods, too.
        around = Env("block", env, declared or env.declared)
        inner.parent = around
        self._type_parameters(node, around)
        if body is not None:
            self.push([body], inner)
        for each in reversed(bases.named_children() if bases is not None else ()):
            self.push([each], around, "use" if each.kind() == "keyword_argument" else "inherit")

    def _global(self, node: SgNode, env: Env, mode: ReferenceKind, declared: Declared | None) -> None:
        names = [self.name_of(each) for each in node.named_children()]
        env.function.elsewhere.update(names)
        for name in names:
            env.function.names.pop(name, None)

    # Imports

    def _import(self, node: SgNode, env: Env, mode: ReferenceKind, declared: Declared | None) -> None:
        exported = env.function.how == "module"
        for each in node.field_children("name"):
            if each.kind() == "aliased_import":
                name, alias = each.field("name"), each.field("alias")
                if name is not None and alias is not None:
                    self.bind_import(alias.text(), name.text(), "", name, env.function, exported=exported)
            else:
                module = each.text()
                self.bind_import(module, module, "", each, env.function, exported=exported)

    def _import_from(self, node: SgNode, env: Env, mode: ReferenceKind, declared: Declared | None) -> None:
        module = node.field("module_name")
        if module is None:
            return
        written, exported = "".join(module.text().split()), env.function.how == "module"
        for each in node.field_children("name"):
            name, alias = each, each
            if each.kind() == "aliased_import":
                name, alias = each.field("name") or each, each.field("alias") or each
            self.bind_import(alias.text(), written, name.text(), name, env.function, exported=exported)
        if any(each.kind() == "wildcard_import" for each in node.named_children()):
            self.bind_import("", written, "*", node, env, exported=exported)

    def is_open(self, head: str) -> bool:
        return head == _SUPER or any(binding.name == "*" for binding in self.bindings)

    def mention(self, kind: ReferenceKind, path: str, node: SgNode, env: Env) -> None:
        if path != _SUPER:
            super().mention(kind, path, node, env)

    # Statements

    def _assignment(self, node: SgNode, env: Env, mode: ReferenceKind, declared: Declared | None) -> None:
        left = node.field("left")
        if (
            left is not None
            and left.kind() == "identifier"
            and left.text() == "__all__"
            and env.how == "module"
        ):
            self.settings = {"all": _QUOTED.findall(node.text()[:_ALL])}
        self._binding(node, env, mode, declared)

    def _with_item(self, node: SgNode, env: Env, mode: ReferenceKind, declared: Declared | None) -> None:
        for each in node.named_children():
            if each.kind() == "as_pattern" and (target := each.field("alias")) is not None:
                value = each.child(0)
                found = self.value_of(value)
                typing = Typing(f"{found.type}.__enter__", made=True) if found and found.value else None
                if found is not None and found.made:
                    typing = Typing(f"{found.type}().__enter__", made=True)
                self._bind_rest(target, env, typing, node)
                self.push([value] if value is not None else [], env)
            else:
                self.push([each], env)

    def _except(self, node: SgNode, env: Env, mode: ReferenceKind, declared: Declared | None) -> None:
        for each in reversed(node.named_children()):
            if each.kind() == "as_pattern" and (target := each.field("alias")) is not None:
                value = each.child(0)
                self._bind_rest(target, env, self.type_of(value), node)
                self.push([value] if value is not None else [], env)
            else:
                self.push([each], env)

    def _bind_rest(self, target: SgNode, env: Env, typing: Typing | None, whole: SgNode) -> None:
        inner = target.named_children()
        single = len(inner) == 1 and inner[0].kind() in {"identifier", "attribute"}
        node = inner[0] if single else target
        self.push(self.bind_pattern(node, env.function, env, typing if single else None, whole), env)

    def _as_pattern(self, node: SgNode, env: Env, mode: ReferenceKind, declared: Declared | None) -> None:
        """In a `case`, or a form that the parser puts elsewhere."""
        inner = node.named_children()
        if len(inner) > 1:
            for name in inner[-1].named_children() or [inner[-1]]:
                if name.kind() == "identifier":
                    env.function.bind(self.name_of(name), "local")
        self.push(inner[:1], env)

    def _case(self, node: SgNode, env: Env, mode: ReferenceKind, declared: Declared | None) -> None:
        """The names of patterns are bound, except for those of classes and dotted ones."""
        for each in reversed(node.named_children()):
            self.push(
                [each],
                Env("block", env, env.declared, self_name="case") if each.kind() == "case_pattern" else env,
            )

    def _splat_pattern(self, node: SgNode, env: Env, mode: ReferenceKind, declared: Declared | None) -> None:
        for each in node.named_children():
            env.function.bind(self.name_of(each), "local")

    def _class_pattern(self, node: SgNode, env: Env, mode: ReferenceKind, declared: Declared | None) -> None:
        name, *patterns = node.named_children()
        self.push(patterns, env)
        path = ".".join(name.text().split("."))
        last = name.named_children()[-1] if name.named_children() else name
        self.mention("use", path, last, env)

    def _dotted_name(self, node: SgNode, env: Env, mode: ReferenceKind, declared: Declared | None) -> None:
        names = node.named_children()
        if len(names) == 1 and self._in_case(env):
            env.function.bind(self.name_of(names[0]), "local")
        elif names:
            self.mention(mode, node.text(), names[-1], env)

    @staticmethod
    def _in_case(env: Env) -> bool:
        return env.how == "block" and env.self_name == "case"

    def _type_alias(self, node: SgNode, env: Env, mode: ReferenceKind, declared: Declared | None) -> None:
        left, right = node.field("left"), node.field("right")
        name = left
        while name is not None and name.kind() != "identifier":
            name = next(iter(name.named_children()), None)
        if name is not None:
            self.bind_name(name, env.function, None, node)
        self.push([right] if right is not None else [], env, "annotate")

    # Expressions

    def _string(self, node: SgNode, env: Env, mode: ReferenceKind, declared: Declared | None) -> None:
        if mode == "annotate":
            for name in names_in(node.text().strip("\"'")):
                if name != "None":
                    self.mention("annotate", name, node, env)
        elif _FORMATTED.match(node.text()[:5]):
            self.push([each for each in node.named_children() if each.kind() == "interpolation"], env)

    def _call_or_check(self, node: SgNode, env: Env, mode: ReferenceKind, declared: Declared | None) -> None:
        function, arguments = node.field("function"), node.field("arguments")
        if function is not None and arguments is not None and function.text() == "isinstance":
            self._checked(arguments.named_children(), env)
        self._call(node, env, mode, declared)

    def _checked(self, arguments: list[SgNode], env: Env) -> None:
        """`isinstance(x, T)` says what `x` may be, if nothing else does."""
        if len(arguments) != len(("x", "T")) or arguments[0].kind() != "identifier":
            return
        name = self.name_of(arguments[0])
        found = env.lookup(name, span(arguments[0])[0])
        if found is None or found[1] != "local" or found[0].how == "class" or name in found[0].types:
            return
        types = arguments[1].named_children() if arguments[1].kind() == "tuple" else [arguments[1]]
        for each in types:
            if self._is_known(path := self.path(each)):
                self.typing(found[0], name, Typing(path))

    def _subscript(self, node: SgNode, env: Env, mode: ReferenceKind, declared: Declared | None) -> None:
        value, *arguments = node.named_children()
        of: ReferenceKind = "annotate" if mode in {"annotate", "inherit"} else "use"
        if of == "annotate" and value.text().endswith("Literal"):
            arguments = []
        self.push(arguments, env, of)
        self.push([value], env, mode)

    def name_of(self, node: SgNode) -> str:
        return node.text()[:120]

    def self_name(self, env: Env) -> str | None:
        around: Env | None = env
        while around is not None and around.how != "class":
            if around.self_name is not None and around.how == "function":
                return around.self_name
            around = around.parent
        return None
