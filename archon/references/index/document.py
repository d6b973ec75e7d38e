"""In: one document's code map. Out: the same with lookups by name, as resolution needs them."""

import heapq
import posixpath
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any, Final

from archon.contracts.code.references import (
    Binding,
    CodeMap,
    Declaration,
    Reference,
    ReferenceKind,
    Typed,
)
from archon.contracts.identity import entity_id
from archon.references.index.columns import References, columns_of

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
CALLS: Final = frozenset({"call", "new"})
"""Kinds of references that call something."""
UNKNOWN: Final = "?"
"""How paths begin whose receiver the source does not tell."""
OUTSIDE: Final = -1
"""The `source` or `parent` that stands for the document itself."""
MOST_BINDINGS: Final = 20
"""Different imports of one name in one scope that count."""
MOST_STARS: Final = 100
"""Different imports of all names in which a name is looked for."""
_STARS: Final = 1000
"""Such imports of a document that count: the index of a package may export hundreds of modules."""
_LAST_LINE: Final = 1 << 62
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
    settled: dict[tuple[int, str], Sequence[int]] = field(default_factory=dict, compare=False, repr=False)
    """Of the declarations by parent and name those that count, as far as the rules have decided it."""

    @cached_property
    def directory(self) -> str:
        """`.` for the project's root."""
        return posixpath.dirname(self.path) or "."

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
        """Imports by local name; those of all names are under `*`. Each once, as many as count."""
        found: dict[str, dict[tuple[str, str, str, bool], Binding]] = defaultdict(dict)
        for each in self.code.bindings:
            name = each.local or each.name
            most = _STARS if name == "*" else MOST_BINDINGS
            if len(own := found[name]) < most:
                own.setdefault((each.local, each.module, each.name, each.exported), each)
        return {name: list(each.values()) for name, each in found.items()}

    @cached_property
    def imported(self) -> Mapping[tuple[int, str], Sequence[Binding]]:
        """Imports that bind a name, by the function that they are in, OUTSIDE if they are in none, and that
        name. Each once in a function, as many as count."""
        found: dict[tuple[int, str], dict[tuple[str, str], Binding]] = defaultdict(dict)
        bindings = sorted((each for each in self.code.bindings if each.local), key=lambda each: each.line)
        top = self._lines_outside
        around = self._innermost([each.line for each in bindings if each.line >= top])
        for each in bindings:
            own = found[self._function_around(next(around)) if each.line >= top else OUTSIDE, each.local]
            if len(own) < MOST_BINDINGS:
                own.setdefault((each.module, each.name), each)
        return {key: list(each.values()) for key, each in found.items()}

    @cached_property
    def submodules(self) -> Mapping[str, Binding]:
        """Of imports as `import a.b.c` the first one by the first name."""
        found: dict[str, Binding] = {}
        for each in self.code.bindings:
            head, dot, _ = each.local.partition(".")
            if dot and not each.name and each.module == each.local:
                found.setdefault(head, each)
        return found

    @cached_property
    def typed(self) -> Mapping[tuple[int, str], Sequence[Typed]]:
        """Variables and attributes by where they are known, and name."""
        found = defaultdict(list)
        for each in self.code.typed:
            found[each.source, each.name].append(each)
        return found

    @cached_property
    def references(self) -> References:
        known = self.code.references
        return known if isinstance(known, References) else References(columns_of(known))

    def mentions(self, name: str) -> Sequence[int]:
        """References with this name in them. A search: most documents are looked at once, and an index takes
        longer to make."""
        return [
            position
            for position, each in enumerate(self.references.names)
            if name in each and (name == each or name in map(plain, segments(each)))
        ]

    @cached_property
    def by_source(self) -> Mapping[int, Sequence[int]]:
        """References by the declaration that they are in."""
        found = defaultdict(list)
        for position, source in enumerate(self.references.sources):
            found[source].append(position)
        return found

    @cached_property
    def decorators(self) -> Mapping[int, Sequence[str]]:
        found = defaultdict(list)
        for each in self._of_kind("decorate"):
            found[each.source].append(each.name)
        return found

    @cached_property
    def bases(self) -> Mapping[int, Sequence[Reference]]:
        """What each type inherits from, in order."""
        found = defaultdict(list)
        for each in self._of_kind("inherit"):
            found[each.source].append(each)
        return found

    def _of_kind(self, kind: ReferenceKind) -> Iterator[Reference]:
        references = self.references
        return (references[at] for at, each in enumerate(references.kinds) if each == kind)

    def scopes(self, source: int) -> Iterator[int]:
        """The declarations around `source`, itself included, from the inside out."""
        while source != OUTSIDE:
            yield source
            source = self.code.declarations[source].parent

    def inside(self, position: int) -> Iterator[int]:
        """The declarations within one, at whatever depth, in order of appearance."""
        left = [*reversed(self.within.get(position, ()))]
        while left:
            each = left.pop()
            yield each
            left += reversed(self.within.get(each, ()))

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

    @property
    def _lines_outside(self) -> int:
        """The line before which there are no functions, and nothing in other declarations."""
        inner = (each for each in self.code.declarations if each.kind not in TYPES or each.parent != OUTSIDE)
        return min((each.start_line for each in inner), default=_LAST_LINE)

    def _function_around(self, source: int) -> int:
        return next((each for each in self.scopes(source) if not self.is_type(each)), OUTSIDE)

    def _innermost(self, lines: Iterable[int]) -> Iterator[int]:
        """The smallest declaration that has each of the ascending lines, the last one of equal ones; OUTSIDE
        if none has it."""
        declarations = self.code.declarations
        coming = sorted(range(len(declarations)), key=lambda each: -declarations[each].start_line)
        begun: list[tuple[int, int]] = []
        """Length and negative position, the smallest first; declarations that have ended stay until they are
        the smallest."""
        for line in lines:
            while coming and declarations[coming[-1]].start_line <= line:
                each = declarations[position := coming.pop()]
                heapq.heappush(begun, (each.end_line - each.start_line, -position))
            while begun and declarations[-begun[0][1]].end_line < line:
                heapq.heappop(begun)
            yield -begun[0][1] if begun else OUTSIDE

    def symbol_id(self, position: int) -> str:
        each = self.code.declarations[position]
        return entity_id(self.document_id, each.kind, each.qualified_name, each.ordinal)


