"""In: questions about a project's code. Out: the answers, with freshness, and a cursor where there is
more."""

from typing import Annotated, Any, Final, NamedTuple

from fastapi import APIRouter, Depends, Query

from archon.contracts.code.answers import (
    Impact,
    Neighbourhood,
    Outline,
    Relations,
    Route,
    Shown,
    Symbols,
)
from archon.contracts.code.patches import Patch
from archon.contracts.errors import InvalidInputError
from archon.references.port import DEEPEST, LARGEST_LIMIT, LEAST_CONFIDENCE, LIMIT, Filters
from bridge.graph.asking import Asking, AskingDep, QuestionsDep
from bridge.graph.examples import PATCH, RELATIONS
from bridge.graph.patches import impact_of
from bridge.graph.sources import with_texts
from bridge.requests.access import GuardedRoute, Reader
from bridge.requests.dependencies import REFUSED, UNREAD, StoresDep, problem

_NAMES: Final = 100
"""Maximum number of values of a repeated parameter."""
_OUTLINE: Final = 20

router = APIRouter(
    prefix="/api/bridge/graph",
    tags=["graph"],
    responses={**REFUSED, 404: problem("There is no such symbol or file; the problem names near matches")},
    route_class=GuardedRoute,
)

SymbolQuery = Annotated[
    str,
    Query(
        min_length=1,
        max_length=1024,
        description="A name, the end of a dotted name, `path:Name`, or a symbol_id; may match several.",
        examples=["Store.save", "src/store.py:Store.save"],
    ),
]
PathQuery = Annotated[
    str | None, Query(min_length=1, max_length=4096, description="A file's path.", examples=["src/store.py"])
]
DepthQuery = Annotated[int, Query(ge=1, le=DEEPEST, description="Maximum number of steps.")]
LimitQuery = Annotated[int, Query(ge=1, le=LARGEST_LIMIT, description="Entries of a page.")]
LeastQuery = Annotated[
    float,
    Query(ge=0, le=1, description="Relations of less confidence are left out, such as ambiguous names."),
]
AfterQuery = Annotated[str | None, Query(max_length=4096, description="`next` of the previous page.")]


class Page(NamedTuple):
    least: float
    limit: int
    after: str | None


async def _page(
    min_confidence: LeastQuery = LEAST_CONFIDENCE, limit: LimitQuery = LIMIT, after: AfterQuery = None
) -> Page:
    return Page(min_confidence, limit, after)


PageDep = Annotated[Page, Depends(_page)]
_RELATIONS: Final[dict[int | str, dict[str, Any]]] = {
    200: {"content": {"application/json": {"example": RELATIONS}}}
}


@router.get("/find", operation_id="find_symbols")
async def find_symbols(
    asking: AskingDep,
    name: Annotated[
        str,
        Query(
            min_length=1, max_length=1024, description="A name or its beginning; `*` and `?` are wildcards."
        ),
    ],
    kind: Annotated[list[str] | None, Query(max_length=_NAMES, examples=[["function", "method"]])] = None,
    path: Annotated[
        str | None, Query(max_length=4096, description="A directory, or a glob: `src/**`.")
    ] = None,
    language: Annotated[list[str] | None, Query(max_length=_NAMES)] = None,
    tests: Annotated[bool | None, Query(description="true: only tests; false: no tests.")] = None,
    limit: LimitQuery = LIMIT,
    after: AfterQuery = None,
) -> Symbols:
    """Symbols by name, the best match first: the exact name, the end of a dotted name, its beginning."""
    filters = Filters(tuple(kind or ()), path, tuple(language or ()), tests)
    return await asking.answer(asking.questions.find(asking.project, name, filters, limit=limit, after=after))


@router.get("/show", operation_id="show_symbol")
async def show_symbol(
    asking: AskingDep,
    stores: StoresDep,
    symbol: SymbolQuery,
    limit: Annotated[int, Query(ge=1, le=100, description="Symbols of that name.")] = 20,
) -> Shown:
    """A symbol with its source text, documentation, members and bases, from the content that was analysed
    last."""
    found = await asking.answer(asking.questions.show(asking.project, symbol, limit=limit))
    return await with_texts(stores, found)


@router.get("/callers", operation_id="find_callers", responses=_RELATIONS)
async def find_callers(
    asking: AskingDep, symbol: SymbolQuery, page: PageDep, depth: DepthQuery = 1
) -> Relations:
    """What refers to a symbol: calls, instances, subclasses, annotations and other mentions."""
    return await asking.answer(
        asking.questions.callers(asking.project, symbol, depth=depth, **page._asdict())
    )


