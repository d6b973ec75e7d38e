"""In: symbols. Out: the references that lead to them, or away from them.

Only documents that mention a symbol under one of its names are looked at.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Final, NamedTuple

from archon.contracts.code.answers import How, Site
from archon.references.edges.aliases import names_of
from archon.references.edges.receivers import importing_from, receiving
from archon.references.index.document import CALLS, OUTSIDE, Document
from archon.references.index.keys import base, guess, mention
from archon.references.index.layout import family_named
from archon.references.index.store import Key
from archon.references.project import Project

MOST_REFERENCES: Final = 300_000
"""References that one question looks at."""
MOST_SITES: Final = 100
"""Places of one relation in an answer."""


class Edge(NamedTuple):
    """A reference: in `source`, whose position is OUTSIDE for the document itself, to `target`."""

    source: Key
    target: Key
    kind: str
    line: int
    how: How
    confidence: float


class Edges:
    """The references of a project; of mere guesses those as sure as `least`. `complete` becomes False at the
    limit."""

    def __init__(self, project: Project, least: float = 0.0) -> None:
        self._project = project
        self._memo = project.memo
        self._least = least
        self._left = MOST_REFERENCES
        self.complete = True

    def into(self, targets: Collection[Key], kind: str | None = None) -> list[Edge]:
        """All references to the symbols, or those of one kind, except a symbol's own to itself."""
        found: list[Edge] = []
        for at in targets:
            key = "into", at, kind, self._least
            edges, looked_at = self._memo.get(key, partial(self._into, at, kind), ((), 0))
            found += edges
            self._left -= looked_at
            if self._left < 0:
                self.complete = False
                break
        return found

    def _into(self, at: Key, kind: str | None) -> tuple[Sequence[Edge], int]:
        """The references to one symbol, and how many were looked at."""
        found: list[Edge] = []
        looked_at = 0
        for number in self._looked_through(at, kind):
            key = "within", at, kind, number
            here, looked_at_here = self._memo.get(key, partial(self._within_one, at, kind, number), ((), 0))
            found += here
            looked_at += looked_at_here
            if looked_at > MOST_REFERENCES:
                break
        return tuple(found), looked_at

    def _looked_through(self, at: Key, kind: str | None) -> Sequence[int]:
        """The documents that may refer to the symbol."""
        names, owner = self._sought(at, kind)
        if kind == "inherit":
            return self._project.store.with_keys(map(base, names))
        mentioning = self._project.store.with_keys(map(mention, names))
        guessed = self._guessed(at)
        symbols = [at, owner] if owner else [at]
        on_variables = receiving(self._project, symbols, names, any_type=any(guessed.values()))
        from_modules = importing_from(self._project, symbols, names)
        return sorted({at[0], *mentioning, *self._guessing(at, guessed), *on_variables, *from_modules})

    def _guessed(self, at: Key) -> Mapping[bool, bool]:
        """Whether a call on an unknown receiver may mean the symbol, outside of tests and in them."""
        family, name = self._named(at)
        guesses = partial(self._project.resolver.guesses, family, name)
        return {
            tests: any(each.at == at and each.confidence >= self._least for each in guesses(tests=tests))
            for tests in (False, True)
        }

    def _guessing(self, at: Key, guessed: Mapping[bool, bool]) -> Iterator[int]:
        """The documents with such calls."""
        stored, (family, name) = self._project.layout.stored, self._named(at)
        for number in self._project.store.with_key(guess(name)) if any(guessed.values()) else ():
            if guessed[stored(number).test] and family_named(stored(number).language) == family:
                yield number

    def _named(self, at: Key) -> tuple[str, str]:
        """The family of the symbol's language, and its name."""
        declared = self._project.store.document(at[0])
        return family_named(declared.language), declared.code.declarations[at[1]].name

    def _within_one(self, at: Key, kind: str | None, number: int) -> tuple[Sequence[Edge], int]:
        """The same in one document, so that its change leaves what others have."""
        document = self._project.store.document(number)
        names, owner = self._sought(at, kind)
        positions = {
            each
            for name in names
            for each in document.mentions(name)
            if kind is None or document.references.kinds[each] == kind
        }
        found = [
            edge._replace(target=at)
            for edge in self._resolved(document, sorted(positions), {at, owner})
            if kind
            in {None, edge.kind}  # a base `Outer.Inner` refers to `Outer`, but does not derive from it
            and edge.source != at
            and (edge.target == at or edge.kind in CALLS)
        ]
        return tuple(found), len(positions)

    def _sought(self, at: Key, kind: str | None) -> tuple[Collection[str], Key | None]:
        """Under which names the symbol is referred to, and the type that it makes an instance of."""
        return self._memo.get(("sought", at, kind), partial(self._names, at, kind), ((), None))

    def _names(self, at: Key, kind: str | None) -> tuple[Collection[str], Key | None]:
        owner = self._made_by(at) if kind is None else None
        names = names_of(self._project, at)
        return names | names_of(self._project, owner) if owner else names, owner

    def _made_by(self, at: Key) -> Key | None:
        """The type of a constructor: who makes an instance calls it."""
        document = self._project.store.document(at[0])
        declaration = document.code.declarations[at[1]]
        if declaration.parent == OUTSIDE or not document.is_type(declaration.parent):
            return None
        owner = document.code.declarations[declaration.parent].name
        makes = declaration.name in (*self._project.resolver.rules(document).constructors, owner)
        return (at[0], declaration.parent) if makes else None

    def out_of(self, sources: Iterable[Key], *, nested: bool) -> list[Edge]:
        """All references in the symbols; `nested`: also in the symbols within them, as if they were
        theirs."""
        found: list[Edge] = []
        for at in sources:
            document = self._project.store.document(at[0])
            for position in self._within(document, at[1], nested=nested):
                references = document.by_source.get(position, ())
                self._left -= len(references)
                if self._left < 0:
                    self.complete = False
                    return found
                found += [
                    edge._replace(source=at)
                    for edge in self._resolved(document, references)
                    if edge.target != at
                ]
        return found

    def _within(self, document: Document, position: int, *, nested: bool) -> Iterator[int]:
        yield position
        if position == OUTSIDE:
            return
        constructors = self._project.resolver.rules(document).constructors
        for each in document.within.get(position, ()):
            name = document.code.declarations[each].name
            if nested or not document.is_type(position) or name in constructors:
                yield from self._within(document, each, nested=nested)

    def _resolved(
        self, document: Document, positions: Iterable[int], among: Collection[Key | None] | None = None
    ) -> Iterator[Edge]:
        """The references at `positions` with what they mean; `among`: those that mean one of these."""
        resolver = self._project.resolver
        for position in positions:
            reference = document.code.references[position]
            for target in resolver.targets(document, reference):
                if among is not None and target.at not in among:
                    continue
                yield Edge(
                    (document.number, reference.source),
                    target.at,
                    reference.kind if target.last else "use",
                    reference.line,
                    target.how,
                    target.confidence,
                )


def sites(project: Project, edges: Iterable[Edge]) -> tuple[list[Site], int]:
    """Each place once, the surest first, as many as an answer lists; and the number of the others."""
    best: dict[tuple[int, int, str], Edge] = {}
    for edge in edges:
        key = edge.source[0], edge.line, edge.kind
        if key not in best or edge.confidence > best[key].confidence:
            best[key] = edge

    def order(edge: Edge) -> tuple[float, str, int, str]:
        path = project.layout.stored(edge.source[0]).path
        return -round(edge.confidence, 4), path, edge.line, edge.kind

    listed = sorted(best.values(), key=order)[:MOST_SITES]
    return [_site(project, edge) for edge in listed], len(best) - len(listed)


def _site(project: Project, edge: Edge) -> Site:
    stored = project.layout.stored(edge.source[0])
    return Site(
        document_id=stored.document_id,
        file_path=stored.path,
        line=edge.line,
        kind=edge.kind,
        how=edge.how,
        confidence=round(edge.confidence, 4),
    )
