"""In: JSON, with or without comments. Out: its keys by path, and the targets of `$ref` (RFC 6901)."""

from ast_grep_py import SgNode, SgRoot

from intelligence.adapters.outline import Item, Outline
from intelligence.syntax.nodes import find_kinds, span


def read(text: str) -> Outline:
    """Reads a broken document as far as possible."""
    found = Outline()
    open_: list[tuple[int, Item]] = []
    line, position = 1, 0
    for node in find_kinds(SgRoot(text, "json").root(), ["pair", "ERROR"]):
        start, end = span(node)
        line, position = line + text.count("\n", position, start), start
        if node.kind() == "ERROR":
            found.miss(1 + text.count("\n", start, end))
            continue
        while open_ and open_[-1][0] <= start:
            open_.pop()
        parent = open_[-1][1] if open_ else None
        key = _text(text, node.field("key"))
        value = node.field("value")
        if key == "$ref" and value is not None and value.kind() == "string":
            _refer(found, _text(text, value), line, parent)
            continue
        item = found.add("key", key, line, parent)
        item.end_line = line + text.count("\n", start, end) if value is not None and _is_deep(value) else line
        open_.append((end, item))
    return found


def _text(text: str, node: SgNode | None) -> str:
    if node is None:
        return ""
    start, end = span(node)
    return text[start : min(end, start + 1000)].strip('"')


def _is_deep(value: SgNode) -> bool:
    return value.kind() in {"object", "array"}


def _refer(found: Outline, target: str, line: int, parent: Item | None) -> None:
    found.add("reference", target, line, parent)
    if document := target.partition("#")[0]:
        found.relate("imports", document, line)
