"""In: a parsed source in a language without rules for references. Out: its calls, base types and imports,
by name.

The scopes of these languages are not followed: the resolution finds the meaning of a name.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Final

from ast_grep_py import SgNode

from archon.contracts.analysis import Relationship
from archon.contracts.code.references import (
    DECLARATIONS_LIMIT,
    REFERENCES_LIMIT,
    Binding,
    CodeMap,
    Declaration,
    Reference,
    ReferenceKind,
)
from intelligence.references.collected import declared
from intelligence.syntax import naming
from intelligence.syntax.nodes import Found, Tree, find_kinds, first, span

_CALLEE: Final = 200
_PATH: Final = re.compile(r"[@$]?[\w$]+[!?]?(?:\.[@$]?[\w$]+[!?]?)*")
_NEW: Final = frozenset({"new_expression", "object_creation_expression", "instance_expression"})
_SEPARATOR: Final = re.compile(r"::|\\|\.|/")
_ALIAS: Final = re.compile(r"^[^,{]*\s+as\s+([\w$]+)|^using\s+(\w+)\s*=")
_LINE: Final = 1000
_OF_FILES: Final = frozenset({"bash", "c", "cpp", "ruby"})
"""Languages that import files, not names."""
_SELF: Final = frozenset({"this", "self", "$this", "Self", "static", "@"})


def code_map(tree: Tree, relationships: Iterable[Relationship]) -> CodeMap:
    """`relationships` have the imports."""
    found, of_scope = declared(tree)
    found = sorted(found, key=lambda each: (each.start, -each.end))[:DECLARATIONS_LIMIT]
    for index, each in enumerate(found):
        each.index = index
    index_of = {id(scope): each.index for scope, each in of_scope}
    references = [*_calls(tree, index_of), *_bases(tree, index_of)][:REFERENCES_LIMIT]
    declarations = [
        Declaration(
            each.kind,
            each.name,
            each.qualified_name,
            each.ordinal,
            each.start_line,
            each.end_line,
            each.parent.index if each.parent is not None else -1,
            None,
            each.name if each.parent is None else None,
        )
        for each in found
    ]
    package = next((scope.name for scope in tree.extensions if scope.kind == "package"), "")
    references.sort(key=lambda each: each.line)
    return CodeMap(declarations, references, list(_bindings(tree, relationships)), [], package=package)


def _calls(tree: Tree, index_of: dict[int, int]) -> Iterator[Reference]:
    rules = tree.grammar.calls
    for node in find_kinds(tree.root, list(rules.nodes))[:REFERENCES_LIMIT]:
        start, end = span(node)
        path, place = _callee(Found(node, node.kind(), start, end), tree)
        if not path:
            continue
        scope = tree.enclosing(start)
        while scope is not None and id(scope) not in index_of:
            scope = scope.parent
        kind: ReferenceKind = "new" if node.kind() in _NEW else "call"
        if rules.new is not None and path.endswith(f".{rules.new}"):
            kind, path = "new", path.removesuffix(f".{rules.new}")
        yield Reference(kind, path, tree.line(place), index_of[id(scope)] if scope is not None else -1)


def _callee(found: Found, tree: Tree) -> tuple[str, int]:
    """The path of a callee, and where its last name is."""
    parts = [node for part in tree.grammar.calls.nodes[found.kind] if (node := first(found.node, [part]))]
    if not parts:
        return "", 0
    start, end = span(parts[0])[0], span(parts[-1])[1]
    name = _last_name(parts[-1], tree)
    written = "".join(tree.text[max(start, end - _CALLEE) : end].split())
    path = naming.dotted(naming.without_brackets(written))
    if end - start > _CALLEE or not _PATH.fullmatch(path):
        last = re.search(r"\.([@$]?[\w$]+[!?]?)$", path)
        return (f"?.{last[1]}", name) if last else ("", 0)
    head, _, rest = path.partition(".")
    if head in _SELF and rest:
        path = f"self.{rest}" if "self" in tree.grammar.calls.self else f"this.{rest}"
    elif "(" in written or "[" in written:
        # What stood in brackets was a call or a subscript: its result is the receiver.
        path = f"?.{path.rpartition('.')[2]}" if "." in path else path
    return path.lstrip("$@"), name


def _last_name(node: SgNode, tree: Tree) -> int:
    """The offset of the last name in a callee."""
    start, end = span(node)
    found = max(
        tree.text.rfind(".", start, end), tree.text.rfind(":", start, end), tree.text.rfind(">", start, end)
    )
    return max(start, found)


def _bases(tree: Tree, index_of: dict[int, int]) -> Iterator[Reference]:
    types = {scope.qualified_name: scope for scope in tree.scopes if scope.is_type}
    for scope in tree.scopes:
        for base in scope.bases:
            yield Reference("inherit", naming.dotted(base), scope.start_line, index_of[id(scope)])
    for extension in tree.extensions:
        extended = types.get(extension.qualified_name)
        if extended is not None:
            for base in extension.bases:
                yield Reference("inherit", naming.dotted(base), extension.start_line, index_of[id(extended)])


def _bindings(tree: Tree, relationships: Iterable[Relationship]) -> Iterator[Binding]:
    lines = tree.text.split("\n")
    for each in relationships:
        if each.kind != "imports":
            continue
        target, line = each.target, each.line or 1
        parts = [part for part in _SEPARATOR.split(target) if part]
        if tree.language in _OF_FILES or "/" in target or len(parts) <= 1 or target.endswith(".php"):
            yield Binding("", target, "", line, exported=False)
        elif parts[-1] in {"*", "_"}:
            yield Binding("", ".".join(parts[:-1]), "*", line, exported=False)
        else:
            alias = _ALIAS.search(lines[line - 1].strip()[:_LINE])
            if tree.language == "csharp" and alias is None:
                yield Binding("", ".".join(parts), "*", line, exported=False)
                continue
            local = (alias[1] or alias[2]) if alias is not None else parts[-1]
            yield Binding(local, ".".join(parts[:-1]), parts[-1], line, exported=False)
