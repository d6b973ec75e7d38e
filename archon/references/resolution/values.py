"""In: variables, calls, subscripts and annotations. Out: the values that they give."""

from collections.abc import Iterable, Sequence
from typing import Final

from archon.contracts.code.answers import How
from archon.contracts.code.references import Typed
from archon.references.index.document import OUTSIDE, VARIABLES, Document
from archon.references.index.store import Key
from archon.references.resolution.meaning import (
    EXTERNAL,
    UNKNOWN,
    Meaning,
    Meanings,
    What,
    distinct,
    is_symbol,
    shared,
)
from archon.references.resolution.names import Names

_DIFFERENT: Final = 10
"""Number of expressions with different types that a variable is followed through."""
_OWN_TYPE: Final = frozenset({"Self", "this", "self", "static"})
RESULT: Final = "result"
"""As `place` of a value: what a method of a collection gives when it is called."""
OBJECT: Final = "object"
"""As `place` of a symbol: the value of the variable with these members, which another name may have, too."""


class Values(Names):
    """Types, paths and members are looked up by a subclass."""

    def path(self, document: Document, source: int, path: str, *, outer: bool = False) -> Meanings:
        raise NotImplementedError

    def symbols(self, meanings: Meanings) -> Meanings:
        raise NotImplementedError

    def within(self, meaning: Meaning, name: str) -> Meanings:
        """The meanings of a name in something else."""
        raise NotImplementedError

    def lineage(self, at: Key) -> tuple[Sequence[Key], bool]:
        raise NotImplementedError

    def field(self, at: Key, name: str) -> Meanings:
        """The values of an attribute whose type the source states."""
        raise NotImplementedError

    def _read(self, document: Document) -> Document:
        """The same document, as an input of the present computation."""
        return self.document(document.number)

    def variable(self, document: Document, scope: int, name: str) -> Meanings:
        typed = document.typed.get((scope, name), ())
        if not typed:
            return ()
        key = "variable", document.number, scope, name
        owner = document.type_around(scope)
        receiver = (document.number, owner) if owner != OUTSIDE else None
        return self.memo.get(key, lambda: self._values_of(self._read(document), typed, receiver), ()) or (
            UNKNOWN,
        )

    def _values_of(self, document: Document, typed: Iterable[Typed], receiver: Key | None) -> Meanings:
        """The values of a variable: one for each different type that the source gives it."""
        different = list({(each.type, each.made, each.value): each for each in typed}.values())
        found = [
            meaning.after(How.TYPED)
            for each in different[:_DIFFERENT]
            for meaning in self._value_of(document, each, receiver)
        ]
        known = [each for each in found if each.what is not What.UNKNOWN]
        return shared(known) if known else tuple(found[:1])

    def _value_of(self, document: Document, typed: Typed, receiver: Key | None) -> Meanings:
        if not typed.type:
            return (UNKNOWN,)
        if typed.value:
            return self._as_values(self.path(document, typed.source, typed.type))
        if not typed.made:
            return self.typed_as(document, typed.source, typed.type, receiver)
        made = self._called(self.path(document, typed.source, typed.type))
        if typed.type.endswith(".__enter__") and not any(each.what is What.VALUE for each in made):
            return self._as_values(self.path(document, typed.source, typed.type.removesuffix(".__enter__")))
        return made

    def typed_as(self, document: Document, source: int, text: str, receiver: Key | None) -> Meanings:
        """Values of a type as it is written in an annotation."""
        wraps = ""
        while text.startswith(("[]", "{}")):
            wraps, text = wraps + text[:2], text[2:]
        if text in _OWN_TYPE:
            return (
                (Meaning(What.VALUE, receiver, wraps=wraps, receiver=receiver),) if receiver else (UNKNOWN,)
            )
        meanings = self.path(document, source, text, outer=False)
        found = [self._instance(each, wraps) for each in self.symbols(meanings) or meanings]
        return tuple(found) or (EXTERNAL,)

    def _instance(self, meaning: Meaning, wraps: str = "") -> Meaning:
        if is_symbol(meaning):
            if not self._is_type(meaning.at):
                return UNKNOWN
            return meaning._replace(what=What.VALUE, wraps=wraps, receiver=None)
        return meaning if meaning.what is What.EXTERNAL else UNKNOWN

    def values(self, meaning: Meaning) -> Meanings:
        """The values of a variable, attribute or property. A variable with members is its own value."""
        key = "values", meaning.at, meaning.receiver
        found = self.memo.get(key, lambda: self._values(meaning), ())
        return tuple(each.also(meaning) for each in found) or (UNKNOWN,)

    def _values(self, meaning: Meaning) -> Meanings:
        declaration = self.declaration(meaning.at)
        document = self.document(meaning.at[0])
        outside = declaration.parent == OUTSIDE
        found = self.variable(document, OUTSIDE, declaration.name) if outside else ()
        if declaration.kind not in VARIABLES:
            return found or self._result(meaning)
        if not outside:
            owners, _ = self.lineage(meaning.receiver or (meaning.at[0], declaration.parent))
            found = next(filter(None, (self.field(each, declaration.name) for each in owners)), ())
        known = any(each.what is not What.UNKNOWN for each in found)
        if known or not document.within.get(meaning.at[1]):
            return found
        return (Meaning(What.SYMBOL, meaning.at, place=OBJECT, receiver=meaning.receiver),)

    def _as_values(self, meanings: Meanings) -> Meanings:
        """The values behind symbols that are variables; types and functions stay what they are."""
        return distinct(
            value
            for each in meanings
            for value in (self.values(each) if self._is_variable(each) else (each,))
        )

    def _is_variable(self, meaning: Meaning) -> bool:
        return is_symbol(meaning) and self.declaration(meaning.at).kind in VARIABLES

    def _called(self, meanings: Meanings) -> Meanings:
        return distinct(found.also(each) for each in meanings for found in self._result(each))

    def _result(self, meaning: Meaning) -> Meanings:
        """The result of a call of this."""
        if meaning.what is What.VALUE and meaning.place == RESULT:
            return (meaning._replace(place=""),)
        if meaning.what is What.MODULE:
            key = "called", meaning.place  # a module without a default is its own
            return self.memo.get(key, lambda: self._called(self.within(meaning, "default")), (UNKNOWN,))
        if meaning.what is not What.SYMBOL:
            return (meaning,) if meaning.what is What.EXTERNAL else (UNKNOWN,)
        if self._is_type(meaning.at):
            return (self._instance(meaning),)
        return self.memo.get(("result", meaning.at, meaning.receiver), lambda: self._returned(meaning), ())

    def _returned(self, meaning: Meaning) -> Meanings:
        document = self.document(meaning.at[0])
        declaration = self.declaration(meaning.at)
        if declaration.kind in VARIABLES:
            return (UNKNOWN,)
        if declaration.returns is None:
            return (UNKNOWN,)
        owner = document.type_around(meaning.at[1])
        receiver = meaning.receiver or ((document.number, owner) if owner != OUTSIDE else None)
        found = self.typed_as(document, meaning.at[1], declaration.returns, receiver)
        return tuple(each.after(How.TYPED, 0.92) for each in found)

    def _element(self, meanings: Meanings, method: str) -> Meanings:
        """The result of a subscript or an iteration."""
        found: list[Meaning] = []
        for each in self._as_values(meanings):
            if each.wraps:
                is_key = each.wraps.startswith("{}") and method == "__iter__"
                found.append(UNKNOWN if is_key else each._replace(wraps=each.wraps[2:]))
            elif each.what is What.VALUE:
                found += self._given(each, method)
            else:
                found.append(each if each.what is What.EXTERNAL else UNKNOWN)
        return distinct(found)

    def _given(self, value: Meaning, method: str) -> Meanings:
        """The result of a type's own method of subscripts or iteration."""
        made = self._called(self.within(value, method))
        if method == "__getitem__":
            return made
        return tuple(each._replace(wraps=each.wraps[2:]) if each.wraps else UNKNOWN for each in made)
