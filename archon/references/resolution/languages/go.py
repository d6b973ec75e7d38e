"""In: names in Go documents. Out: what they mean (The Go Programming Language Specification; Go
Modules Reference)."""

import posixpath
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Final

from archon.contracts.code.answers import How
from archon.contracts.code.references import Binding
from archon.contracts.imports.go import Go as Paths
from archon.references.index.document import OUTSIDE, Document
from archon.references.index.store import Key
from archon.references.resolution.meaning import EXTERNAL, Meaning, Meanings, What, shared, symbol
from archon.references.resolution.scoped import Scoped

FAMILY: Final = "go"
_BUILTINS: Final = frozenset(
    [
        "append",
        "cap",
        "clear",
        "close",
        "complex",
        "copy",
        "delete",
        "imag",
        "len",
        "make",
        "max",
        "min",
        "new",
        "panic",
        "print",
        "println",
        "real",
        "recover",
        "any",
        "bool",
        "byte",
        "comparable",
        "complex64",
        "complex128",
        "error",
        "float32",
        "float64",
        "int",
        "int8",
        "int16",
        "int32",
        "int64",
        "rune",
        "string",
        "uint",
        "uint8",
        "uint16",
        "uint32",
        "uint64",
        "uintptr",
        "true",
        "false",
        "iota",
        "nil",
    ]
)


class Go(Scoped):
    """Places are directories: all documents of one package share them."""

    own = ("self",)
    parents = ()

    def receiver(self, document: Document, source: int, name: str) -> Meanings | None:
        if name not in self.own:
            return None
        if document.type_around(source) != OUTSIDE:
            return super().receiver(document, source, name)
        for scope in document.scopes(source):
            owner = document.code.declarations[scope].qualified_name.rpartition(".")[0]
            for key in self._package(document).get(owner, ()):
                return (Meaning(What.VALUE, key, receiver=key),)
        return None

    def local(self, document: Document, scope: int, name: str) -> Meanings:
        found = super().local(document, scope, name)
        if found or scope != OUTSIDE:
            return found
        if keys := self._package(document).get(name):
            return shared([symbol(key, How.SAME_PACKAGE) for key in keys])
        return self._imported(document, name)

    def _imported(self, document: Document, name: str) -> Meanings:
        """A package whose own name differs from the end of its path; or a name of a dot import."""
        for binding in document.code.bindings:
            place = self._place(binding.module)
            if place is None:
                continue
            if binding.name == "*" and (found := self.module_member(place, name)):
                return [each.after(How.IMPORT) for each in found]
            packages = {self.lookup.document(each).code.package for each in self._documents(place)}
            if (
                not binding.name
                and name in packages
                and binding.local in ("", binding.module.rpartition("/")[2])
            ):
                return (_module(place),)
        return ()

    def otherwise(self, document: Document, name: str) -> Meanings:
        return (EXTERNAL,) if name in _BUILTINS else ()

    def bound(self, document: Document, binding: Binding) -> Meanings:
        place = self._place(binding.module)
        return (_module(place),) if place is not None else (EXTERNAL,)

    def module_member(self, place: str, name: str) -> Meanings:
        keys = self._table(place, None).get(name, ())
        return shared([symbol(key, How.IMPORT) for key in keys])

    def targets(self, document: Document, binding: Binding) -> Sequence[int]:
        place = self._place(binding.module)
        return self._documents(place) if place is not None else ()

    def members(self, document: Document, position: int) -> Mapping[str, Sequence[Key]]:
        """Methods are declared anywhere in the package."""
        key = "methods", document.number, position
        return self.lookup.memo.get(
            key, lambda: self._methods(self.lookup.document(document.number), position), {}
        )

    def _methods(self, document: Document, position: int) -> Mapping[str, Sequence[Key]]:
        owner = f"{document.code.declarations[position].qualified_name}."
        found: dict[str, Sequence[Key]] = {}
        for name, keys in self._package(document).items():
            if name.startswith(owner) and "." not in (last := name[len(owner) :]):
                found[last] = keys
        return found

    def _package(self, document: Document) -> Mapping[str, Sequence[Key]]:
        """The package of a document, with the tests of its directory that belong to it."""
        return self._table(str(PurePosixPath(document.path).parent), document.code.package)

    def _table(self, place: str, package: str | None) -> Mapping[str, Sequence[Key]]:
        key = "package", FAMILY, place, package
        return self.lookup.memo.get(key, lambda: self._listed(place, package), {})

    def _listed(self, place: str, package: str | None) -> Mapping[str, Sequence[Key]]:
        """The declarations of a package by qualified name."""
        found: dict[str, list[Key]] = defaultdict(list)
        for number in self._documents(place) if package is None else self._together(place, package):
            document = self.lookup.document(number)
            for position, each in enumerate(document.code.declarations):
                if each.parent == OUTSIDE or document.is_type(each.parent):
                    found[each.qualified_name].append((number, position))
        return found

    def _documents(self, place: str) -> Sequence[int]:
        return self.lookup.layout.at_place(FAMILY, place)

    def _together(self, place: str, package: str) -> Sequence[int]:
        layout = self.lookup.layout
        numbers = layout.in_package(FAMILY, package)
        return [each for each in numbers if str(PurePosixPath(layout.stored(each).path).parent) == place]

    def _place(self, module: str) -> str | None:
        return self.lookup.memo.get(("place", FAMILY, module), lambda: self._sought(module), None)

    def _sought(self, module: str) -> str | None:
        for sought in Paths(self._roots()).sought(self._replaced(module), ()):
            if self._documents(sought.place):
                return sought.place
        return None

    def _roots(self) -> Mapping[str, str]:
        """The directories of the project's modules by their name."""
        layout = self.lookup.layout
        found = {
            str(value["module"]): str(PurePosixPath(layout.stored(number).path).parent)
            for number, value in layout.settings_of("gomod")
            if "module" in value
        }
        return dict(sorted(found.items()))

    def _replaced(self, module: str) -> str:
        """After the `replace` directives that lead to other modules."""
        for _, value in self.lookup.layout.settings_of("gomod"):
            replaced = value.get("replace")
            for old, new in replaced.items() if isinstance(replaced, dict) else ():
                if not str(new).startswith(".") and (module == old or module.startswith(f"{old}/")):
                    return posixpath.join(str(new), module[len(old) :].lstrip("/")).rstrip("/")
        return module


def _module(place: str) -> Meaning:
    return Meaning(What.MODULE, place=f"{FAMILY}:{place}", how=How.IMPORT, confidence=0.98)
