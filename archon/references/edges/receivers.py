"""In: symbols, and names that documents use as members of variables. Out: the documents in which the type of
the variable may have the symbols as members.

By names: a document is left out if no name in the project leads from the symbols' own types to the type that
it gives the variable. This is much cheaper than to resolve the variable in each document.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence

from archon.references.index.document import OUTSIDE, plain, segments
from archon.references.index.keys import base, member, standing
from archon.references.index.store import Key
from archon.references.index.type_names import ANYTHING, DEFAULT
from archon.references.project import Project


def receiving(
    project: Project, symbols: Collection[Key], names: Collection[str], *, any_type: bool
) -> Sequence[int]:
    """`names` are those of the symbols. `any_type`: variables of unknown types may have them, too."""
    used = [each for name in names for each in project.store.with_beginning(member(name))]
    types = None if any_type or not used else _Types(project, len(used)).having(symbols, names)
    return [number for type_, number in used if types is None or type_ in types]


class _Types:
    """Looks at no more than `most` types to tell whether they derive from others."""

    def __init__(self, project: Project, most: int) -> None:
        self._project = project
        self._left = most

    def having(self, symbols: Iterable[Key], names: Collection[str]) -> Collection[str] | None:
        """The names of what may give an instance of a type that has one of the symbols; None for any name."""
        owners: set[str] = set()
        declared = {ANYTHING}
        for number, position in symbols:
            each = self._project.store.document(number).code.declarations[position]
            declared.add(each.name)
            owners |= set(self._owners((number, position)))
        if not self._others(declared).isdisjoint({*names, DEFAULT}):
            return None  # an attribute may have the symbol as its value
        return self._leading_to(owners)

    def _owners(self, at: Key) -> Iterator[str]:
        declarations = self._project.store.document(at[0]).code.declarations
        each = declarations[at[1]]
        if each.parent != OUTSIDE:
            yield declarations[each.parent].name
        elif "." in each.qualified_name:
            yield each.qualified_name.split(".")[-2]

    def _leading_to(self, owners: Collection[str]) -> Collection[str] | None:
        found: set[str] = set()
        rest = {*owners, ANYTHING}
        while rest:
            name = rest.pop()
            found.add(name)
            rest |= {*self._standing(name), *self._derived(name, owners)} - found
            if self._left < 0 or DEFAULT in rest:
                return None
        return found

    def _others(self, names: Iterable[str]) -> set[str]:
        """All names that stand for one of these, in several steps."""
        found: set[str] = set()
        rest = [*names]
        while rest:
            new = {*self._standing(rest.pop())} - found
            found |= new
            rest += new
        return found

    def _standing(self, name: str) -> Iterator[str]:
        return (other for other, _ in self._project.store.with_beginning(standing(name)))

    def _derived(self, name: str, owners: Collection[str]) -> Iterator[str]:
        """The types with a base of this name that derive from one of the owners."""
        for number in self._project.store.with_key(base(name)):
            document = self._project.store.document(number)
            for position, bases in document.bases.items():
                if position != OUTSIDE and name in {plain(segments(each.name)[-1]) for each in bases}:
                    self._left -= 1
                    if self._left < 0:
                        return
                    if self._derives((number, position), owners):
                        yield document.code.declarations[position].name

    def _derives(self, at: Key, owners: Collection[str]) -> bool:
        """Also from an alias, whose types are not in its lineage."""
        resolver, memo = self._project.resolver, self._project.memo
        keys, _ = memo.get(("bases", at), lambda: resolver.lineage(at), ((), False), apart=True)
        for number, position in keys[1:]:
            declaration = self._project.store.document(number).code.declarations[position]
            if declaration.name in owners or declaration.kind == "type":
                return True
        return False
