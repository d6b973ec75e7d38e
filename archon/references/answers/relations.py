"""In: questions about what refers to what. Out: pages of relations."""

from collections.abc import Sequence
from typing import NamedTuple

from archon.contracts.code.answers import Relations
from archon.contracts.errors import InvalidInputError
from archon.references.answers.pages import Page, page_of
from archon.references.answers.subjects import documents, subjects
from archon.references.edges.edges import Edges
from archon.references.edges.imports import imports_into, imports_of_symbols
from archon.references.edges.types import implementers
from archon.references.edges.walk import Reached, Walk, callees, callers, identity, relation, symbols
from archon.references.index.document import OUTSIDE
from archon.references.index.store import Key
from archon.references.project import Project


class Around(NamedTuple):
    """How far a question goes, and which page of the answer it wants."""

    depth: int
    least: float
    page: Page


def callers_of(project: Project, name: str, around: Around) -> Relations:
    keys, every = subjects(project, name)
    edges, walk = Edges(project, around.least), Walk(project, around.least)
    reached = walk.back(keys, around.depth, callers(edges))
    complete = every and walk.complete and edges.complete
    return answered(project, keys, reached, around.page, complete=complete)


def callees_of(project: Project, name: str, around: Around) -> Relations:
    keys, every = subjects(project, name)
    edges, walk = Edges(project, around.least), Walk(project, around.least)
    reached = walk.forth(keys, around.depth, callees(edges))
    complete = every and walk.complete and edges.complete
    return answered(project, keys, reached, around.page, complete=complete)


def implementers_of(project: Project, name: str, around: Around) -> Relations:
    keys, every = subjects(project, name)
    reached, complete = implementers(project, Edges(project), keys, around.depth, around.least)
    return answered(project, keys, reached, around.page, complete=every and complete)


def importers_of(project: Project, name: str | None, path: str | None, around: Around) -> Relations:
    """Raises NotFoundError, InvalidInputError."""
    if (name is None) == (path is None):
        raise InvalidInputError("symbol", "give either a symbol or a path")
    walk = Walk(project, around.least, files=True)
    edges = Edges(project)
    keys: Sequence[Key]
    if name is not None:
        keys, every = subjects(project, name)
        reached = walk.back(keys, 1, lambda each, _: imports_of_symbols(project, edges, each))
        complete = every and walk.complete and edges.complete
        return answered(project, keys, reached, around.page, complete=complete)
    keys = [(each, OUTSIDE) for each in documents(project, path or "")]
    reached = walk.back(keys, around.depth, lambda each, _: imports_into(project, each))
    return answered(project, (), reached, around.page, complete=walk.complete)


def answered(
    project: Project, keys: Sequence[Key], reached: Sequence[Reached], page: Page, *, complete: bool
) -> Relations:
    """One page of what was reached."""
    part, after = page_of(reached, page, lambda each: (each.depth, identity(project, each.at)))
    relations = [relation(project, each) for each in part]
    return Relations(
        project_name=project.name,
        freshness=project.freshness,
        complete=complete and after is None and not any(each.more_sites for each in relations),
        next=after,
        subjects=symbols(project, keys),
        relations=relations,
    )
