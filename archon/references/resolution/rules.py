"""In: languages. Out: the port that the rules of each family of languages implement, and what they
build on."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from archon.contracts.code.references import Binding
from archon.references.index.document import Document
from archon.references.index.layout import Layout
from archon.references.index.store import Key
from archon.references.resolution.meaning import Meanings
from archon.references.resolution.memo import Memo


class Lookup(Protocol):
    """What rules may ask the resolver."""

    layout: Layout
    memo: Memo

    def document(self, number: int) -> Document: ...

    def path(self, document: Document, source: int, path: str, *, outer: bool = False) -> Meanings:
        """The meaning of a dotted path in a declaration. `outer`: as its decorators and bases see it."""

    def lineage(self, at: Key) -> tuple[Sequence[Key], bool]:
        """A type and its bases in the order in which members are looked up; whether it has bases outside of
        the project."""

    def member(self, at: Key, name: str) -> Meanings:
        """A member of a type or of its bases."""

    def variable(self, document: Document, scope: int, name: str) -> Meanings:
        """The values of a variable whose type the source states; empty if there is none of this name."""

    def by_name(self, document: Document, name: str) -> Meanings:
        """All symbols of the project with this name that the document may mean."""


class Rules(Protocol):
    """How a family of languages looks names up."""

    constructors: Sequence[str]
    """Names of the methods that make an instance."""

    def head(self, document: Document, source: int, name: str, *, outer: bool) -> Meanings:
        """The first name of a path. Empty if nothing of that name is known; EXTERNAL if it is not the
        project's."""

    def bound(self, document: Document, binding: Binding) -> Meanings:
        """What an import leads to."""

    def module_member(self, place: str, name: str) -> Meanings:
        """Names that a module offers."""

    def targets(self, document: Document, binding: Binding) -> Sequence[int]:
        """The documents that an import leads to."""

    def settle(self, document: Document, positions: Sequence[int]) -> Sequence[int]:
        """Of several declarations of one name in one scope, those that count."""

    def members(self, document: Document, position: int) -> Mapping[str, Sequence[Key]]:
        """Members of a type that are declared outside of it."""
