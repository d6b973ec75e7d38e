"""In: symbols and references of a project. Out: the answers to questions about its code.

Every answer says how each relation was found and how sure it is, what of it is older than its document,
and whether it was cut off.
"""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from archon.contracts.types import DocumentId, Model, ProjectName


class How(StrEnum):
    """How a reference was resolved, the surest first."""

    SAME_DOCUMENT = "same_document"
    IMPORT = "import"
    SAME_PACKAGE = "same_package"
    TYPED = "typed"
    """By the type of the receiver, as the source states it."""
    INHERITED = "inherited"
    UNIQUE_NAME = "unique_name"
    """The project has one symbol of this name."""
    AMBIGUOUS = "ambiguous"
    """The name has several candidates."""


CERTAIN = 0.9
"""Relations of at least this confidence are given as certain."""

Confidence = Annotated[float, Field(ge=0, le=1)]


class Symbol(Model):
    """A declaration. Lines count from 1, inclusive. `test`: by its path or name it is a part of tests."""

    symbol_id: str
    document_id: DocumentId
    file_path: str
    language: str | None
    kind: str
    name: str
    qualified_name: str
    start_line: int
    end_line: int
    test: bool = False


class Site(Model):
    """One place where a symbol is referred to."""

    document_id: DocumentId
    file_path: str
    line: int
    kind: str
    how: How
    confidence: Confidence


class Relation(Model):
    """A symbol, or a document outside of all symbols (`symbol` is None), that refers to another.
    `depth` counts from 1; `of` is the symbol_id (or document_id) at depth - 1 that it refers to, or is
    referred to by. `sites` has the surest ones, and `more_sites` counts the others. `confidence`: of the
    whole way from the subject, the product of the surest sites."""

    symbol: Symbol | None
    document_id: DocumentId
    file_path: str
    depth: int
    of: str
    sites: list[Site]
    more_sites: int = 0
    confidence: Confidence
    test: bool = False
    """Whether it belongs to tests."""


class Freshness(Model):
    """`documents` of the project were looked at; `waiting` of them have newer content that is not
    analysed yet, and answers speak of their former content; `unanalysed` have none at all."""

    documents: int
    waiting: int
    unanalysed: int


class Answer(Model):
    """`complete` is False if a limit cut the answer off; `next`: the `after` of the next page, None at
    the end."""

    project_name: ProjectName
    freshness: Freshness
    complete: bool = True
    next: str | None = None


class Symbols(Answer):
    """Answer of *find*: the best match first."""

    symbols: list[Symbol]


class Relations(Answer):
    """Answer of *callers*, *callees*, *implementers* and *importers*. `subjects` has several symbols
    if the name is ambiguous, the first 50 of them; the relations are those of all `subjects`."""

    subjects: list[Symbol]
    relations: list[Relation]


class ShownSymbol(Model):
    """A symbol with what surrounds it. `bases` are names as written, with the symbols that they mean.
    `more_members` and `more_bases` count those that are not listed.
    `source` is the text of its lines, from the content under `content_hash`; None if that content is
    gone."""

    symbol: Symbol
    content_hash: str
    parent: Symbol | None = None
    members: list[Symbol] = Field(default_factory=list)
    more_members: int = 0
    bases: dict[str, list[Symbol]] = Field(default_factory=dict)
    more_bases: int = 0
    returns: str | None = None
    signature: str | None = None
    documentation: str | None = None
    source: str | None = None


class Shown(Answer):
    """Answer of *show*: all symbols of that name."""

    symbols: list[ShownSymbol]


class Changed(Model):
    """A changed symbol. `tested`: a test refers to it, directly or through others, within the depth of
    the question."""

    symbol: Symbol
    tested: bool


class Impact(Answer):
    """Answer of *impact*. `changed` are the subjects, innermost symbols of the changed lines, at most 1,000
    of them; `documents` the changed files. `relations` are what depends on them, the nearest first, without
    tests; `tests` are those of them that belong to tests. A page has `limit` of both together."""

    changed: list[Changed]
    documents: list[DocumentId] = Field(default_factory=list)
    unknown_paths: list[str] = Field(default_factory=list)
    differing_paths: list[str] = Field(default_factory=list)
    """Files whose content is on neither side of the patch of the question, so their lines may be others."""
    relations: list[Relation]
    tests: list[Relation]


class RouteStep(Model):
    """One step: `symbol` is referred to by the step before, at `sites`; the first has none."""

    symbol: Symbol | None
    document_id: DocumentId
    file_path: str
    sites: list[Site] = Field(default_factory=list)
    more_sites: int = 0


class Route(Answer):
    """Answer of *path*: the steps from source to target, both included; empty if no way exists."""

    sources: list[Symbol]
    targets: list[Symbol]
    steps: list[RouteStep]
    confidence: Confidence | None = None


class Node(Model):
    """A symbol or, where `symbol` is None, a document. `node_id` is the symbol_id or document_id."""

    node_id: str
    symbol: Symbol | None
    document_id: DocumentId
    file_path: str
    depth: int
    """Distance from the centre, which has 0."""


class Edge(Model):
    """`source` refers to `target`. `kinds`: of its references, such as call, or import; `count` of them."""

    source: str
    target: str
    kinds: list[str]
    count: int
    confidence: Confidence


class Neighbourhood(Answer):
    """Answer of *neighbours*: a graph to draw."""

    nodes: list[Node]
    edges: list[Edge]


class Package(Model):
    """The documents of one directory."""

    path: str
    languages: list[str]
    documents: int
    tests: int
    symbols: int
    lines: int
    """Up to the last symbol of each document."""


class Hub(Model):
    """A symbol that much of the project refers to: number of documents, and of places in them."""

    symbol: Symbol
    documents: int
    references: int


class Outline(Answer):
    """Answer of *outline*. `cycles` are groups of files that import each other in a cycle. `dead` are
    symbols to which no reference leads; `caveat` says what that does not prove."""

    packages: list[Package]
    hubs: list[Hub]
    cycles: list[list[str]]
    dead: list[Symbol]
    caveat: str