@router.get("/callees", operation_id="find_callees")
async def find_callees(
    asking: AskingDep, symbol: SymbolQuery, page: PageDep, depth: DepthQuery = 1
) -> Relations:
    """The symbols that a symbol, and the symbols within it, refer to."""
    return await asking.answer(
        asking.questions.callees(asking.project, symbol, depth=depth, **page._asdict())
    )


@router.get("/implementers", operation_id="find_implementers")
async def find_implementers(
    asking: AskingDep, symbol: SymbolQuery, page: PageDep, depth: DepthQuery = DEEPEST
) -> Relations:
    """Subclasses and implementations of a type; methods that override a method."""
    work = asking.questions.implementers(asking.project, symbol, depth=depth, **page._asdict())
    return await asking.answer(work)


@router.get("/importers", operation_id="find_importers")
async def find_importers(
    asking: AskingDep,
    symbol: Annotated[SymbolQuery | None, Query()] = None,
    path: PathQuery = None,
    depth: DepthQuery = 1,
    limit: LimitQuery = LIMIT,
    after: AfterQuery = None,
) -> Relations:
    """Files that import a symbol, or a file; `depth` applies to a file."""
    _one_of(symbol, path)
    work = asking.questions.importers(
        asking.project, symbol=symbol, path=path, depth=depth, limit=limit, after=after
    )
    return await asking.answer(work)


@router.get("/path", operation_id="find_path")
async def find_path(
    asking: AskingDep,
    source: SymbolQuery,
    target: SymbolQuery,
    depth: DepthQuery = DEEPEST,
    min_confidence: LeastQuery = LEAST_CONFIDENCE,
) -> Route:
    """The shortest way from one symbol to another, along what each refers to; without steps if there is
    none."""
    work = asking.questions.path(asking.project, source, target, depth=depth, least=min_confidence)
    return await asking.answer(work)


@router.get("/neighbours", operation_id="find_neighbours")
async def find_neighbours(
    asking: AskingDep,
    symbol: Annotated[SymbolQuery | None, Query()] = None,
    path: PathQuery = None,
    depth: DepthQuery = 1,
    min_confidence: LeastQuery = LEAST_CONFIDENCE,
    limit: LimitQuery = LIMIT,
) -> Neighbourhood:
    """What surrounds a symbol or a file, as nodes and edges to draw."""
    _one_of(symbol, path)
    work = asking.questions.neighbours(
        asking.project, symbol=symbol, path=path, depth=depth, least=min_confidence, limit=limit
    )
    return await asking.answer(work)


@router.get("/outline", operation_id="outline_project")
async def outline_project(
    asking: AskingDep,
    limit: Annotated[int, Query(ge=1, le=LARGEST_LIMIT, description="Entries of each list.")] = _OUTLINE,
) -> Outline:
    """The project in large: directories, symbols that much refers to, cycles of imports, and unused
    symbols."""
    return await asking.answer(asking.questions.outline(asking.project, limit=limit))


@router.get("/symbols", operation_id="list_symbols")
async def list_symbols(
    asking: AskingDep,
    path: Annotated[str, Query(min_length=1, max_length=4096, examples=["src/store.py"])],
) -> Symbols:
    """The symbols of a file, in order of appearance."""
    return await asking.answer(asking.questions.symbols(asking.project, path))


@router.get("/impact", operation_id="find_impact")
async def find_impact(
    asking: AskingDep,
    page: PageDep,
    symbol: Annotated[list[SymbolQuery] | None, Query(max_length=_NAMES)] = None,
    path: Annotated[
        list[Annotated[str, Query(min_length=1, max_length=4096)]] | None,
        Query(max_length=_NAMES, description="A file that changes as a whole."),
    ] = None,
    depth: DepthQuery = 3,
) -> Impact:
    """What depends on symbols or files, the nearest first, tests apart."""
    if not symbol and not path:
        raise InvalidInputError("symbol", "needed, or `path`")
    work = asking.questions.impact(
        asking.project, symbols=symbol or (), paths=path or (), depth=depth, **page._asdict()
    )
    return await asking.answer(work)


@router.post("/impact", operation_id="find_impact_of_patch", responses=UNREAD)
async def find_impact_of_patch(
    caller: Reader,
    questions: QuestionsDep,
    patch: Annotated[Patch, PATCH],
    page: PageDep,
    depth: DepthQuery = 3,
) -> Impact:
    """What depends on the changed lines of a patch.

    `unknown_paths` are files that the project does not have. `differing_paths` are files with other content
    than both sides of the patch, so their lines may be others; index the files again first.
    """
    caller.require(patch.project)
    asking = Asking(questions, caller, patch.project)
    asking.spend(len(patch.files))
    return await asking.answer(impact_of(questions, patch, depth=depth, **page._asdict()))


def _one_of(symbol: str | None, path: str | None) -> None:
    if (symbol is None) == (path is None):
        raise InvalidInputError("symbol", "needed, or `path`, and not both")
