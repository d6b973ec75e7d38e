"""In: what a parser sees in one document. Out: what the document declares and refers to, packed for the
graph.

A query resolves references, by all code maps at that time; so nothing here depends on another document.

Names and types are paths: names joined with dots. `()` after a name is the result of its call, `[]` an
element by subscript, `*` each element of an iteration: `get_store().items[].save`. The head `?` is an
unknown receiver, `<T>` an instance of the type T. A type `[]T` is a collection of T, `{}T` a mapping to T.
"""

from collections.abc import Sequence
from typing import Final, Literal, NamedTuple

ReferenceKind = Literal["call", "new", "inherit", "override", "decorate", "annotate", "use"]
"""`new`: an instance is made, where the syntax says so. `use`: any other mention of a name, such as a
function that is passed as an argument."""


class Reference(NamedTuple):
    """A name that the document mentions: `client.get`, `self.save`, `Store`. It stands for the beginnings of
    its path as well: `a.b` uses `a`. `line` has the last name; lines count from 1. `source` is the index of
    the innermost declaration around it, -1 outside of all; a decorator or a base belongs to its
    declaration."""

    kind: ReferenceKind
    name: str
    line: int
    source: int


class Binding(NamedTuple):
    """An imported name. `module` is spelled as in the source (`..store`, `./api`, `net/http`); `name`
    is the name there, empty for the module itself, `*` for all its names. `local` is the name in this
    document, empty for `*` and for an import that binds nothing. `exported`: this document offers the
    name to others (`export {x} from`)."""

    local: str
    module: str
    name: str
    line: int
    exported: bool


class Typed(NamedTuple):
    """A variable or attribute with a known type. `name` is as references write it: `client`, `self.store`.
    `type` is a type; if `made`, the path of the called function or class; if `value`, the path of an
    expression with the same value. A name may have several. `source` as in Reference: the variable is known
    inside that declaration; for an attribute it is the type."""

    name: str
    type: str
    source: int
    made: bool
    value: bool = False


class Declaration(NamedTuple):
    """A symbol. `kind`, `qualified_name` and `ordinal` identify it in its document, as Entity does.
    `parent` is the index of the declaration around it, -1 for none. `returns`: dotted name of the
    declared result type. `exported`: the name under which other documents import it, None if they
    cannot."""

    kind: str
    name: str
    qualified_name: str
    ordinal: int
    start_line: int
    end_line: int
    parent: int
    returns: str | None
    exported: str | None


class CodeMap(NamedTuple):
    """All that resolution needs of one document, in order of appearance. `package`: the declared
    package or namespace (Java, Go, C#, ...); `roots`: what configuration files add, such as the paths
    of a tsconfig, as JSON."""

    declarations: list[Declaration]
    references: Sequence[Reference]
    bindings: list[Binding]
    typed: list[Typed]
    package: str = ""
    settings: str = ""


DECLARATIONS_LIMIT: Final = 20_000
REFERENCES_LIMIT: Final = 50_000
