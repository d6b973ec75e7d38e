"""In: a declaring node. Out: its declarations: name, owner, bases and parameters."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from ast_grep_py import SgNode

from intelligence.syntax import naming
from intelligence.syntax.grammar import Grammar, Scope
from intelligence.syntax.nodes import Found, ScopeNode, Tree, children, first, span
from intelligence.syntax.values import value_at, value_of

_QUALIFIED_CHARACTERS: Final = 1000
_HEAD: Final = 300
"""Maximum characters read of a name, or of the text before it."""
_BASES: Final = 3000
_OPERATOR: Final = re.compile(r"\boperator\b")
_PARAMETERS: Final = re.compile(r"^(?![ \t]*(?:#|[A-Z][A-Z0-9_]*\())[^\n]*\)[ \t]*\n?[ \t]+\Z", re.MULTILINE)
_WORD: Final = re.compile(r"\w")
_CALLED: Final = re.compile(r"(?<!operator)\(.*")


def scopes_of(found: Found, tree: Tree, rules: Mapping[str, Sequence[Scope]]) -> Iterator[ScopeNode]:
    """The scopes by the first matching rule: one, or several that are declared together."""
    for rule in rules[found.kind]:
        if not all(_has(found.node, part, kinds) for part, kinds in rule.where.items()):
            continue
        if rule.kind == "phantom":
            tree.misses.append((found.start, found.start))
            return
        value = value_at(found.node, rule.path_to) if rule.path_to else value_of(found.node, rule)
        if value is None and (rule.wraps is not None or rule.holds is not None or rule.path_to):
            continue
        spans = [span(_declared(child)) for child in children(found.node, rule.name)]
        head = tree.text[found.start : spans[0][0] if spans else found.start][:_HEAD]
        if rule.head is not None and not rule.head.search(head):
            continue
        written = [tree.text[start : min(end, start + _HEAD)] for start, end in spans]
        if rule.made is not None:
            made = _made(found, tree, rule.made, spans[0][1])
            if made is None:
                continue
            written = made
        for name in (written if rule.several else written[:1]) if rule.text is None else [rule.text]:
            if (scope := _named(found, tree, rule, name, value)) is not None:
                yield scope
        return


def _has(node: SgNode, part: str, kinds: Sequence[str]) -> bool:
    return any(not kinds or child.kind() in kinds for child in children(node, part))


def _made(found: Found, tree: Tree, macro: re.Pattern[str], end: int) -> list[str] | None:
    """The name from a macro call in the place of a function declaration; None if there is no macro call.
    Within a function (a loop) or after parameters (an attribute), the call declares nothing."""
    name = tree.text[found.start : min(end, found.start + _HEAD)]
    around = found.node.parent() if name.isidentifier() else None
    if around is None or around.kind() == "field_declaration_list":
        return None
    if around.kind() == "compound_statement":
        return []
    if not macro.search(name):
        return None
    if _PARAMETERS.search(tree.text[max(0, found.start - _HEAD) : found.start]):
        tree.misses.append((found.start, found.start))
        return []
    return [naming.made(tree.text[end : end + _HEAD]) or name]


def _declared(node: SgNode) -> SgNode:
    """The name inside nested C declarators, `f` in `*f(int)`, or before the type of a Kotlin variable."""
    if node.kind() == "variable_declaration":
        return first(node, ["simple_identifier"]) or node
    while node.kind().endswith("declarator"):
        inner = node.field("declarator") or next(iter(reversed(node.named_children())), None)
        if inner is None:
            break
        node = inner
    return node


def _named(found: Found, tree: Tree, rule: Scope, written: str, value: SgNode | None) -> ScopeNode | None:
    owner, name = _name(written, tree.grammar, rule)
    if not name:
        return None
    if name in tree.grammar.reserved:
        # The language does not use such a name on a path; elsewhere only the parser sees a name.
        tree.misses += [] if rule.path is not None else [(found.start, found.start)]
        return None
    scope = ScopeNode(
        node=found.node,
        rule=rule,
        kind=rule.kind,
        name=name,
        start=found.start,
        end=found.end,
        start_line=tree.line(found.start),
        end_line=tree.line(max(found.start, found.end - 1)),
        owner=owner,
        value=value,
    )
    _receive(scope, tree)
    for part in rule.bases:
        for child in children(found.node, part):
            start, end = span(child)
            scope.bases += naming.bases(tree.text[start : min(end, start + _BASES)])
    scope.parameters = _parameters(scope, tree) if scope.callable else 0
    return scope


def _name(written: str, grammar: Grammar, rule: Scope) -> tuple[str | None, str]:
    """The owner in a written name, and the name itself."""
    if rule.kind in {"extension", "package"}:
        return None, naming.type_name(written) or ""
    separator = "." if rule.path is not None else grammar.separator
    if separator is None or rule.made is not None:
        return None, " ".join(written.split())[: naming.NAME_CHARACTERS]
    plain = re.sub(r"\s+", " ", written)
    plain = _CALLED.sub("", plain) if "operator" in plain else naming.without_brackets(plain)
    # An operator may be written in brackets: `def []=(key, value)`.
    plain = plain if _WORD.search(plain) else written
    owner, _, name = plain.strip().rpartition(separator)
    if separator == "::" and (operator := _OPERATOR.search(plain)):
        # `Owner::operator std::string`
        owner, name = plain[: operator.start()].strip().removesuffix(separator), plain[operator.start() :]
    if rule.path is not None:
        owner = rule.path.sub("", owner)
    return (naming.dotted(naming.without_brackets(owner)) or None), name.strip()[: naming.NAME_CHARACTERS]


def _receive(scope: ScopeNode, tree: Tree) -> None:
    """Sets the receiver's type and name."""
    if scope.rule.owner is None or (receiver := first(scope.node, [scope.rule.owner])) is None:
        return
    start, end = span(receiver)
    written = tree.text[start : min(end, start + _HEAD)]
    scope.owner = naming.type_name(written)
    scope.self_name = naming.receiver_name(written)


