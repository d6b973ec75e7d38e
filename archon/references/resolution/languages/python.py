"""In: names in Python documents. Out: what they mean (Python language reference, "Execution model",
"The import system")."""

import builtins
import json
import posixpath
import sys
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Final

from archon.contracts.code.answers import How
from archon.contracts.code.references import Binding
from archon.contracts.imports.family import Found, Sought
from archon.contracts.imports.python import Python as Paths
from archon.references.index.document import MOST_STARS, OUTSIDE, Document
from archon.references.resolution.meaning import EXTERNAL, UNKNOWN, Meaning, Meanings, What, distinct, symbol
from archon.references.resolution.scoped import Scoped

FAMILY: Final = "python"
_BUILTINS: Final = frozenset(dir(builtins))
_ACCESSORS: Final = (".setter", ".deleter")
_PATHS: Final = Paths()


class Python(Scoped):
    """Places are paths without suffix, of modules and of packages, with or without an `__init__`."""

    constructors = ("__init__", "__new__")
    own = ("self",)
    parents = ("super",)

    def receiver(self, document: Document, source: int, name: str) -> Meanings | None:
        if name != "cls":
            return super().receiver(document, source, name)
        around = document.type_around(source)
        if around == OUTSIDE:
            return None
        return (symbol((document.number, around), How.SAME_DOCUMENT),)

    def settle(self, document: Document, positions: Sequence[int]) -> Sequence[int]:
        """Without the setters of a property and the overloads of a function; the last definition counts."""
        if len(positions) < 2:  # noqa: PLR2004
            return positions
        counting = [each for each in positions if not self._is_secondary(document, each)]
        return (counting or positions)[-1:]

    @staticmethod
    def _is_secondary(document: Document, position: int) -> bool:
        names = document.decorators.get(position, ())
        return any(each.endswith(_ACCESSORS) or each.rpartition(".")[2] == "overload" for each in names)

    def local(self, document: Document, scope: int, name: str) -> Meanings:
        found = super().local(document, scope, name)
        return found or (self._submodules_bound(document, scope, name) if scope == OUTSIDE else ())

    def _submodules_bound(self, document: Document, scope: int, name: str) -> Meanings:
        """`import a.b.c` binds `a`, however the document's map calls that."""
        binding = document.submodules.get(name)
        return self.bound(document, binding._replace(local=name)) if binding is not None else ()

    def otherwise(self, document: Document, name: str) -> Meanings:
        if found := self._starred(document, name):
            return found
        return (EXTERNAL,) if name in _BUILTINS else ()

    def _starred(self, document: Document, name: str) -> Meanings:
        found: list[Meaning] = []
        for binding in document.bound.get("*", ())[:MOST_STARS]:
            if binding.local or name.startswith("_"):
                continue
            place = self.place(document, binding.module)
            if place is not None and self._offers(place, name):
                found += self.module_member(place, name)
        return distinct(each.after(How.IMPORT, 0.96) for each in found if each.what is not What.UNKNOWN)

    def _offers(self, place: str, name: str) -> bool:
        """Whether a star import of the module takes the name."""
        for number in self._modules(place):
            names = self._listed_in(number)
            if names is not None and name not in names:
                return False
        return True

    def _listed_in(self, number: int) -> frozenset[str] | None:
        return self.lookup.memo.get(("all", number), lambda: _all(self.lookup.document(number)), None)

    def bound(self, document: Document, binding: Binding) -> Meanings:
        key = "bound", document.number, binding
        return self.lookup.memo.get(
            key, lambda: self._bound(self.lookup.document(document.number), binding), ()
        )

    def _bound(self, document: Document, binding: Binding) -> Meanings:
        if not binding.module:
            return ()
        place = self.place(document, binding.module)
        if place is None:
            return (UNKNOWN if binding.module.startswith(".") else EXTERNAL,)
        if binding.name:
            found = self.module_member(place, binding.name) or (UNKNOWN,)
            return tuple(each.after(How.IMPORT) for each in found)
        if binding.local == binding.module.partition(".")[0]:
            depth = binding.module.count(".")
            place = str(PurePosixPath(place).parents[depth - 1]) if depth else place
        return (_module(place),)

    def module_member(self, place: str, name: str) -> Meanings:
        key = "offered", FAMILY, place, name
        return self.lookup.memo.get(key, lambda: self._module_member(place, name), ())

    def _module_member(self, place: str, name: str) -> Meanings:
        for number in self._modules(place):
            document = self.lookup.document(number)
            found = self.local(document, OUTSIDE, name) or self._starred(document, name)
            if found:
                return found
        below = name if place == "." else f"{place}/{name}"
        return (_module(below),) if self._exists(below) else ()

    def targets(self, document: Document, binding: Binding) -> Sequence[int]:
        if not binding.module or (place := self.place(document, binding.module)) is None:
            return ()
        if binding.name and binding.name != "*":
            below = binding.name if place == "." else f"{place}/{binding.name}"
            meanings = self.module_member(place, binding.name)
            if any(each.what is What.MODULE and each.place == f"{FAMILY}:{below}" for each in meanings):
                return self._modules(below)
        return self._modules(place)

    def _modules(self, place: str) -> Sequence[int]:
        """The documents of a module, sources before stubs."""
        layout = self.lookup.layout
        numbers = layout.at_place(FAMILY, place)
        if len(numbers) < 2:  # noqa: PLR2004
            return numbers
        by_path = {layout.stored(each).path: each for each in numbers}
        chosen = [by_path[each] for each in _PATHS.pick(list(by_path))]
        return sorted(
            chosen,
            key=lambda each: (layout.stored(each).path.endswith(".pyi"), layout.stored(each).path),
        )

    def _exists(self, place: str) -> bool:
        layout = self.lookup.layout
        return bool(layout.at_place(FAMILY, place)) or layout.is_directory(FAMILY, place)

    def place(self, document: Document, module: str) -> str | None:
        """The place of a module that a document imports; None if the project has none."""
        key = "place", FAMILY, document.directory, module
        return self.lookup.memo.get(key, lambda: self._place(document.path, module), None)

    def _place(self, path: str, module: str) -> str | None:
        if module.startswith("."):
            name = _PATHS.module(path, module)
            place = name.replace(".", "/") if name != "." else "."
            return place if not name.startswith("..") and self._exists(place) else None
        wanted = module.replace(".", "/")
        return self._searched(path, wanted) or self._namespace(path, wanted)

    def _searched(self, path: str, wanted: str) -> str | None:
        sought = Sought(wanted, anywhere=True)
        key = "prefixes", FAMILY, wanted
        prefixes = self.lookup.memo.get(key, lambda: self._prefixes(sought), frozenset())
        prefix = _PATHS.choose(Found(path, sought, prefixes))
        return None if prefix is None else wanted if prefix == "." else f"{prefix}/{wanted}"

    def _prefixes(self, sought: Sought) -> frozenset[str]:
        """The directories that may be searched and have the sought place."""
        places = self.lookup.layout.places_ending(FAMILY, sought.place.rpartition("/")[2])
        prefixes = {prefix for each in places if (prefix := sought.prefix_of(each)) is not None}
        return frozenset(each for each in prefixes if not self._is_package(each))

    def _is_package(self, place: str) -> bool:
        layout = self.lookup.layout
        return place != "." and any(
            posixpath.basename(layout.stored(each).path).rpartition(".")[0] == "__init__"
            for each in layout.at_place(FAMILY, place)
        )

    def _namespace(self, path: str, wanted: str) -> str | None:
        """A directory without modules of its own, below a directory that is searched."""
        if wanted.partition("/")[0] in sys.stdlib_module_names:
            return None
        above = [str(each) for each in PurePosixPath(path).parents]
        for prefix in (*above, "src", "lib", "python"):
            place = wanted if prefix == "." else f"{prefix}/{wanted}"
            if not self._is_package(prefix) and self.lookup.layout.is_directory(FAMILY, place):
                return place
        return None


def _module(place: str) -> Meaning:
    return Meaning(What.MODULE, place=f"{FAMILY}:{place}", how=How.IMPORT, confidence=0.98)


def _all(document: Document) -> frozenset[str] | None:
    """The names in `__all__`; None if the document has none."""
    listed = [each.name for each in document.code.bindings if not each.module and each.exported]
    if listed:
        return frozenset(listed)
    try:
        names = json.loads(document.code.settings).get("all") if document.code.settings else None
        return frozenset(names) if names is not None else None
    except (ValueError, AttributeError, TypeError, RecursionError):
        return None
