"""In: documents. Out: the imports that lead to them, or away from them."""

from collections.abc import Collection, Iterable, Iterator

from archon.contracts.code.answers import How
from archon.references.edges.aliases import ends_of, names_of
from archon.references.edges.edges import Edge, Edges
from archon.references.index.document import OUTSIDE, Document
from archon.references.index.keys import importing
from archon.references.index.store import Key
from archon.references.project import Project
from archon.references.resolution.meaning import CONFIDENCE

_SURE = CONFIDENCE[How.IMPORT]


def imports_into(project: Project, keys: Collection[Key]) -> list[Edge]:
    """From the documents that import one of the documents `keys`."""
    wanted = {number for number, _ in keys}
    documents = [project.store.document(each) for each in sorted(wanted)]
    ends = {end for each in documents for end in ends_of(project, each)}
    numbers = project.store.with_keys(map(importing, sorted(ends)))
    return [
        edge
        for number in numbers
        for edge in _edges(project, project.store.document(number))
        if edge.target[0] in wanted
    ]


def imports_out_of(project: Project, keys: Iterable[Key]) -> list[Edge]:
    """To the documents that the documents `keys` import."""
    return [edge for number, _ in keys for edge in _edges(project, project.store.document(number))]


def imports_of_symbols(project: Project, edges: Edges, keys: Collection[Key]) -> list[Edge]:
    """From the documents that import one of the symbols by name, or refer to it in an imported module."""
    found = [
        edge._replace(source=(edge.source[0], OUTSIDE))
        for edge in edges.into(keys)
        if edge.how is How.IMPORT and edge.source[0] != edge.target[0]
    ]
    names = {name for key in keys for name in names_of(project, key)}
    for number in project.store.with_keys(map(importing, sorted(names))):
        found += _named(project, project.store.document(number), keys)
    return found


def _named(project: Project, document: Document, keys: Collection[Key]) -> Iterator[Edge]:
    rules, resolver = project.resolver.rules(document), project.resolver
    for binding in document.code.bindings:
        if not binding.module or not binding.name:
            continue
        for each in resolver.symbols(rules.bound(document, binding)):
            if each.at in keys and each.at[0] != document.number:
                yield Edge((document.number, OUTSIDE), each.at, "import", binding.line, How.IMPORT, _SURE)


def _edges(project: Project, document: Document) -> Iterator[Edge]:
    rules = project.resolver.rules(document)
    for binding in document.code.bindings:
        if not binding.module:
            continue
        for number in rules.targets(document, binding):
            if number != document.number:
                yield Edge(
                    (document.number, OUTSIDE), (number, OUTSIDE), "import", binding.line, How.IMPORT, _SURE
                )
