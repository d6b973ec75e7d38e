"""In: types and values, and names. Out: their members of these names, own and inherited."""

from collections.abc import Sequence

from archon.contracts.code.answers import How
from archon.references.index.document import Document
from archon.references.index.store import Key
from archon.references.index.type_names import ELEMENTS, WHOLE
from archon.references.resolution.lineage import linearised
from archon.references.resolution.meaning import (
    EXTERNAL,
    SUPER,
    UNKNOWN,
    Meaning,
    Meanings,
    What,
    is_symbol,
    shared,
    symbol,
)
from archon.references.resolution.rules import Rules
from archon.references.resolution.values import RESULT, Values


class Members(Values):
    """Each language has its rules, which a subclass knows."""

    def rules(self, document: Document) -> Rules:
        raise NotImplementedError

    def member(self, at: Key, name: str) -> Meanings:
        return self.memo.get(("member", at, name), lambda: self._looked_up(at, name), ())

    def _looked_up(self, at: Key, name: str, skip: int = 0) -> Meanings:
        if not skip and (own := self._declared_in(at, name)):
            return tuple(meaning._replace(receiver=at) for meaning in own)
        lineage, is_open = self.lineage(at)
        typed: Meanings = ()
        for position, each in enumerate(lineage[skip:], skip):
            if position and (found := self._declared_in(each, name)):
                return tuple(meaning.after(How.INHERITED)._replace(receiver=at) for meaning in found)
            typed = typed or self.field(each, name)
        for each in () if typed else lineage[skip:]:
            if found := self._of_alternatives(each, name):
                return tuple(meaning.after(How.TYPED) for meaning in found)
        if typed or is_open:
            return typed or (EXTERNAL,)
        return (UNKNOWN,) if self.declaration(at).kind == "type" else ()

    def _of_alternatives(self, at: Key, name: str) -> Meanings:
        """Members of the types of which an alias is made."""
        document = self.document(at[0])
        values = [
            value
            for typed in document.fields.get((at[1], ""), ())
            for value in self._value_of(document, typed, at)
            if value.what is What.VALUE
        ]
        found = [meaning for value in values for meaning in self._of_value(value, name)]
        return shared([each for each in found if is_symbol(each)])

    def _declared_in(self, at: Key, name: str) -> Meanings:
        """Members that a type has itself."""
        document = self.document(at[0])
        rules = self.rules(document)
        own = document.children.get((at[1], name), ())
        settled = rules.settle(document, own)
        keys = [(at[0], each) for each in settled]
        keys += [key for key in rules.members(document, at[1]).get(name, ()) if key not in keys]
        found = [symbol(key, How.SAME_DOCUMENT) for key in keys]
        return shared(found)

    def field(self, at: Key, name: str) -> Meanings:
        document = self.document(at[0])
        return self._values_of(document, document.fields.get((at[1], name), ()), at)

    def _of_value(self, value: Meaning, name: str) -> Meanings:
        if value.wraps:
            element = value._replace(wraps=value.wraps[2:])
            if name in ELEMENTS:
                return (element._replace(what=What.VALUE, place=RESULT),)
            kept = value._replace(wraps="[]" + value.wraps[2:], place=RESULT)
            return (kept,) if name in WHOLE else (EXTERNAL,)
        if value.place == SUPER:
            return self._looked_up(value.at, name, skip=1)
        return self.member(value.at, name)

    def lineage(self, at: Key) -> tuple[Sequence[Key], bool]:
        return self.memo.get(("lineage", at), lambda: self._lineage(at), ((at,), False))

    def _lineage(self, at: Key) -> tuple[Sequence[Key], bool]:
        document = self.document(at[0])
        bases: list[Key] = []
        is_open = False
        for reference in document.bases.get(at[1], ()):
            meanings = self.path(document, at[1], reference.name, outer=True)
            types = [each.at for each in self.symbols(meanings) if self._is_type(each.at)]
            bases += [each for each in types if each not in bases and each != at]
            is_open = is_open or not types
        found = [self.lineage(each) for each in bases]
        return linearised(at, [keys for keys, _ in found]), is_open or any(each for _, each in found)