def segments(name: str) -> Sequence[str]:
    """`a.b().c` becomes `a`, `b()` and `c`; a cast, as in `<a.B>.c`, is one segment."""
    if name.startswith("<"):
        cast, _, rest = name.partition(">")
        return [f"{cast}>", *rest.split(".")[1:]]
    return name.split(".")


def guessed_by(reference: Reference) -> str:
    """The name of what a reference calls, if the source says nothing else about that; otherwise empty."""
    path = segments(reference.name)
    is_guess = path[0].startswith(UNKNOWN) and len(path) > 1 and reference.kind in CALLS
    return plain(path[-1]) if is_guess else ""


def plain(segment: str) -> str:
    """A segment without the signs of a call or a subscript."""
    return _AROUND.sub("", segment) if not segment.isidentifier() else segment


def packed(code: CodeMap) -> tuple[Any, ...]:
    """The map as plain tuples, of equal texts one, which marshal writes and reads once."""
    texts: dict[str, str] = {}

    def shared(value: Any) -> Any:
        # Not `sys.intern`: Python 3.12 never frees interned texts.
        return texts.setdefault(value, value) if type(value) is str else value

    declarations, bindings, typed = (
        [tuple(map(shared, each)) for each in part] for part in (code.declarations, code.bindings, code.typed)
    )
    references = [list(map(shared, each)) for each in columns_of(code.references)]
    return declarations, references, bindings, typed, code.package, code.settings


def unpacked(parts: tuple[Any, ...]) -> CodeMap:
    """The inverse of `packed`."""
    declarations, references, bindings, typed, package, settings = parts
    return CodeMap(
        _each(Declaration, declarations),
        References(references),
        _each(Binding, bindings),
        _each(Typed, typed),
        package,
        settings,
    )


def _each(kind: Any, rows: Iterable[Any]) -> list[Any]:
    """As `_make` does, without a call of Python for each row."""
    return list(map(partial(tuple.__new__, kind), rows))
