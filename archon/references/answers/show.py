"""In: the name of a symbol. Out: the symbol with its members and bases."""

from collections.abc import Iterable
from typing import Final

from archon.contracts.code.answers import Shown, ShownSymbol
from archon.references.answers.pages import Page, page_of
from archon.references.answers.subjects import named
from archon.references.edges.walk import identity, place, symbol, symbols
from archon.references.index.document import OUTSIDE
from archon.references.index.store import Key
from archon.references.project import Project
from archon.references.resolution.meaning import Meanings

MOST_MEMBERS: Final = 100
MOST_BASES: Final = 50
"""Members and bases of one symbol in an answer."""


def show(project: Project, name: str, page: Page) -> Shown:
    """Raises NotFoundError."""
    part, after = page_of(named(project, name), page, lambda each: [identity(project, each)])
    found = [_shown(project, each) for each in part]
    return Shown(
        project_name=project.name,
        freshness=project.freshness,
        complete=after is None and not any(each.more_members or each.more_bases for each in found),
        next=after,
        symbols=found,
    )


def _shown(project: Project, key: Key) -> ShownSymbol:
    document = project.store.document(key[0])
    declaration = document.code.declarations[key[1]]
    parent = (key[0], declaration.parent)
    members = sorted(_members(project, key), key=lambda each: place(project, each))
    bases = list(dict.fromkeys(each.name for each in document.bases.get(key[1], ())))
    return ShownSymbol(
        symbol=symbol(project, key),
        content_hash=document.content_hash,
        parent=symbol(project, parent) if declaration.parent != OUTSIDE else None,
        members=[symbol(project, each) for each in members[:MOST_MEMBERS]],
        more_members=max(len(members) - MOST_MEMBERS, 0),
        bases={
            each: symbols(project, {found.at for found in _meant(project, key, each)})
            for each in bases[:MOST_BASES]
        },
        more_bases=max(len(bases) - MOST_BASES, 0),
        returns=declaration.returns,
    )


def _members(project: Project, key: Key) -> Iterable[Key]:
    document = project.store.document(key[0])
    own = [(key[0], each) for each in document.within.get(key[1], ())]
    if not document.is_type(key[1]):
        return own
    outside = project.resolver.rules(document).members(document, key[1]).values()
    return dict.fromkeys([*own, *(each for keys in outside for each in keys)])


def _meant(project: Project, key: Key, name: str) -> Meanings:
    resolver = project.resolver
    document = project.store.document(key[0])
    return resolver.symbols(resolver.path(document, key[1], name, outer=True))
