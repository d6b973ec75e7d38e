"""In: the name of a symbol. Out: the symbol with its members and bases."""

from collections.abc import Iterable

from archon.contracts.code.answers import Shown, ShownSymbol
from archon.references.answers.pages import Page, page_of
from archon.references.answers.subjects import subjects
from archon.references.edges.walk import identity, symbol, symbols
from archon.references.index.document import OUTSIDE
from archon.references.index.store import Key
from archon.references.project import Project
from archon.references.resolution.meaning import Meanings


def show(project: Project, name: str, page: Page) -> Shown:
    """Raises NotFoundError."""
    part, after = page_of(subjects(project, name), page, lambda each: [identity(project, each)])
    return Shown(
        project_name=project.name,
        freshness=project.freshness,
        complete=after is None,
        next=after,
        symbols=[_shown(project, each) for each in part],
    )


def _shown(project: Project, key: Key) -> ShownSymbol:
    document = project.store.document(key[0])
    declaration = document.code.declarations[key[1]]
    parent = (key[0], declaration.parent)
    return ShownSymbol(
        symbol=symbol(project, key),
        content_hash=document.content_hash,
        parent=symbol(project, parent) if declaration.parent != OUTSIDE else None,
        members=symbols(project, _members(project, key)),
        bases={
            each.name: symbols(project, {found.at for found in _meant(project, key, each.name)})
            for each in document.bases.get(key[1], ())
        },
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
