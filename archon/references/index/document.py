"""In: one document's code map. Out: the same with lookups by name, as resolution needs them."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

from archon.contracts.code.references import Binding, CodeMap, Declaration, Reference, Typed
from archon.contracts.identity import entity_id

TYPES: Final = frozenset(
    [
        "class",
        "interface",
        "struct",
        "enum",
        "record",
        "trait",
        "protocol",
        "type",
        "object",
        "module",
        "namespace",
        "extension",
        "union",
        "impl",
        "mixin",
        "annotation",
        "contract",
        "actor",
    ]
)
VARIABLES: Final = frozenset({"variable", "constant", "attribute"})
"""Kinds of declarations that have members."""
OUTSIDE: Final = -1
"""The `source` or `parent` that stands for the document itself."""
_AROUND: Final = re.compile(r"\[\]|\(\)|[?!*&<>]+|^<.*\.")


@dataclass(frozen=True)
class Document:
    """`number` is the index's own name of the document."""

    number: int
    document_id: str
    path: str
    language: str | None
    content_hash: str = field(compare=False)
    test: bool
    code: CodeMap

    @cached_property
    def children(self) -> Mapping[tuple[int, str], Sequence[int]]:
        """Declarations by parent and name."""
        found = defaultdict(list)
        for position, each in enumerate(self.code.declarations):
            found[each.parent, each.name].append(position)
        return found

    @cached_property
    def within(self) -> Mapping[int, Sequence[int]]:
        """Declarations by parent."""
        found = defaultdict(list)
        for position, each in enumerate(self.code.declarations):
            found[each.parent].append(position)
        return found

    @cached_property
    def by_qualified_name(self) -> Mapping[str, Sequence[int]]:
        found = defaultdict(list)
        for position, each in enumerate(self.code.declarations):
            found[each.qualified_name].append(position)
        return found

    @cached_property
    def exported(self) -> Mapping[str, Sequence[int]]:
        """Declarations by the name under which other documents import them."""
        found = defaultdict(list)
        for position, each in enumerate(self.code.declarations):
            if each.exported is not None:
                found[each.exported].append(position)
        return found

    @cached_property
    def bound(self) -> Mapping[str, Sequence[Binding]]:
        """Imports by local name; those of all names are under `*`."""
        found = defaultdict(list)
        for each in self.code.bindings:
            found[each.local or each.name].append(each)
        return found

    @cached_property
    def typed(self) -> Mapping[tuple[int, str], Sequence[Typed]]:
        """Variables and attributes by where they are known, and name."""
        found = defaultdict(list)
        for each in self.code.typed:
            found[each.source, each.name].append(each)
        return found

    def mentions(self, name: str) -> Sequence[int]:
        """References with this name in them. A search: most documents are looked at once, and an index takes
        longer to make."""
        return [
            position
            for position, each in enumerate(self.code.references)
            if name in each.name and (name == each.name or name in map(plain, segments(each.name)))
        ]

    @cached_property
    def by_source(self) -> Mapping[int, Sequence[int]]:
        """References by the declaration that they are in."""
        found = defaultdict(list)
        for position, each in enumerate(self.code.references):
            found[each.source].append(position)
        return found

    @cached_property
    def decorators(self) -> Mapping[int, Sequence[str]]:
        found = defaultdict(list)
        for each in self.code.references:
            if each.kind == "decorate":
                found[each.source].append(each.name)
        return found

    @cached_property
    def bases(self) -> Mapping[int, Sequence[Reference]]:
        """What each type inherits from, in order."""
        found = defaultdict(list)
        for each in self.code.references:
            if each.kind == "inherit":
                found[each.source].append(each)
        return found

    def scopes(self, source: int) -> Iterator[int]:
        """The declarations around `source`, itself included, from the inside out."""
        while source != OUTSIDE:
            yield source
            source = self.code.declarations[source].parent

    def type_around(self, source: int) -> int:
        """The innermost type around a declaration, or itself; OUTSIDE if there is none."""
        return next((each for each in self.scopes(source) if self.is_type(each)), OUTSIDE)

    def is_type(self, position: int) -> bool:
        return self.code.declarations[position].kind in TYPES

    @cached_property
    def fields(self) -> Mapping[tuple[int, str], Sequence[Typed]]:
        """Known types of attributes, by their owner and their name after `self.` or `this.`."""
        found = defaultdict(list)
        for each in self.code.typed:
            found[each.source, each.name.rpartition(".")[2]].append(each)
        return found

    def binding_scope(self, binding: Binding) -> int:
        """The function that an import is in; OUTSIDE if it is in none."""
        inner = self.innermost(binding.line)
        return next((each for each in self.scopes(inner) if not self.is_type(each)), OUTSIDE)

    def innermost(self, line: int) -> int:
        """The smallest declaration that has the line; OUTSIDE if none has it."""
        found, size = OUTSIDE, 1 << 62
        for position, each in enumerate(self.code.declarations):
            length = each.end_line - each.start_line
            if each.start_line <= line <= each.end_line and length <= size:
                found, size = position, length
        return found

    def symbol_id(self, position: int) -> str:
        each = self.code.declarations[position]
        return entity_id(self.document_id, each.kind, each.qualified_name, each.ordinal)


def segments(name: str) -> Sequence[str]:
    """`a.b().c` becomes `a`, `b()` and `c`; a cast, as in `<a.B>.c`, is one segment."""
    if name.startswith("<"):
        cast, _, rest = name.partition(">")
        return [f"{cast}>", *rest.split(".")[1:]]
    return name.split(".")


def plain(segment: str) -> str:
    """A segment without the signs of a call or a subscript."""
    return _AROUND.sub("", segment) if not segment.isidentifier() else segment


def packed(code: CodeMap) -> tuple[Any, ...]:
    """The map as plain tuples."""
    rows = (code.declarations, code.references, code.bindings, code.typed)
    return (*([tuple(each) for each in part] for part in rows), code.package, code.settings)


def unpacked(parts: tuple[Any, ...]) -> CodeMap:
    """The inverse of `packed`."""
    declarations, references, bindings, typed, package, settings = parts
    return CodeMap(
        _each(Declaration, declarations),
        _each(Reference, references),
        _each(Binding, bindings),
        _each(Typed, typed),
        package,
        settings,
    )


def _each(kind: Any, rows: Iterable[Any]) -> list[Any]:
    return list(map(kind._make, rows))
