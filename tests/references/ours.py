"""In: the sources of a library. Out: the references that the product resolves in them.

The analysis of each document, packed and unpacked, and the index that answers questions, without servers.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple
from uuid import NAMESPACE_URL, uuid5

from archon.contracts.code.answers import How
from archon.contracts.code.packing import unpack
from archon.contracts.code.references import CodeMap, Reference, ReferenceKind
from archon.contracts.identity import content_hash, language_of
from archon.contracts.types import EnrichmentType
from archon.references.index.document import Document, plain, segments
from archon.references.index.layout import Layout
from archon.references.index.store import Store
from archon.references.resolution.memo import Memo
from archon.references.resolution.resolver import Resolver, Target
from intelligence.analysis.analyser import draft


class Found(NamedTuple):
    """A resolved reference; of several candidates the best. `name` is the last part of the name as written;
    the target is a declaration from its first to its last line. Lines count from 1."""

    path: str
    line: int
    kind: ReferenceKind
    name: str
    target_path: str
    target_name: str
    target_line: int
    target_end: int
    how: How
    confidence: float


def resolved(sources: Mapping[str, str]) -> Iterator[Found]:
    memo = Memo()
    store, layout = Store(memo), Layout(memo)
    try:
        for path, text in sources.items():
            _add(store, layout, path, text)
        resolver = Resolver(store, layout, memo)
        for number in store.numbers():
            document = store.document(number)
            for reference in document.code.references:
                yield from _found(resolver, document, reference)
    finally:
        store.close()


def _add(store: Store, layout: Layout, path: str, text: str) -> None:
    packed = draft(text, language_of(path), EnrichmentType.ENTITIES_ONLY).result.code_map
    code = unpack(packed) if packed is not None else CodeMap([], [], [], [])
    stored = store.put(str(uuid5(NAMESPACE_URL, path)), path, language_of(path), content_hash(text), code)
    layout.add(stored, code.package, code.settings)


def _found(resolver: Resolver, document: Document, reference: Reference) -> Iterator[Found]:
    """Of the last name in the path, and of the names before it."""
    *before, last = map(plain, segments(reference.name))
    by_name: dict[str, list[Target]] = {}
    for target in resolver.targets(document, reference):
        name = last if target.last else _written(resolver, target, before)
        by_name.setdefault(name, []).append(target)
    for name, targets in by_name.items():
        best = max(targets, key=lambda each: each.confidence)
        at = resolver.document(best.at[0])
        declared = at.code.declarations[best.at[1]]
        yield Found(
            document.path,
            reference.line,
            reference.kind if best.last else "use",
            name,
            at.path,
            declared.name,
            declared.start_line,
            declared.end_line,
            best.how,
            best.confidence,
        )


def _written(resolver: Resolver, target: Target, before: Sequence[str]) -> str:
    """The name in a path that stands for a target: an import may have given it another one."""
    name = resolver.document(target.at[0]).code.declarations[target.at[1]].name
    return name if name in before else before[0]
