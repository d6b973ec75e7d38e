"""In: names in Java documents. Out: what they mean (Java Language Specification, 6.4 to 6.5 and 7.5)."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Final

from archon.contracts.code.answers import How
from archon.contracts.code.references import Binding
from archon.references.index.document import MOST_STARS, OUTSIDE, Document
from archon.references.index.store import Key
from archon.references.resolution.meaning import EXTERNAL, Meaning, Meanings, What, distinct, shared, symbol
from archon.references.resolution.scoped import Scoped

FAMILY: Final = "java"


class Java(Scoped):
    """Places are names of packages."""

    own = ("this",)
    parents = ("super",)
    type_is_scope = True

    def settle(self, document: Document, positions: Sequence[int]) -> Sequence[int]:
        """Methods of one name are overloads."""
        return positions

    def local(self, document: Document, scope: int, name: str) -> Meanings:
        if scope != OUTSIDE:
            found = super().local(document, scope, name)
            if not found and document.is_type(scope):
                members = self.lookup.member((document.number, scope), name)
                found = [each for each in members if each.what is not What.EXTERNAL]
            return found
        return self._outside(document, name)

    def _outside(self, document: Document, name: str) -> Meanings:
        """In the order of shadowing: the unit's own types and single imports, the package, imports on
        demand."""
        if found := super().local(document, OUTSIDE, name):
            return found
        if keys := self._types(document.code.package).get(name):
            return shared([symbol(key, How.SAME_PACKAGE) for key in keys])
        on_demand = [
            meaning.after(How.IMPORT)
            for binding in document.bound.get("*", ())[:MOST_STARS]
            for meaning in self._within(binding.module, name)
        ]
        return shared(on_demand) or self._qualified(name)

    def _qualified(self, name: str) -> Meanings:
        """The beginning of a qualified name."""
        return (_module(name),) if self._is_package(name) else ()

    def _is_package(self, name: str) -> bool:
        packages = self.lookup.memo.get(("packages", FAMILY), self._packages, frozenset())
        return name in packages

    def _packages(self) -> frozenset[str]:
        found: set[str] = set()
        for name in self.lookup.layout.packages(FAMILY):
            parts = name.split(".")
            found.update(".".join(parts[:end]) for end in range(1, len(parts) + 1))
        return frozenset(found)

    def bound(self, document: Document, binding: Binding) -> Meanings:
        module, name = binding.module, binding.name
        if not name:
            module, _, name = module.rpartition(".")
        found = self._within(module, name)
        return tuple(each.after(How.IMPORT) for each in found) or (EXTERNAL,)

    def _within(self, module: str, name: str) -> Meanings:
        """A name in a package, or in a type of one."""
        key = "within", FAMILY, module, name
        return self.lookup.memo.get(key, lambda: self._looked_up(module, name), ())

    def _looked_up(self, module: str, name: str) -> Meanings:
        if keys := self._types(module).get(name):
            return shared([symbol(key, How.IMPORT) for key in keys])
        package, _, outer = module.rpartition(".")
        if not outer[:1].isupper():
            return ()
        return distinct(
            member
            for each in self._within(package, outer)
            if each.what is What.SYMBOL
            for member in self.lookup.member(each.at, name)
            if member.what is not What.EXTERNAL
        )

    def module_member(self, place: str, name: str) -> Meanings:
        return self._within(place, name) or self._qualified(f"{place}.{name}")

    def targets(self, document: Document, binding: Binding) -> Sequence[int]:
        if binding.name == "*":
            found = self.lookup.layout.in_package(FAMILY, binding.module)
            return found or self._documents(self.bound(document, binding._replace(name="")))
        return self._documents(self.bound(document, binding))

    @staticmethod
    def _documents(meanings: Meanings) -> Sequence[int]:
        return list(dict.fromkeys(each.at[0] for each in meanings if each.what is What.SYMBOL))

    def _types(self, package: str) -> Mapping[str, Sequence[Key]]:
        """The top-level types of a package by name."""
        key = "package", FAMILY, package
        return self.lookup.memo.get(key, lambda: self._listed(package), {})

    def _listed(self, package: str) -> Mapping[str, Sequence[Key]]:
        found: dict[str, list[Key]] = defaultdict(list)
        for number in self.lookup.layout.in_package(FAMILY, package):
            document = self.lookup.document(number)
            for position, each in enumerate(document.code.declarations):
                if document.is_type(position) and "." not in each.qualified_name.removeprefix(f"{package}."):
                    found[each.name].append((number, position))
        return found


def _module(place: str) -> Meaning:
    return Meaning(What.MODULE, place=f"{FAMILY}:{place}", how=How.IMPORT, confidence=0.98)
