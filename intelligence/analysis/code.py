"""In: a parsed source. Out: its entities, imports, bases, and the calls within the document."""

from collections.abc import Iterator
from typing import Final

from archon.contracts.analysis import Entity, Relationship
from intelligence.syntax import naming
from intelligence.syntax.grammar import Grammar, Import
from intelligence.syntax.nodes import Found, ScopeNode, Tree, children, first, span

RELATIONSHIPS_LIMIT: Final = 50_000
_TARGET: Final = 500
_CALLEE: Final = 200
_IMPORT: Final = 20_000
_IMPORTING_CALL: Final = 500
"""Maximum characters read of a callee, an import, or a call that may be an import."""

Names = dict[str, ScopeNode]


def entities(tree: Tree) -> list[Entity]:
    """Functions, classes and similar entities, in order of appearance."""
    return [
        Entity(
            kind=scope.kind,
            name=scope.name,
            qualified_name=scope.qualified_name,
            ordinal=scope.ordinal,
            start_line=scope.start_line,
            end_line=scope.end_line,
            signature=scope.signature,
            documentation=scope.documentation,
        )
        for scope in tree.scopes
    ]


def comment_lines(tree: Tree) -> set[int]:
    """Numbers of the lines with a comment alone."""
    found: set[int] = set()
    for start, end in tree.comments:
        if not tree.text[tree.line_start(start) : start].strip():
            found.update(range(tree.line(start), tree.line(max(start, end - 1)) + 1))
    return found


def relationships(tree: Tree) -> list[Relationship]:
    """Imports, bases and calls, each once with its first line."""
    by_name = {scope.qualified_name: scope for scope in reversed(tree.scopes)}
    found: dict[tuple[str, str | None, str], Relationship] = {}
    for each in (*_imports(tree), *_inherits(tree, by_name), *_calls(tree, by_name)):
        known = found.setdefault((each.kind, each.source, each.target), each)
        known.names += [name for name in each.names if name not in known.names]
        if len(found) == RELATIONSHIPS_LIMIT:
            break
    return list(found.values())


def _imports(tree: Tree) -> Iterator[Relationship]:
    for found in tree.imports:
        written = _flat(tree, found, found.start, found.end)
        for rule in tree.grammar.imports_by_node[found.kind]:
            targets, names = _imported(found, rule, tree, written)
            for target in targets:
                yield Relationship(
                    kind="imports", target=target[:_TARGET], names=names, line=tree.line(found.start)
                )
            if targets:
                break


def _imported(found: Found, rule: Import, tree: Tree, written: str) -> tuple[list[str], list[str]]:
    """Modules, and the names imported from them. `written` is the whole import."""
    texts = [written]
    if rule.field is not None:
        spans = [span(child) for child in children(found.node, rule.field)]
        texts = [_flat(tree, found, start, end) for start, end in spans]
    if rule.pattern is not None:
        texts = [match[1] for text in texts if (match := rule.pattern.search(text))]
    if not texts:
        return [], []
    names: list[str] = []
    if rule.names and (clause := rule.names.search(written)):
        names = naming.taken(clause[1], rule.bare)
    modules = [module for text in texts for module in naming.expand(text.strip("\"'`<>"))]
    return [rule.prefix + module for module in modules if module], names


def _flat(tree: Tree, found: Found, start: int, end: int) -> str:
    """On one line, up to a limit."""
    limit = _IMPORTING_CALL if found.kind in tree.grammar.calls.nodes else _IMPORT
    return " ".join(tree.without_comments(start, min(end, start + limit)).split())


def _inherits(tree: Tree, by_name: Names) -> Iterator[Relationship]:
    for scope in (*tree.scopes, *tree.extensions):
        if scope.qualified_name not in by_name:
            continue
        for base in scope.bases:
            known = _in_scope(naming.dotted(base), scope.parent, by_name, members=True)
            target = known.qualified_name if known else base
            if target != scope.qualified_name:
                yield Relationship(
                    kind="inherits",
                    source=scope.qualified_name,
                    target=target[:_TARGET],
                    line=scope.start_line,
                )


def _calls(tree: Tree, by_name: Names) -> Iterator[Relationship]:
    simple = {scope.name for scope in tree.scopes}
    for found, scope in tree.calls:
        caller = scope.function
        if caller is None or not (callee := _callee(found, tree)):
            continue
        if not simple.intersection(callee.split(".")):
            continue
        target = _resolve(callee, caller, by_name, tree.grammar)
        if target is not None:
            yield Relationship(
                kind="calls",
                source=caller.qualified_name,
                target=target.qualified_name,
                line=tree.line(found.start),
            )


def _callee(found: Found, tree: Tree) -> str | None:
    """The callee in dotted notation; empty if it is more than a name."""
    parts = [node for part in tree.grammar.calls.nodes[found.kind] if (node := first(found.node, [part]))]
    if not parts:
        return None
    start, end = span(parts[0])[0], span(parts[-1])[1]
    if end - start > _CALLEE:
        return None
    return naming.dotted("".join(tree.text[start:end].split()))


def _resolve(callee: str, caller: ScopeNode, by_name: Names, grammar: Grammar) -> ScopeNode | None:
    """The entity of this document that `callee` refers to, by the scopes around the caller."""
    rule = grammar.calls
    owner, _, member = callee.partition(".")
    if rule.new is not None:
        callee = callee.removesuffix(f".{rule.new}")
    method = _method(caller)
    if member and method is not None and (owner in rule.self or owner == method.self_name):
        return by_name.get(f"{method.owner}.{member}")
    if rule.implicit_self and method is not None and (own := by_name.get(f"{method.owner}.{callee}")):
        return own
    return _in_scope(callee, caller, by_name)


def _method(scope: ScopeNode | None) -> ScopeNode | None:
    while scope is not None and scope.kind != "method":
        scope = scope.parent
    return scope


def _in_scope(
    name: str, scope: ScopeNode | None, by_name: Names, *, members: bool = False
) -> ScopeNode | None:
    """The entity that `name` refers to inside `scope`."""
    while scope is not None:
        # Names of a class body are not in scope inside its methods; members of other types are.
        if (members or not scope.is_type) and (found := by_name.get(f"{scope.qualified_name}.{name}")):
            return found
        scope = scope.parent
    return by_name.get(name)
