"""In: symbols, and names under which documents may refer to them. Out: the documents that mention a name as a
member of a variable of a type, or import it, so that it may be one of the symbols.

By names: a document is left out if no name in the project leads from the symbols' own types or modules to
that of the document. This is much cheaper than to resolve the name in each document.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence

from archon.references.edges.aliases import ends_of
from archon.references.index.document import OUTSIDE, plain, segments
from archon.references.index.keys import base, imported, member, standing
from archon.references.index.store import Key
from archon.references.index.type_names import ANYTHING, DEFAULT
from archon.references.project import Project


def receiving(
    project: Project, symbols: Collection[Key], names: Collection[str], *, any_type: bool
) -> Sequence[int]:
    """Documents with variables. `any_type`: also those of unknown types may have the symbols."""
    used = [each for name in names for each in project.store.with_beginning(member(name))]
    any_type = any_type or not used or _is_value(project, symbols, names)
    types = None if any_type else _Types(project, len(used)).leading_to(symbols)
    return [number for type_, number in used if types is None or type_ in types]


def importing_from(project: Project, symbols: Collection[Key], names: Collection[str]) -> Collection[int]:
    """Documents with imports, of the symbols' modules or of others that import from these."""
    used = [each for name in names for each in project.store.with_beginning(imported(name))]
    if not used or _is_value(project, symbols, names):
        return {number for _, number in used}
    by_module: dict[str, set[int]] = defaultdict(set)
    for module, number in (*used, *project.store.with_beginning(imported("*"))):
        by_module[module].add(number)
    found: set[int] = set()
    rest = {
        number
        for number, position in symbols
        if project.resolver.declaration((number, position)).parent == OUTSIDE
    }
    while rest:
        for end in ends_of(project, project.store.document(rest.pop())):
            new = by_module.pop(end, set()) - found
            found |= new
            rest |= new
    return found


def _is_value(project: Project, symbols: Iterable[Key], names: Collection[str]) -> bool:
    """Whether one of the names may stand for a symbol of another name, or be a variable or attribute whose
    value is a symbol."""
    found: set[str] = set()
    rest = [ANYTHING, *(project.resolver.declaration(each).name for each in symbols)]
    while rest:
        new = {*_standing(project, rest.pop())} - found
        found |= new
        rest += new
    return not found.isdisjoint({*names, DEFAULT})


def _standing(project: Project, name: str) -> Iterator[str]:
    return (other for other, _ in project.store.with_beginning(standing(name)))


class _Types:
    """Looks at no more than `most` types to tell whether they derive from others."""

    def __init__(self, project: Project, most: int) -> None:
        self._project = project
        self._left = most

    def leading_to(self, symbols: Iterable[Key]) -> Collection[str] | None:
        """The names of what may give an instance of a type that has one of the symbols; None for any name."""
        owners = {name for each in symbols for name in self._owners(each)}
        found: set[str] = set()
        rest = {*owners, ANYTHING}
        while rest:
            name = rest.pop()
            found.add(name)
            rest |= {*_standing(self._project, name), *self._derived(name, owners)} - found
            if self._left < 0 or DEFAULT in rest:
                return None
        return found

    def _owners(self, at: Key) -> Iterator[str]:
        declarations = self._project.store.document(at[0]).code.declarations
        each = declarations[at[1]]
        if each.parent != OUTSIDE:
            yield declarations[each.parent].name
        elif "." in each.qualified_name:
            yield each.qualified_name.split(".")[-2]

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
        for key in keys[1:]:
            declaration = self._project.resolver.declaration(key)
            if declaration.name in owners or declaration.kind == "type":
                return True
        return False
