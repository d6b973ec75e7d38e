"""In: the value of a variable, a field or an export. Out: the function or object in it."""

import re
from collections.abc import Sequence
from typing import Final

from ast_grep_py import SgNode

from intelligence.syntax.grammar import Part, Scope
from intelligence.syntax.nodes import first

_HEAD: Final = 300
"""Maximum characters read of a callee."""
_FUNCTIONS: Final = frozenset({"arrow_function", "function_expression", "generator_function"})
_AROUND: Final = frozenset(
    {"as_expression", "satisfies_expression", "non_null_expression", "parenthesized_expression"}
)
_FIELDS: Final = frozenset({"field_definition", "public_field_definition"})
_ANYWHERE: Final = frozenset({"useCallback"})
_STYLED: Final = re.compile(r"(?:styled|tw)\b")


def value_at(node: SgNode, path: Sequence[Part]) -> SgNode | None:
    """The child at the end of a path of children."""
    found: SgNode | None = node
    for part in path:
        found = first(found, [part]) if found is not None else None
    return found


def value_of(node: SgNode, rule: Scope) -> SgNode | None:
    """The assigned value or, by the rule, the function that a call wraps or the object that it contains."""
    value = node.field("value") or node.field("right")
    if value is None:
        return None
    if rule.holds is not None:
        value = _plain(value)
        return _held(value, rule.holds) if value.kind() == rule.holds or _is_outermost(node) else None
    if rule.wraps is None:
        return value
    value = _plain(value)
    if value.kind() != "call_expression" or not (_is_outermost(node) or _callee(value) in _ANYWHERE):
        return None
    while value is not None and value.kind() == "call_expression":
        if rule.wraps.search(_callee(value)):
            return None
        value = _wrapped(value)
    return value


def _plain(node: SgNode) -> SgNode:
    """Without parentheses and TypeScript type assertions."""
    while node.kind() in _AROUND and (inner := node.named_children()):
        node = inner[0]
    return node


def _is_outermost(node: SgNode) -> bool:
    """Whether a declaration is at module or class level; inside a function, the result of a call is rarely a
    function."""
    if node.kind() in _FIELDS:
        return True
    around = node.parent()
    while around is not None and around.kind() in {"lexical_declaration", "variable_declaration"}:
        around = around.parent()
    return around is not None and around.kind() in {"program", "export_statement"}


def _callee(call: SgNode) -> str:
    """The last part of the callee: `b` for `a.b(c)(d)`."""
    callee = call.field("function")
    while callee is not None and callee.kind() == "call_expression":
        callee = callee.field("function")
    return (callee.field("property") or callee).text()[:_HEAD] if callee is not None else ""


def _wrapped(call: SgNode) -> SgNode | None:
    """The function among a call's arguments, or a call that may contain one; for a styled component, its
    styles."""
    arguments = call.field("arguments")
    if arguments is None or arguments.kind() == "template_string":
        return arguments if _STYLED.match(call.text()[:_HEAD]) else None
    given = [_plain(each) for each in arguments.named_children()]
    found = [each for each in given if each.kind() in _FUNCTIONS]
    return next(iter([*found, *(each for each in given if each.kind() == "call_expression")]), None)


def _held(value: SgNode, kind: str) -> SgNode | None:
    """The value itself, or the argument of a call (or of a nested call), if it has this kind."""
    if value.kind() != "call_expression":
        return value if value.kind() == kind else None
    arguments = value.field("arguments")
    given = map(_plain, arguments.named_children()) if arguments is not None else ()
    return next(filter(None, (_held(each, kind) for each in given)), None)
