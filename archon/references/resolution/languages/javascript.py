"""In: names in JavaScript and TypeScript documents. Out: what they mean (ECMAScript, "Modules"; CommonJS)."""

from collections.abc import Sequence
from typing import Final

from archon.contracts.code.answers import How
from archon.contracts.code.references import Binding
from archon.contracts.imports.javascript import JavaScript as Paths
from archon.references.index.document import OUTSIDE, Document
from archon.references.resolution.languages.specifiers import FAMILY, Specifiers
from archon.references.resolution.meaning import EXTERNAL, UNKNOWN, Meaning, Meanings, What, distinct, symbol
from archon.references.resolution.rules import Lookup
from archon.references.resolution.scoped import Scoped

_PATHS: Final = Paths()
_RANKS: Final = (
    frozenset({"class", "enum"}),
    frozenset({"interface", "type"}),
    frozenset({"namespace", "module"}),
)
"""Kinds of declarations that have a name together, the first of which stands for all."""


class JavaScript(Scoped):
    """Places are those of archon.contracts.imports.javascript."""

    constructors = ("constructor",)
    own = ("this",)
    parents = ("super",)

    def __init__(self, lookup: Lookup) -> None:
        super().__init__(lookup)
        self._specifiers = Specifiers(lookup.layout, lookup.memo)

    def _sees(self, document: Document, scope: int, source: int, *, outer: bool) -> bool:
        """Members are always written with `this`, but not those of a namespace."""
        return document.code.declarations[scope].kind in {"namespace", "module"}

    def settle(self, document: Document, positions: Sequence[int]) -> Sequence[int]:
        """A class before an interface of its name, and that before a value; of overloads the last."""
        if len(positions) < 2:  # noqa: PLR2004
            return positions
        kinds = [document.code.declarations[each].kind for each in positions]
        best = min(map(_rank, kinds))
        return [each for each, kind in zip(positions, kinds, strict=True) if _rank(kind) == best][-1:]

    def visible(self, document: Document, positions: Sequence[int]) -> Sequence[int]:
        """Methods and properties are members of their object, whatever is around the object."""
        declarations = document.code.declarations
        return [each for each in positions if declarations[each].kind not in {"method", "attribute"}]

    def bound(self, document: Document, binding: Binding) -> Meanings:
        key = "bound", document.number, binding
        return self.lookup.memo.get(
            key, lambda: self._bound(self.lookup.document(document.number), binding), ()
        )

    def _bound(self, document: Document, binding: Binding) -> Meanings:
        if not binding.module:
            return () if binding.local == binding.name else self.local(document, OUTSIDE, binding.name)
        place = self._specifiers.place(document, binding.module)
        if place is None:
            return (UNKNOWN if binding.module.startswith(".") else EXTERNAL,)
        if binding.name not in ("", "*"):
            found = self.module_member(place, binding.name) or (UNKNOWN,)
        else:
            found = (_module(place),)
        return tuple(each.after(How.IMPORT) for each in found)

    def module_member(self, place: str, name: str) -> Meanings:
        key = "offered", FAMILY, place, name
        return self.lookup.memo.get(key, lambda: self._module_member(place, name), ())

    def _module_member(self, place: str, name: str) -> Meanings:
        found: list[Meaning] = []
        for number in self._modules(place):
            document = self.lookup.document(number)
            found += self._offered(document, name) or (
                self._starred(document, name) if name != "default" else ()
            )
        if found:
            return distinct(found)
        if name == "default":
            return (_module(place),)
        whole = self.module_member(place, "default")
        return [
            found for each in whole if each.what is What.SYMBOL for found in self.lookup.member(each.at, name)
        ]

    def _offered(self, document: Document, name: str) -> Meanings:
        positions = self.settle(document, document.exported.get(name, ()))
        if positions:
            return [symbol((document.number, each), How.SAME_DOCUMENT) for each in positions]
        exports = [each for each in document.bound.get(name, ()) if each.exported and each.local == name]
        return distinct(meaning for each in exports for meaning in self.bound(document, each))

    def _starred(self, document: Document, name: str) -> Meanings:
        found: list[Meaning] = []
        for binding in document.bound.get("*", ()):
            place = self._specifiers.place(document, binding.module) if not binding.local else None
            if place is not None and binding.exported:
                found += [each for each in self.module_member(place, name) if each.what is not What.UNKNOWN]
        return distinct(found)

    def targets(self, document: Document, binding: Binding) -> Sequence[int]:
        place = self._specifiers.place(document, binding.module) if binding.module else None
        return self._modules(place) if place is not None else ()

    def _modules(self, place: str) -> Sequence[int]:
        layout = self.lookup.layout
        numbers = layout.at_place(FAMILY, place)
        if len(numbers) < 2:  # noqa: PLR2004
            return numbers
        by_path = {layout.stored(each).path: each for each in reversed(numbers)}
        return [by_path[each] for each in _PATHS.pick(list(by_path))]


def _rank(kind: str) -> int:
    return next((rank for rank, kinds in enumerate(_RANKS) if kind in kinds), len(_RANKS))


def _module(place: str) -> Meaning:
    return Meaning(What.MODULE, place=f"{FAMILY}:{place}", how=How.IMPORT, confidence=0.98)
