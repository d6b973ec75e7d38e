"""In: a source. Out: the kind of each reference or declaration in it.

SCIP does not say how a name is mentioned; this reads it from the syntax around the name, independently of the
product's extraction.
"""

from collections.abc import Iterator
from functools import cached_property
from typing import Final, Literal

from ast_grep_py import SgNode, SgRoot

from archon.contracts.code.references import ReferenceKind

Mention = ReferenceKind | Literal["import", "declare", "key"]
"""`declare`: the name of a definition or assignment. `key`: the name of a keyword argument or of a property
in an object, or a name in quotes."""
Target = Literal["function", "type", "value"]
_NAMES: Final = frozenset(
    {
        *("identifier", "property_identifier", "private_property_identifier", "type_identifier"),
        *("shorthand_property_identifier", "shorthand_property_identifier_pattern", "statement_identifier"),
    }
)
_MEMBERS: Final = {
    "attribute": "attribute",
    "member_expression": "property",
    "nested_type_identifier": "name",
}
"""Nodes `a.b`, and the field of `b`."""
_IMPORTS: Final = frozenset({"import_statement", "import_from_statement", "export_specifier"})
_BASES: Final = frozenset({"class_heritage", "extends_clause", "implements_clause", "extends_type_clause"})
_ANNOTATIONS: Final = frozenset({"type", "type_annotation", "type_arguments"})
_FUNCTIONS: Final = frozenset({"arrow_function", "function_expression", "generator_function"})
_CALLEES: Final = {"call": "function", "call_expression": "function", "new_expression": "constructor"}


class Syntax:
    def __init__(self, text: str, language: str) -> None:
        self._root = SgRoot(text, language).root()

    @cached_property
    def _names(self) -> dict[tuple[int, int], SgNode]:
        """Names by line and column, both from 0, in characters."""
        return {(node.range().start.line, node.range().start.column): node for node in _names(self._root)}

    def mention(self, line: int, column: int) -> Mention:
        """Of a name in quotes, which is none of the syntax, `key`."""
        node = self._names.get((line, column))
        return "key" if node is None else _mention(node)

    def is_member(self, line: int, column: int) -> bool:
        """Whether it is the name after a dot."""
        node = self._names.get((line, column))
        parent = node.parent() if node is not None else None
        return parent is not None and parent.field(_MEMBERS.get(parent.kind(), "")) == node

    def is_assigned(self, line: int, column: int) -> bool:
        """Whether a Python assignment gives a value to the name, or to `self.name`."""
        node = self._names.get((line, column))
        return node is not None and _is_assigned(node)

    def value_kind(self, line: int, column: int) -> Target:
        """`function` or `type` for a variable or property whose value is one."""
        node = self._names.get((line, column))
        parent = node.parent() if node is not None else None
        value = parent.field("value") if parent is not None else None
        if value is None:
            return "value"
        return "function" if value.kind() in _FUNCTIONS else "type" if value.kind() == "class" else "value"


def _names(node: SgNode) -> Iterator[SgNode]:
    waiting = [node]
    while waiting:
        each = waiting.pop()
        if each.kind() in _NAMES:
            yield each
        waiting += each.children()


def _mention(name: SgNode) -> Mention:
    ancestors = list(name.ancestors())
    if any(each.kind() in _IMPORTS for each in ancestors):
        return "import"
    if ancestors and _is_key(name, ancestors):
        return "key"
    if ancestors and (
        _is_defined(name, ancestors[0]) or (ancestors[0].kind() != "attribute" and _is_assigned(name))
    ):
        return "declare"
    path = name
    for index, parent in enumerate(ancestors):
        if (member := _MEMBERS.get(parent.kind())) is None or parent.field(member) != path:
            return _around(path, ancestors[index:])
        path = parent
    return "use"


def _is_key(name: SgNode, ancestors: list[SgNode]) -> bool:
    parent, *outer = ancestors
    if name.kind() == "shorthand_property_identifier":
        return True
    if parent.kind() == "method_definition":
        return outer[0].kind() == "object" and parent.field("name") == name
    field = {"keyword_argument": "name", "pair": "key"}.get(parent.kind())
    return field is not None and parent.field(field) == name


def _is_defined(name: SgNode, parent: SgNode) -> bool:
    return parent.kind() in {"function_definition", "class_definition"} and parent.field("name") == name


def _is_assigned(name: SgNode) -> bool:
    inner = name
    for each in name.ancestors():
        if each.kind() == "assignment":
            return each.field("left") == inner
        if each.kind() not in {"attribute", "pattern_list", "tuple_pattern", "list_pattern"}:
            return False
        inner = each
    return False


def _around(path: SgNode, ancestors: list[SgNode]) -> Mention:
    """`path` is a dotted name, or the beginning of one."""
    parent = ancestors[0]
    callee = _CALLEES.get(parent.kind())
    called = callee is not None and parent.field(callee) == path
    if any(each.kind() == "decorator" for each in ancestors[: 1 + called]):
        return "decorate"
    if called:
        return "new" if parent.kind() == "new_expression" else "call"
    return _kind_in(path, ancestors)


def _kind_in(path: SgNode, ancestors: list[SgNode]) -> Mention:
    inner = path
    for each in ancestors:
        kind = each.kind()
        if kind in _ANNOTATIONS:
            return "annotate"
        if kind in _BASES or (kind == "class_definition" and each.field("superclasses") == inner):
            return "inherit"
        if kind.endswith(("statement", "declaration", "definition", "block", "body", "keyword_argument")):
            break
        inner = each
    return "annotate" if path.kind() in {"type_identifier", "nested_type_identifier"} else "use"
