"""In: steps of a resolution. Out: what a name means after them, and how sure that is.

All constants of confidence are here. A chain of steps is as sure as its weakest; it is named after that step.
"""

from collections.abc import Iterable, Sequence
from enum import IntEnum
from typing import Final, NamedTuple

from archon.contracts.code.answers import How
from archon.references.index.document import OUTSIDE
from archon.references.index.store import Key

CONFIDENCE: Final = {
    How.SAME_DOCUMENT: 1.0,
    How.IMPORT: 0.98,
    How.SAME_PACKAGE: 0.97,
    How.TYPED: 0.95,
    How.INHERITED: 0.93,
    How.UNIQUE_NAME: 0.6,
    How.AMBIGUOUS: 0.5,
}
"""Ambiguous: of all candidates together, if nothing else is known of the receiver."""
_ORDER: Final = {how: position for position, how in enumerate(How)}
MOST_CANDIDATES: Final = 20
"""A name with more candidates means none of them."""


class What(IntEnum):
    """`VALUE`: an instance of a type. `EXTERNAL`: outside of the project. `UNKNOWN`: the source does
    not tell."""

    SYMBOL = 0
    VALUE = 1
    MODULE = 2
    EXTERNAL = 3
    UNKNOWN = 4


SUPER: Final = "super"
"""As `place` of a value: only what its type has from its bases."""
NOWHERE: Final[Key] = (0, OUTSIDE)


class Meaning(NamedTuple):
    """A possible meaning of a name. `at`: the symbol, or the value's type. `place`: the module, in the terms
    of its family. `wraps`: `[]` for each list and `{}` for each mapping around the value. `receiver`:
    the type on which the symbol was looked up, which its own `Self` means."""

    what: What
    at: Key = NOWHERE
    place: str = ""
    wraps: str = ""
    how: How = How.SAME_DOCUMENT
    confidence: float = 1.0
    receiver: Key | None = None

    def after(self, how: How, confidence: float | None = None) -> "Meaning":
        """The same, found by a further step."""
        sure = CONFIDENCE[how] if confidence is None else confidence
        weakest = how if _ORDER[how] > _ORDER[self.how] else self.how
        return self._replace(how=weakest, confidence=min(self.confidence, sure))

    def also(self, other: "Meaning") -> "Meaning":
        """The same, found by way of `other`."""
        return self.after(other.how, other.confidence)


Meanings = Sequence[Meaning]
EXTERNAL: Final = Meaning(What.EXTERNAL)
UNKNOWN: Final = Meaning(What.UNKNOWN)


def is_symbol(meaning: Meaning) -> bool:
    return meaning.what is What.SYMBOL


def symbol(at: Key, how: How) -> Meaning:
    """A symbol that was found in one step."""
    return Meaning(What.SYMBOL, at, how=how, confidence=CONFIDENCE[how])


def distinct(meanings: Iterable[Meaning]) -> Meanings:
    """Without repetitions; of equal ones the surest."""
    best: dict[tuple[What, Key, str, str], Meaning] = {}
    for each in meanings:
        key = each[:4]
        if key not in best or each.confidence > best[key].confidence:
            best[key] = each
    return tuple(best.values())


def shared(meanings: Iterable[Meaning]) -> Meanings:
    """Each of several meanings is as probable as the others."""
    found = distinct(meanings)
    if len(found) < 2:  # noqa: PLR2004  nothing to share
        return found
    if len(found) > MOST_CANDIDATES:
        return (UNKNOWN,)
    return tuple(each._replace(how=How.AMBIGUOUS, confidence=each.confidence / len(found)) for each in found)
