"""In: references. Out: the symbols that they mean, by the rules of their language.

A path is looked up name by name: the first in the scopes around it, each further one in what the name
before it means.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from archon.contracts.code.references import Reference
from archon.references.index.document import CALLS, VARIABLES, Document, guessed_by, plain, segments
from archon.references.index.document import UNKNOWN as UNKNOWN_HEAD
from archon.references.index.layout import Layout, family_named
from archon.references.index.store import Store
from archon.references.resolution.languages import rules_by_family
from archon.references.resolution.meaning import UNKNOWN, Meaning, Meanings, What, distinct, is_symbol
from archon.references.resolution.members import Members
from archon.references.resolution.memo import Memo
from archon.references.resolution.names import Target
from archon.references.resolution.rules import Rules
from archon.references.resolution.values import OBJECT

_OUTER: Final = frozenset({"inherit", "decorate", "annotate"})
"""Kinds of references that the declaration itself is no scope of."""
_MERGED: Final = 100
"""Declarations of one name that are looked at for a value or a namespace."""
_TYPE_NAMES: Final = frozenset({"inherit", "annotate"})
_ONLY_TYPES: Final = frozenset({"interface", "type"})
_ONLY_VALUES: Final = VARIABLES | {"extension", "function"}
OTHERS: Final = ""


class Resolver(Members):
    """Resolves along the documents of `store`."""

    def __init__(self, store: Store, layout: Layout, memo: Memo) -> None:
        super().__init__(store, layout, memo)
        self._rules: Mapping[str, Rules] = rules_by_family(self)

    def rules(self, document: Document) -> Rules:
        return self._rules.get(family_named(document.language)) or self._rules[OTHERS]

    def targets(self, document: Document, reference: Reference) -> Sequence[Target]:
        """The symbols that a reference means: those of its whole path, and types and modules' members
        on the way."""
        if reference.name.startswith(UNKNOWN_HEAD):
            guessed = guessed_by(reference)
            return self.guesses(family_named(document.language), guessed, tests=document.test)
        outer = reference.kind in _OUTER
        key = "targets", document.number, reference.source, reference.name, outer, reference.kind in CALLS
        return self.memo.get(
            key, lambda: self._targets(self._read(document), reference, outer=outer), (), apart=True
        )

    def _targets(self, document: Document, reference: Reference, *, outer: bool) -> Sequence[Target]:
        trail = self._trail(document, reference.source, segments(reference.name), outer=outer)
        if reference.kind in CALLS and len(trail) > 1 and self._is_open(trail):
            name = plain(segments(reference.name)[-1])
            found = list(self.guesses(family_named(document.language), name, tests=document.test))
        else:
            last = trail[-1] if reference.kind in _TYPE_NAMES else tuple(map(self._as_value, trail[-1]))
            found = [Target(each.at, each.how, each.confidence, last=True) for each in self.symbols(last)]
        for step, name in zip(trail[:-1], segments(reference.name), strict=False):
            if not name.endswith(")"):
                found += [
                    Target(each.at, each.how, each.confidence, last=False)
                    for each in step
                    if is_symbol(each) and each.place != OBJECT
                ]
        return tuple(found)

    def symbols(self, meanings: Meanings) -> Meanings:
        """The symbols among `meanings`; a module stands for its default export."""
        modules = [each for each in meanings if each.what is What.MODULE]
        defaults = [found.also(each) for each in modules for found in self.within(each, "default")]
        return [each for each in (*meanings, *defaults) if is_symbol(each)]

    @staticmethod
    def _is_open(trail: Sequence[Meanings]) -> bool:
        """Whether nothing is known of the receiver of a call."""
        return not any(map(is_symbol, trail[-1])) and any(each.what is What.UNKNOWN for each in trail[-1])

    def path(self, document: Document, source: int, path: str, *, outer: bool = False) -> Meanings:
        key = "path", document.number, source, path, outer
        return self.memo.get(
            key, lambda: self._trail(self._read(document), source, segments(path), outer=outer)[-1], ()
        )

    def _trail(
        self, document: Document, source: int, names: Sequence[str], *, outer: bool
    ) -> Sequence[Meanings]:
        """What each beginning of a path means."""
        if len(names) > 1:
            before = self.memo.get(
                ("trail", document.number, source, tuple(names[:-1]), outer),
                lambda: self._trail(self._read(document), source, names[:-1], outer=outer),
                ((),),
            )
            return (*before, self._applied(self._step(before[-1], plain(names[-1])), names[-1]))
        first = names[0]
        return (self._applied(self._head(document, source, first, outer=outer), first),)

    def _head(self, document: Document, source: int, name: str, *, outer: bool) -> Meanings:
        if name.startswith("?"):
            return (UNKNOWN,)
        if name.startswith("<"):
            return self.typed_as(document, source, name.strip("<>"), None)
        rules = self.rules(document)
        if name.startswith("super("):
            name = "super"
        return rules.head(document, source, plain(name), outer=outer)

    def _applied(self, meanings: Meanings, segment: str) -> Meanings:
        """After the calls and subscripts that follow a name."""
        if segment.isidentifier() or segment.startswith(("super(", "<", "?")):
            return meanings
        while segment.endswith(("()", "[]", "*")):
            if segment.endswith("()"):
                segment, meanings = segment[:-2], self._called(meanings)
            elif segment.endswith("[]"):
                segment, meanings = segment[:-2], self._element(meanings, "__getitem__")
            else:
                segment, meanings = segment[:-1], self._element(meanings, "__iter__")
        return meanings

    def _step(self, meanings: Meanings, name: str) -> Meanings:
        """What `name` means in each of `meanings`."""
        return distinct(found.also(each) for each in meanings for found in self.within(each, name))

    def within(self, meaning: Meaning, name: str) -> Meanings:
        if meaning.what in {What.EXTERNAL, What.UNKNOWN}:
            return (meaning,)
        if meaning.what is What.MODULE:
            family, _, place = meaning.place.partition(":")
            return self._rules[family].module_member(place, name) or (UNKNOWN,)
        if meaning.what is What.VALUE:
            return self._of_value(meaning, name)
        meaning = self._as_value(meaning, name)
        if self.declaration(meaning.at).kind not in VARIABLES and self._is_type(meaning.at):
            return self.member(meaning.at, name)
        if own := self._declared_in(meaning.at, name):
            return own
        return self._step([each for each in self.values(meaning) if each.at != meaning.at], name)

    def _as_value(self, meaning: Meaning, member: str = "") -> Meaning:
        """Of a type that is no value, the value or namespace of the same name (TypeScript Handbook,
        "Declaration Merging")."""
        if not is_symbol(meaning) or (declaration := self.declaration(meaning.at)).kind not in _ONLY_TYPES:
            return meaning
        document = self.document(meaning.at[0])
        for each in document.children.get((declaration.parent, declaration.name), ())[:_MERGED]:
            kind = document.code.declarations[each].kind
            if kind in _ONLY_VALUES or (kind == "namespace" and (each, member) in document.children):
                return meaning._replace(at=(document.number, each))
        return meaning
