"""In: changed documents from the graph. Out: answers to questions about a project's code.

Both sides of this room: what it needs (`ChangeSource`), and what it offers (`Questions`).
"""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple, Protocol

from archon.contracts.code.answers import (
    Freshness,
    Impact,
    Neighbourhood,
    Outline,
    Relations,
    Route,
    Shown,
    Symbols,
)

LIMIT: Final = 100
"""Entries of a page if the question gives no limit."""
LARGEST_LIMIT: Final = 1000
DEEPEST: Final = 10
"""Maximum depth of a question."""
LEAST_CONFIDENCE: Final = 0.2
"""Relations below this confidence are left out if the question gives no minimum: it hides a name that
has more than two candidates."""


class ChangedDocument(NamedTuple):
    """A document that appeared, changed or moved. `code_map` describes the content under `content_hash`, as
    contracts.code.packing has it: unpacked, a page of documents may not fit into memory. It is None for a
    document that was never analysed, or in which nothing is code. `file_path` is the present path."""

    document_id: str
    file_path: str
    language: str | None
    content_hash: str
    code_map: str | None


class Changes(NamedTuple):
    """One page of changes. `gone` are the ids of deleted documents. `cursor` is passed to the next
    call; if `more`, that call is due at once. A document may be repeated; its last occurrence counts."""

    documents: Sequence[ChangedDocument]
    gone: Sequence[str]
    cursor: str
    freshness: Freshness
    more: bool = False


class ChangeSource(Protocol):
    """The graph, as far as this room reads it."""

    async def changes(self, project: str, since: str | None) -> Changes:
        """Changes after the cursor `since`; all documents of the project if it is None.
        Raises StoreError."""


class Filters(NamedTuple):
    """Restricts *find*. `path` is a glob over the whole path (`src/**`, `*.py`), or the path of a
    directory."""

    kinds: Sequence[str] = ()
    path: str | None = None
    languages: Sequence[str] = ()
    tests: bool | None = None
    """True: only tests; False: without tests."""


class Questions(Protocol):
    """Every method raises NotFoundError, with near matches in its message, if there is no such symbol or
    file, and InvalidInputError for a wrong argument.

    A `symbol` is a symbol_id, a name (`save`), the end of a qualified name (`Store.save`), or a path and
    the end of a qualified name (`src/store.py:Store.save`); the first 50 symbols that match are subjects.
    `after` is `next` of the previous page. The message of NotFoundError begins with "project X has no
    documents" where that is the reason.
    """

    async def find(
        self,
        project: str,
        name: str,
        filters: Filters = Filters(),  # noqa: B008  immutable
        *,
        limit: int = LIMIT,
        after: str | None = None,
    ) -> Symbols:
        """Symbols by exact name, end of the qualified name, glob (`get_*`, `Store.*`) or beginning of
        the name, in this order of quality; upper and lower case are equal, but an equal spelling comes
        first."""

    async def show(self, project: str, symbol: str, *, limit: int = LIMIT, after: str | None = None) -> Shown:
        """Symbols with their members and bases; the caller adds the source text."""

    async def callers(
        self,
        project: str,
        symbol: str,
        *,
        depth: int = 1,
        least: float = LEAST_CONFIDENCE,
        limit: int = LIMIT,
        after: str | None = None,
    ) -> Relations:
        """What refers to a symbol, by any kind of reference, up to `depth` steps away."""

    async def callees(
        self,
        project: str,
        symbol: str,
        *,
        depth: int = 1,
        least: float = LEAST_CONFIDENCE,
        limit: int = LIMIT,
        after: str | None = None,
    ) -> Relations:
        """Symbols to which a symbol, or the symbols within it, refer."""

    async def implementers(
        self,
        project: str,
        symbol: str,
        *,
        depth: int = DEEPEST,
        least: float = LEAST_CONFIDENCE,
        limit: int = LIMIT,
        after: str | None = None,
    ) -> Relations:
        """Subclasses and implementing types of a type; overriding methods of a method."""

    async def importers(
        self,
        project: str,
        *,
        symbol: str | None = None,
        path: str | None = None,
        depth: int = 1,
        limit: int = LIMIT,
        after: str | None = None,
    ) -> Relations:
        """Documents that import a symbol, or a file by its path or document id. `depth` applies to files."""

    async def impact(
        self,
        project: str,
        *,
        symbols: Sequence[str] = (),
        paths: Sequence[str] = (),
        lines: Mapping[str, Sequence[tuple[int, int]]] | None = None,
        depth: int = 3,
        least: float = LEAST_CONFIDENCE,
        limit: int = LIMIT,
        after: str | None = None,
    ) -> Impact:
        """All that depends on what changed: on `symbols`, on whole files `paths`, or on the changed
        `lines` of files (path to ranges, inclusive, from 1). A path without a document is listed as
        `unknown_paths`."""

    async def path(
        self, project: str, source: str, target: str, *, depth: int = DEEPEST, least: float = LEAST_CONFIDENCE
    ) -> Route:
        """The shortest way of references from one symbol to another; empty if there is none."""

    async def neighbours(
        self,
        project: str,
        *,
        symbol: str | None = None,
        path: str | None = None,
        depth: int = 1,
        least: float = LEAST_CONFIDENCE,
        limit: int = LIMIT,
    ) -> Neighbourhood:
        """Nodes and edges around a symbol, or around a file and its imports, for a picture."""

    async def outline(self, project: str, *, limit: int = 20) -> Outline:
        """The project in large: packages, hubs, cycles of imports, and symbols that nothing refers to;
        at most `limit` of each."""

    async def contents(self, project: str, paths: Sequence[str]) -> Mapping[str, str]:
        """The content hash of the analysed content of each path; paths without a document are left out."""

    async def symbols(self, project: str, path: str) -> Symbols:
        """All symbols of a file, in order of appearance; `qualified_name` shows how they nest."""