def qualify(scope: ScopeNode) -> None:
    """Builds the qualified name from nesting and owner; a direct child of a type is its member."""
    parent = scope.parent
    prefix = parent.qualified_name if parent else None
    if scope.owner is not None:
        prefix = f"{prefix}.{scope.owner}" if prefix else scope.owner
    if scope.kind == "function" and (scope.owner is not None or (parent is not None and parent.is_type)):
        scope.kind = "method"
    if parent is not None and parent.is_type and scope.owner is None:
        parent.children.append(scope)
    if scope.kind == "method":
        scope.owner = prefix
    scope.qualified_name = f"{prefix[:_QUALIFIED_CHARACTERS]}.{scope.name}" if prefix else scope.name


def number(tree: Tree) -> None:
    """Numbers equal names by order of appearance, and assigns separately written members to their types."""
    tree.scopes.sort(key=lambda scope: (scope.start, -scope.end))
    seen: Counter[tuple[str, str]] = Counter()
    types = {scope.qualified_name: scope for scope in tree.scopes if scope.is_type}
    for scope in tree.scopes:
        key = (scope.kind, scope.qualified_name)
        scope.ordinal = seen[key]
        seen[key] += 1
        apart = scope.parent is None or not scope.parent.is_type or scope.parent.kind == "extension"
        if scope.kind == "method" and apart and (type_ := types.get(scope.owner or "")) is not None:
            type_.children.append(scope)


def _parameters(scope: ScopeNode, tree: Tree) -> int:
    """Number of parameters; several with a shared type count each."""
    rule = tree.grammar.parameters
    holder = scope.value or scope.node
    while rule.of and (inner := holder.field("declarator")) is not None and not children(holder, rule.of[0]):
        holder = inner
    lists = [list_ for part in rule.of for list_ in children(holder, part)] if rule.of else [holder]
    count = 0
    for child in (child for list_ in lists for child in list_.named_children() or _alone(list_)):
        kind = child.kind()
        if (not rule.each or kind in rule.each) and kind not in tree.grammar.comments:
            count += (
                len(child.field_children("name")) or 1 if kind == rule.shared else not rule.ignores(child)
            )
    return count


def _alone(node: SgNode) -> list[SgNode]:
    """Whether the parameter has no parentheses, as in `x => x`."""
    return [node] if node.kind() == "identifier" else []
