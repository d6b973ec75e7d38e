"""In: references. Out: the symbols that they mean, by the rules of their language.

A path is looked up name by name: the first in the scopes around it, each further one in what the name
before it means.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from archon.contracts.code.answers import How
from archon.contracts.code.references import Declaration, Reference, Typed
from archon.references.index.document import CALLS, OUTSIDE, VARIABLES, Document, guessed_by, plain, segments
from archon.references.index.document import UNKNOWN as UNKNOWN_HEAD
from archon.references.index.layout import Layout, family_named
from archon.references.index.store import Key, Store
from archon.references.resolution.common_names import is_common
from archon.references.resolution.languages import rules_by_family
from archon.references.resolution.lineage import linearised
from archon.references.resolution.meaning import (
    CONFIDENCE,
    EXTERNAL,
    MOST_CANDIDATES,
    NOWHERE,
    SUPER,
    UNKNOWN,
    Meaning,
    Meanings,
    What,
    distinct,
    shared,
    symbol,
)
from archon.references.resolution.memo import Memo
from archon.references.resolution.rules import Rules

_OUTER: Final = frozenset({"inherit", "decorate", "annotate"})
"""Kinds of references that the declaration itself is no scope of."""
_DIFFERENT: Final = 10
"""Number of expressions with different types that a variable is followed through."""
_MERGED: Final = 100
"""Declarations of one name that are looked at for a value or a namespace."""
_ELEMENTS: Final = frozenset(
    [
        "get",
        "pop",
        "popleft",
        "setdefault",
        "at",
        "find",
        "shift",
        "first",
        "last",
        "peek",
        "poll",
        "remove",
        "getOrDefault",
    ]
)
_WHOLE: Final = frozenset(
    [
        "values",
        "copy",
        "filter",
        "slice",
        "sort",
        "sorted",
        "reverse",
        "reversed",
        "stream",
        "iterator",
        "toList",
    ]
)
"""Methods of collections that give an element, or a collection of the same elements."""
_TYPE_NAMES: Final = frozenset({"inherit", "annotate"})
_ONLY_TYPES: Final = frozenset({"interface", "type"})
_ONLY_VALUES: Final = VARIABLES | {"extension", "function"}
_OWN_TYPE: Final = frozenset({"Self", "this", "self", "static"})
OTHERS: Final = ""


class Target(NamedTuple):
    """A symbol that a reference means. `last` is False for what a prefix of its path means."""

    at: Key
    how: How
    confidence: float
    last: bool


class Resolver:
    """Resolves along the documents of `store`. `memo` records what `store` and `layout` answer."""

    def __init__(self, store: Store, layout: Layout, memo: Memo) -> None:
        self.store = store
        self.layout = layout
        self.memo = memo
        self._rules: Mapping[str, Rules] = rules_by_family(self)

    def document(self, number: int) -> Document:
        return self.store.document(number)

    def _read(self, document: Document) -> Document:
        """The same document, as an input of the present computation."""
        return self.document(document.number)

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

    def guesses(self, family: str, name: str, *, tests: bool) -> Sequence[Target]:
        """What a call means, from tests or elsewhere, if the source says nothing about its receiver."""
        if not name or is_common(family, name):
            return ()
        key = "guesses", family, name, tests
        return self.memo.get(key, lambda: self._guesses(family, name, tests=tests), ())

    def _guesses(self, family: str, name: str, *, tests: bool) -> Sequence[Target]:
        found = self._by_name(family, name, tests=tests, members=True)
        return tuple(Target(each.at, each.how, each.confidence, last=True) for each in found)

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
                    if _is_symbol(each) and each.place != OBJECT
                ]
        return tuple(found)

    def symbols(self, meanings: Meanings) -> Meanings:
        """The symbols among `meanings`; a module stands for its default export."""
        modules = [each for each in meanings if each.what is What.MODULE]
        defaults = [found.also(each) for each in modules for found in self._within(each, "default")]
        return [each for each in (*meanings, *defaults) if _is_symbol(each)]

    @staticmethod
    def _is_open(trail: Sequence[Meanings]) -> bool:
        """Whether nothing is known of the receiver of a call."""
        return not any(map(_is_symbol, trail[-1])) and any(each.what is What.UNKNOWN for each in trail[-1])

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
        return distinct(found.also(each) for each in meanings for found in self._within(each, name))

    def _within(self, meaning: Meaning, name: str) -> Meanings:
        if meaning.what in {What.EXTERNAL, What.UNKNOWN}:
            return (meaning,)
        if meaning.what is What.MODULE:
            family, _, place = meaning.place.partition(":")
            return self._rules[family].module_member(place, name) or (UNKNOWN,)
        if meaning.what is What.VALUE:
            return self._of_value(meaning, name)
        meaning = self._as_value(meaning, name)
        if self._declaration(meaning.at).kind not in VARIABLES and self._is_type(meaning.at):
            return self.member(meaning.at, name)
        if own := self._declared_in(meaning.at, name):
            return own
        return self._step([each for each in self.values(meaning) if each.at != meaning.at], name)

    def _as_value(self, meaning: Meaning, member: str = "") -> Meaning:
        """Of a type that is no value, the value or namespace of the same name (TypeScript Handbook,
        "Declaration Merging")."""
        if not _is_symbol(meaning) or (declaration := self._declaration(meaning.at)).kind not in _ONLY_TYPES:
            return meaning
        document = self.document(meaning.at[0])
        for each in document.children.get((declaration.parent, declaration.name), ())[:_MERGED]:
            kind = document.code.declarations[each].kind
            if kind in _ONLY_VALUES or (kind == "namespace" and (each, member) in document.children):
                return meaning._replace(at=(document.number, each))
        return meaning

    def _of_value(self, value: Meaning, name: str) -> Meanings:
        if value.wraps:
            element = value._replace(wraps=value.wraps[2:])
            if name in _ELEMENTS:
                return (element._replace(what=What.VALUE, place=RESULT),)
            kept = value._replace(wraps="[]" + value.wraps[2:], place=RESULT)
            return (kept,) if name in _WHOLE else (EXTERNAL,)
        if value.place == SUPER:
            return self._looked_up(value.at, name, skip=1)
        return self.member(value.at, name)

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
            typed = typed or self._field(each, name)
        for each in () if typed else lineage[skip:]:
            if found := self._of_alternatives(each, name):
                return tuple(meaning.after(How.TYPED) for meaning in found)
        if typed or is_open:
            return typed or (EXTERNAL,)
        return (UNKNOWN,) if self._declaration(at).kind == "type" else ()

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
        return shared([each for each in found if _is_symbol(each)])

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

    def _field(self, at: Key, name: str) -> Meanings:
        document = self.document(at[0])
        return self._values_of(document, document.fields.get((at[1], name), ()), at)

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
        if _is_symbol(meaning):
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
        declaration = self._declaration(meaning.at)
        document = self.document(meaning.at[0])
        outside = declaration.parent == OUTSIDE
        found = self.variable(document, OUTSIDE, declaration.name) if outside else ()
        if declaration.kind not in VARIABLES:
            return found or self._result(meaning)
        if not outside:
            owners, _ = self.lineage(meaning.receiver or (meaning.at[0], declaration.parent))
            found = next(filter(None, (self._field(each, declaration.name) for each in owners)), ())
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
        return _is_symbol(meaning) and self._declaration(meaning.at).kind in VARIABLES

    def _called(self, meanings: Meanings) -> Meanings:
        return distinct(found.also(each) for each in meanings for found in self._result(each))

    def _result(self, meaning: Meaning) -> Meanings:
        """The result of a call of this."""
        if meaning.what is What.VALUE and meaning.place == RESULT:
            return (meaning._replace(place=""),)
        if meaning.what is What.MODULE:
            key = "called", meaning.place  # a module without a default is its own
            return self.memo.get(key, lambda: self._called(self._within(meaning, "default")), (UNKNOWN,))
        if meaning.what is not What.SYMBOL:
            return (meaning,) if meaning.what is What.EXTERNAL else (UNKNOWN,)
        if self._is_type(meaning.at):
            return (self._instance(meaning),)
        return self.memo.get(("result", meaning.at, meaning.receiver), lambda: self._returned(meaning), ())

    def _returned(self, meaning: Meaning) -> Meanings:
        document = self.document(meaning.at[0])
        declaration = self._declaration(meaning.at)
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
        made = self._called(self._within(value, method))
        if method == "__getitem__":
            return made
        return tuple(each._replace(wraps=each.wraps[2:]) if each.wraps else UNKNOWN for each in made)

    def by_name(self, document: Document, name: str) -> Meanings:
        family, tests = family_named(document.language), document.test
        key = "name", family, name, tests
        return self.memo.get(key, lambda: self._by_name(family, name, tests=tests, members=False), ())

    def _by_name(self, family: str, name: str, *, tests: bool, members: bool) -> Meanings:
        found = [
            (number, position)
            for number, position, member in self.store.named(name)
            if self._may_be_meant(number, family, tests=tests) and (member or not members)
        ]
        if len(found) == 1:
            return (symbol(found[0], How.UNIQUE_NAME),)
        if len(found) > MOST_CANDIDATES:
            return ()
        found.sort(key=self._order)
        sure = CONFIDENCE[How.AMBIGUOUS] / max(len(found), 1)
        return tuple(Meaning(What.SYMBOL, key, how=How.AMBIGUOUS, confidence=sure) for key in found)

    def _order(self, at: Key) -> tuple[str, str, int]:
        stored = self.layout.stored(at[0])
        return stored.path, stored.document_id, at[1]

    def _may_be_meant(self, number: int, family: str, *, tests: bool) -> bool:
        stored = self.layout.stored(number)
        return family_named(stored.language) == family and (tests or not stored.test)

    def _declaration(self, at: Key) -> Declaration:
        return self.document(at[0]).code.declarations[at[1]]

    def _is_type(self, at: Key) -> bool:
        return at != NOWHERE and self.document(at[0]).is_type(at[1])


RESULT: Final = "result"
OBJECT: Final = "object"
"""As `place` of a symbol: the value of the variable with these members, which another name may have, too."""
"""As `place` of a value: what a method of a collection gives when it is called."""


def _is_symbol(meaning: Meaning) -> bool:
    return meaning.what is What.SYMBOL
