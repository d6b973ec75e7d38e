"""In: what the precise indexer knows and what we resolve. Out: precision and recall.

What is compared:

  place      a line and a name on it: the indexer gives columns, we give none. Where a name is on a line
             several times, each of our references may match any of them, and the other way round.
  right      our target is a declaration that has the indexer's name, and the line of that name within it. A
             class and its constructor are one target where the name is the class's.
  precision  of our references, those that are right. A reference is wrong if the indexer has another
             target there: another symbol, a local variable, or something outside of the library. It is not
             counted (`unknown`) where the indexer has no name, or a symbol without a declaration, or a
             shorthand property, `{name}`, of which it names the property alone and we the value.
  recall     of the indexer's references to functions, types and values (variables of modules, attributes,
             members of enums) of the library, those with a right reference of ours, of whatever confidence.
             Left out are references to locals, parameters, type parameters and modules; names in imports and
             re-exports, which we keep as bindings; names that are declared or assigned; and `key`, the names
             of keyword arguments, of properties in object literals and in quotes, which has a row of its own.

The kind of a reference is ours for precision; for recall it follows from the syntax (`syntax.py`). `override`
is no name in the source and is not compared.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from archon.contracts.code.answers import CERTAIN
from tests.references.ours import Found
from tests.references.precise import Known, Place

DEFAULT_NAMES = frozenset({"default", "="})
"""Names of exports that have none in the source."""


@dataclass
class Share:
    """`right` of `number`."""

    number: int = 0
    right: int = 0

    def add(self, right: bool) -> None:
        self.number += 1
        self.right += right

    @property
    def value(self) -> float | None:
        return self.right / self.number if self.number else None


class Wrong(NamedTuple):
    """`known` without `found` was missed."""

    found: Found | None
    known: Known | None


@dataclass
class Score:
    """Shares by group: a kind (`call`), `how import`, `certain`, `to type`, `across` documents, `all`."""

    precision: dict[str, Share] = field(default_factory=lambda: defaultdict(Share))
    recall: dict[str, Share] = field(default_factory=lambda: defaultdict(Share))
    unknown: int = 0
    wrong: list[Wrong] = field(default_factory=list)
    missed: list[Wrong] = field(default_factory=list)

    def add(self, other: "Score") -> None:
        for ours, theirs in ((self.precision, other.precision), (self.recall, other.recall)):
            for group, share in theirs.items():
                ours[group].number += share.number
                ours[group].right += share.right
        self.unknown += other.unknown
        self.wrong += other.wrong
        self.missed += other.missed


def score(known: Iterable[Known], found: Iterable[Found]) -> Score:
    theirs: dict[tuple[str, int, str], list[Known]] = defaultdict(list)
    ours: dict[tuple[str, int, str], list[Found]] = defaultdict(list)
    for each in known:
        theirs[each.path, each.line, each.name].append(each)
    for each_ in found:
        if each_.kind != "override":
            ours[each_.path, each_.line, each_.name].append(each_)
    scored = Score()
    for where, at in ours.items():
        _precision(scored, at, theirs.get(where, []))
    for where, there in theirs.items():
        _recall(scored, there, ours.get(where, []))
    return scored


def _precision(scored: Score, ours: list[Found], theirs: list[Known]) -> None:
    for each in ours:
        right = any(is_right(each, place) for known in theirs for place in known.targets)
        settled = theirs and all(
            (known.targets or known.elsewhere) and known.kind != "key" for known in theirs
        )
        if not right and not settled:
            scored.unknown += 1
        else:
            for group in _groups_of_found(each):
                scored.precision[group].add(right)
            if not right:
                scored.wrong.append(Wrong(each, theirs[0]))


def _recall(scored: Score, theirs: list[Known], ours: list[Found]) -> None:
    for each in theirs:
        if each.target is None or not each.targets or each.kind in {"import", "declare"}:
            continue
        right = any(is_right(found, place) for found in ours for place in each.targets)
        for group in _groups_of_known(each):
            scored.recall[group].add(right)
        if not right and each.kind != "key":
            scored.missed.append(Wrong(None, each))


def is_right(found: Found, place: Place) -> bool:
    return (
        found.target_path == place.path
        and found.target_line <= place.line <= found.target_end
        and found.target_name in {place.name, *DEFAULT_NAMES}
    )


def _groups_of_found(found: Found) -> Iterator[str]:
    yield from ("all", found.kind, f"how {found.how.value}")
    yield "certain" if found.confidence >= CERTAIN else "uncertain"
    yield "within" if found.target_path == found.path else "across"


def _groups_of_known(known: Known) -> Iterator[str]:
    if known.kind == "key":
        yield "key"
        return
    yield from ("all", known.kind, f"to {known.target}")
    yield "within" if any(place.path == known.path for place in known.targets) else "across"
