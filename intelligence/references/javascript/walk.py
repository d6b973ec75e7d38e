"""In: a parsed JavaScript or TypeScript source. Out: its declarations and references."""

from typing import ClassVar, Final

from ast_grep_py import SgNode

from archon.contracts.code.references import ReferenceKind
from intelligence.references.javascript.declarations import Declarations
from intelligence.references.scopes import Declared, Env

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


class JavaScriptWalk(Declarations):
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
