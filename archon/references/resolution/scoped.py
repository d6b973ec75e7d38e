"""In: names in nested declarations. Out: what the innermost one knows under them; the base of all rules."""

from collections.abc import Mapping, Sequence

from archon.contracts.code.answers import How
from archon.contracts.code.references import Binding
from archon.references.index.document import OUTSIDE, VARIABLES, Document
from archon.references.index.store import Key
from archon.references.resolution.meaning import (
    EXTERNAL,
    SUPER,
    UNKNOWN,
    Meaning,
    Meanings,
    What,
    distinct,
    shared,
    symbol,
)
from archon.references.resolution.rules import Lookup


class Scoped:
    """Rules of a language with nested scopes, in which types are no scopes for the functions inside."""

    constructors: Sequence[str] = ("constructor",)
    own: Sequence[str] = ("self", "this", "Self")
    """Names of the present instance."""
    parents: Sequence[str] = ("super", "super()", "parent", "base")
    """Names of the present instance as one of its bases."""
    type_is_scope = False

    def __init__(self, lookup: Lookup) -> None:
        self.lookup = lookup

    def head(self, document: Document, source: int, name: str, *, outer: bool) -> Meanings:
        if (found := self.receiver(document, source, name)) is not None:
            return found
        for scope in document.scopes(source):
            if (outer and scope == source) or document.code.declarations[scope].kind in VARIABLES:
                continue
            if document.is_type(scope) and not self._sees(document, scope, source, outer=outer):
                continue
            if found := self.local(document, scope, name):
                return found
        return self.local(document, OUTSIDE, name) or self.otherwise(document, name)

    def _sees(self, document: Document, scope: int, source: int, *, outer: bool) -> bool:
        """Whether names of the type `scope` are visible: in its body, and in what decorates its members."""
        around = document.code.declarations[source].parent if outer else source
        return self.type_is_scope or scope == around

    def receiver(self, document: Document, source: int, name: str) -> Meanings | None:
        """The present instance or its bases; None for other names."""
        if name not in self.own and name not in self.parents:
            return None
        around = document.type_around(source)
        if around == OUTSIDE:
            return (UNKNOWN,)
        at = document.number, around
        if name in self.own:
            return (Meaning(What.VALUE, at, receiver=at),)
        return (Meaning(What.VALUE, at, place=SUPER, receiver=at),)

    def local(self, document: Document, scope: int, name: str) -> Meanings:
        """The meaning of a name that is declared, imported or typed directly in a scope."""
        declared = [
            symbol((document.number, each), How.SAME_DOCUMENT)
            for each in self._settled(document, scope, name)
        ]
        imported = [
            meaning
            for binding in document.imported.get((scope, name), ())
            for meaning in self.bound(document, binding)
        ]
        known = [each for each in imported if each.what in {What.SYMBOL, What.MODULE, What.VALUE}]
        if declared or known:
            return self.together(declared, known)
        if imported:
            return distinct(imported)
        return self.lookup.variable(document, scope, name)

    def _settled(self, document: Document, scope: int, name: str) -> Sequence[int]:
        """Decided once: a document may declare a name thousands of times, and refer to it as often."""
        found = document.settled.get((scope, name))
        if found is None:
            positions = self.visible(document, document.children.get((scope, name), ()))
            found = document.settled[scope, name] = self.settle(document, positions)
        return found

    def together(self, declared: Meanings, imported: Meanings) -> Meanings:
        """All that a scope knows under one name; if that is several things, each may be meant."""
        return shared([*declared, *imported])

    def visible(self, document: Document, positions: Sequence[int]) -> Sequence[int]:
        """Of the declarations in a scope those that a bare name may mean."""
        return positions

    def settle(self, document: Document, positions: Sequence[int]) -> Sequence[int]:
        """Of several declarations of one name in one scope, those that count."""
        if len(positions) < 2:  # noqa: PLR2004
            return positions
        types = [each for each in positions if document.is_type(each)]
        return (types or positions)[-1:]

    def otherwise(self, document: Document, name: str) -> Meanings:
        """A name that the document neither declares nor imports."""
        return ()

    def bound(self, document: Document, binding: Binding) -> Meanings:
        return (EXTERNAL,)

    def module_member(self, place: str, name: str) -> Meanings:
        return ()

    def targets(self, document: Document, binding: Binding) -> Sequence[int]:
        return ()

    def members(self, document: Document, position: int) -> Mapping[str, Sequence[Key]]:
        return {}
