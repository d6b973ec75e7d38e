"""In: names alone. Out: the symbols that have them, for references of which nothing else is known."""

from collections.abc import Sequence
from typing import NamedTuple

from archon.contracts.code.answers import How
from archon.contracts.code.references import Declaration
from archon.references.index.document import Document
from archon.references.index.layout import Layout, family_named
from archon.references.index.store import Key, Store
from archon.references.resolution.common_names import is_common
from archon.references.resolution.meaning import (
    CONFIDENCE,
    MOST_CANDIDATES,
    NOWHERE,
    Meaning,
    Meanings,
    What,
    symbol,
)
from archon.references.resolution.memo import Memo


class Target(NamedTuple):
    """A symbol that a reference means. `last` is False for what a prefix of its path means."""

    at: Key
    how: How
    confidence: float
    last: bool


class Names:
    """The documents of `store`, their symbols, and these by name. `memo` records what `store` and `layout`
    answer."""

    def __init__(self, store: Store, layout: Layout, memo: Memo) -> None:
        self.store = store
        self.layout = layout
        self.memo = memo

    def document(self, number: int) -> Document:
        return self.store.document(number)

    def declaration(self, at: Key) -> Declaration:
        """Of a symbol."""
        return self.document(at[0]).code.declarations[at[1]]

    def _is_type(self, at: Key) -> bool:
        return at != NOWHERE and self.document(at[0]).is_type(at[1])

    def guesses(self, family: str, name: str, *, tests: bool) -> Sequence[Target]:
        """The methods that a call may mean if the source says nothing about its receiver; `tests`: also those
        of tests."""
        if not name or is_common(family, name):
            return ()
        key = "guesses", family, name, tests
        return self.memo.get(key, lambda: self._guesses(family, name, tests=tests), ())

    def _guesses(self, family: str, name: str, *, tests: bool) -> Sequence[Target]:
        found = self._by_name(family, name, tests=tests, members=True)
        return tuple(Target(each.at, each.how, each.confidence, last=True) for each in found)

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
