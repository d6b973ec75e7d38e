"""In: a parsed source. Out: its entities, what it imports, and the calls that stay within it."""

from ast_grep_py import SgNode

from archon.contracts.analysis import Entity, Relationship
from intelligence.grammar import Import
from intelligence.syntax import ScopeNode, Tree, documentation, find_kinds, signature


def entities(tree: Tree, text: str) -> list[Entity]:
    """Functions, classes and the like, in order of appearance."""
    return [
        Entity(
            kind=scope.kind,
            name=scope.name,
            qualified_name=scope.qualified_name,
            ordinal=scope.ordinal,
            start_line=scope.start_line,
            end_line=scope.end_line,
            signature=signature(scope, text),
            documentation=documentation(scope, tree.grammar.documentation),
        )
        for scope in tree.scopes
    ]


def relationships(tree: Tree) -> list[Relationship]:
    """Imports and calls, each once with its first line."""
    found: dict[tuple[str, str | None, str], Relationship] = {}
    for each in [*_imports(tree), *_calls(tree)]:
        found.setdefault((each.kind, each.source, each.target), each)
    return list(found.values())


def _imports(tree: Tree) -> list[Relationship]:
    rules = {rule.node: rule for rule in tree.grammar.imports}
    found = []
    for node in find_kinds(tree.root, list(rules)):
        for target in _targets(node, rules[node.kind()]):
            if target:
                line = node.range().start.line + 1
                found.append(Relationship(kind="imports", target=target[:500], line=line))
    return found


def _targets(node: SgNode, rule: Import) -> list[str]:
    if rule.text is not None:
        return [rule.text]
    if rule.function is not None:
        return _first_argument(node, rule.function)
    assert rule.field is not None
    texts = [child.text() for child in node.field_children(rule.field)]
    if rule.before is not None:
        texts = [text.partition(rule.before)[0] for text in texts]
    return [text.strip().strip("\"'`") for text in texts]


def _first_argument(call: SgNode, function: str) -> list[str]:
    callee, arguments = call.field("function"), call.field("arguments")
    if callee is None or callee.text() != function or arguments is None:
        return []
    first = next(iter(arguments.named_children()), None)
    return [first.text().strip("\"'`")] if first is not None and first.kind() == "string" else []


def _calls(tree: Tree) -> list[Relationship]:
    by_name = {scope.qualified_name: scope for scope in reversed(tree.scopes)}
    found = []
    rule = tree.grammar.calls
    for node in find_kinds(tree.root, [rule.node]):
        caller = tree.enclosing(node.range().start.index)
        callee = node.field(rule.field)
        if caller is None or callee is None:
            continue
        target = _resolve(callee.text(), caller, by_name, rule.self)
        if target is not None and caller.callable:
            line = node.range().start.line + 1
            found.append(
                Relationship(
                    kind="calls", source=caller.qualified_name, target=target.qualified_name, line=line
                )
            )
    return found


def _resolve(
    callee: str, caller: ScopeNode, by_name: dict[str, ScopeNode], self_names: tuple[str, ...]
) -> ScopeNode | None:
    """The entity of this document that `callee` means, by the scopes around the caller."""
    owner, _, member = callee.partition(".")
    if owner in self_names and member:
        holder: ScopeNode | None = caller
        while holder is not None and holder.kind != "class":
            holder = holder.parent
        return by_name.get(f"{holder.qualified_name}.{member}") if holder else None
    scope: ScopeNode | None = caller
    while scope is not None:
        # Names of a class body are not in scope inside its methods.
        if scope.kind != "class" and (found := by_name.get(f"{scope.qualified_name}.{callee}")):
            return found
        scope = scope.parent
    return by_name.get(callee)
