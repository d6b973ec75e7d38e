"""In: nodes and edges around a symbol. Out: a picture in Graphviz's or Mermaid's language.

https://graphviz.org/doc/info/lang.html, https://mermaid.js.org/syntax/flowchart.html
"""

from collections.abc import Iterator

from archon.cli.graph.trees import location
from archon.cli.terminal.output import printable
from archon.contracts.code.answers import CERTAIN, Edge, Neighbourhood, Node


def dot(found: Neighbourhood) -> str:
    """An uncertain edge is dashed, the centre has a thick frame."""
    return "\n".join(_dot(found))


def _dot(found: Neighbourhood) -> Iterator[str]:
    yield f"digraph {_quoted(printable(found.project_name))} {{"
    yield '  rankdir=LR; node [shape=box, fontname="sans-serif"];'
    for node in found.nodes:
        thick = "" if node.depth else ", penwidth=2"
        label = _quoted("\n".join(_label(node)))
        yield f"  {_id(node.node_id)} [label={label}{thick}];"
    for edge in found.edges:
        style = "" if edge.confidence >= CERTAIN else ", style=dashed"
        yield f"  {_id(edge.source)} -> {_id(edge.target)} [label={_quoted(_of(edge))}{style}];"
    yield "}"


def _id(node_id: str) -> str:
    return _quoted(printable(node_id))


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def mermaid(found: Neighbourhood) -> str:
    """An uncertain edge is dotted; documents are rounded."""
    return "\n".join(_mermaid(found))


def _mermaid(found: Neighbourhood) -> Iterator[str]:
    yield "flowchart LR"
    ids = {node.node_id: f"n{number}" for number, node in enumerate(found.nodes)}
    for node in found.nodes:
        opening, closing = ("[", "]") if node.symbol is not None else ("(", ")")
        label = "<br/>".join(map(_entities, _label(node)))
        yield f'  {ids[node.node_id]}{opening}"{label}"{closing}'
    for edge in found.edges:
        if edge.source in ids and edge.target in ids:
            arrow = "-->" if edge.confidence >= CERTAIN else "-.->"
            yield f'  {ids[edge.source]} {arrow}|"{_entities(_of(edge))}"| {ids[edge.target]}'


def _entities(text: str) -> str:
    """Mermaid reads `#` and a name as a character; quotes, backticks and tags would end or change a label."""
    for character, entity in (("#", "#35;"), ('"', "#quot;"), ("<", "#lt;"), (">", "#gt;"), ("`", "#96;")):
        text = text.replace(character, entity)
    return text


def _label(node: Node) -> tuple[str, ...]:
    if node.symbol is None:
        return (printable(node.file_path),)
    return printable(node.symbol.qualified_name), printable(location(node.symbol))


def _of(edge: Edge) -> str:
    return printable(", ".join(edge.kinds)) + (f" x {edge.count}" if edge.count > 1 else "")
