"""In: questions about a project's code, and the graph's changes. Out: answers, computed in threads along an
index that is current."""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import partial
from itertools import count
from types import TracebackType
from typing import Final, Self, TypeVar

from archon.contracts.code.answers import Impact, Neighbourhood, Outline, Relations, Route, Shown, Symbols
from archon.contracts.errors import InvalidInputError
from archon.references.answers.contents import contents_of
from archon.references.answers.find import find, symbols_of
from archon.references.answers.impact import Change, impact_of
from archon.references.answers.outline import outline
from archon.references.answers.pages import Page
from archon.references.answers.picture import neighbours, route
from archon.references.answers.relations import (
    Around,
    callees_of,
    callers_of,
    implementers_of,
    importers_of,
)
from archon.references.answers.show import show
from archon.references.edges.survey import SOME, WHOLE, Survey
from archon.references.port import (
    DEEPEST,
    LARGEST_LIMIT,
    LEAST_CONFIDENCE,
    LIMIT,
    Changes,
    ChangeSource,
    Filters,
)
from archon.references.project import Project
from archon.references.resolution.memo import STEPS, UNLIMITED, Effort

MEMORY_BYTES: Final = 320 * 1024 * 1024
"""Size of all indexes together; beyond it, the projects that were used least recently are dropped."""
MOST_INDEXES: Final = 64
"""Projects whose indexes are kept."""
THREADS: Final = 2
"""Answers that are computed at once."""

_SURVEYS: Final = 2
T = TypeVar("T")
_NO_FILTERS: Final = Filters()


class _Indexed:
    """A project's index, and who uses it."""

    def __init__(self, name: str) -> None:
        self.project = Project(name)
        self.cursor: str | None = None
        self.users = 0
        self.bytes = 0
        """As last measured: a look at the database waits for the thread that uses it."""
        self.survey: Survey | None = None
        self.computing = asyncio.Lock()
        """Held while a thread uses the index, even if nobody waits for it any more."""
        self.refreshing = asyncio.Lock()
        self.next: asyncio.Task[None] | None = None
        """A refresh that has not begun: it will see all changes up to now."""

    @property
    def idle(self) -> bool:
        """Whether neither a request nor a thread that outlived one uses the index."""
        return not (self.users or self.next or self.computing.locked() or self.refreshing.locked())


class References:
    """Implements `Questions`."""

    def __init__(
        self, source: ChangeSource, *, memory_bytes: int = MEMORY_BYTES, threads: int = THREADS
    ) -> None:
        self._source = source
        self._memory_bytes = memory_bytes
        self._threads = ThreadPoolExecutor(threads, "references")
        self._indexes: OrderedDict[str, _Indexed] = OrderedDict()
        self._efforts: set[Effort] = set()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Ends the threads and drops every index."""
        for effort in self._efforts:
            effort.ended = True
        await asyncio.to_thread(self._threads.shutdown, wait=True)
        for indexed in self._indexes.values():
            indexed.project.close()
        self._indexes.clear()

    @property
    def bytes(self) -> Mapping[str, int]:
        """Size of each index, the one that was used last at the end."""
        return {name: each.bytes for name, each in self._indexes.items()}

    async def find(
        self,
        project: str,
        name: str,
        filters: Filters = _NO_FILTERS,
        *,
        limit: int = LIMIT,
        after: str | None = None,
    ) -> Symbols:
        page = _page(limit, after)
        return await self._answer(project, lambda index: find(index, name, filters, page))

    async def symbols(self, project: str, path: str) -> Symbols:
        return await self._answer(project, lambda index: symbols_of(index, path))

    async def contents(self, project: str, paths: Sequence[str]) -> Mapping[str, str]:
        return await self._answer(project, lambda index: contents_of(index, paths))

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
        around = _around(depth, least, limit, after)
        return await self._answer(project, lambda index: callers_of(index, symbol, around))

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
        around = _around(depth, least, limit, after)
        return await self._answer(project, lambda index: callees_of(index, symbol, around))

    async def show(self, project: str, symbol: str, *, limit: int = LIMIT, after: str | None = None) -> Shown:
        page = _page(limit, after)
        return await self._answer(project, lambda index: show(index, symbol, page))

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
        around = _around(depth, least, limit, after)
        return await self._answer(project, lambda index: implementers_of(index, symbol, around))

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
        around = _around(depth, 0.0, limit, after)
        return await self._answer(project, lambda index: importers_of(index, symbol, path, around))

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
        around = _around(depth, least, limit, after)
        change = Change(symbols, paths, lines or {})
        return await self._answer(project, lambda index: impact_of(index, change, around))

    async def path(
        self,
        project: str,
        source: str,
        target: str,
        *,
        depth: int = DEEPEST,
        least: float = LEAST_CONFIDENCE,
    ) -> Route:
        _around(depth, least, LIMIT, None)
        return await self._answer(project, lambda index: route(index, source, target, depth, least))

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
        around = _around(depth, least, limit, None)
        return await self._answer(project, lambda index: neighbours(index, symbol, path, around))

    async def outline(self, project: str, *, limit: int = 20) -> Outline:
        """Looks at every reference once after each change; others are answered meanwhile."""
        page = _page(limit, None)
        async with self._used(project) as indexed:
            await self._refreshed(indexed)
            whole = await self._surveyed(indexed)
            return await self._computed(
                indexed, lambda: outline(indexed.project, whole, page.limit), shared=True
            )

    async def _surveyed(self, indexed: _Indexed) -> Survey:
        """Bit by bit; begins again if a document has changed meanwhile, but not for ever."""
        for attempt in count():
            survey = indexed.survey
            if survey is None or survey.generation != indexed.project.generation:
                survey = indexed.survey = await self._computed(
                    indexed, lambda: Survey(indexed.project), shared=True
                )
            size = SOME if attempt < _SURVEYS else WHOLE
            while survey.generation == indexed.project.generation:
                if await self._computed(indexed, partial(survey.go_on, size), shared=True):
                    return survey
        raise AssertionError

    async def _answer(self, name: str, question: Callable[[Project], T]) -> T:
        """Answers along all changes up to now."""
        async with self._used(name) as indexed:
            await self._refreshed(indexed)
            return await self._computed(indexed, lambda: question(indexed.project))

    @asynccontextmanager
    async def _used(self, name: str) -> AsyncIterator[_Indexed]:
        if name not in self._indexes:
            self._indexes[name] = _Indexed(name)
        indexed = self._indexes[name]
        self._indexes.move_to_end(name)
        indexed.users += 1
        try:
            yield indexed
        finally:
            indexed.users -= 1
            self._drop()

    async def _refreshed(self, indexed: _Indexed) -> None:
        """Joins the refresh that begins next, so that many requests share it."""
        if indexed.next is None:
            indexed.next = asyncio.create_task(self._refresh(indexed))
        await asyncio.shield(indexed.next)

    async def _refresh(self, indexed: _Indexed) -> None:
        async with indexed.refreshing:
            indexed.next = None
            more = True
            while more:
                changes = await self._source.changes(indexed.project.name, indexed.cursor)
                await self._computed(indexed, partial(self._apply, indexed, changes), shared=True)
                indexed.cursor, more = changes.cursor, changes.more

    def _apply(self, indexed: _Indexed, changes: Changes) -> None:
        """An index that fails halfway is not used again."""
        try:
            indexed.project.apply(changes)
        except BaseException:
            self._indexes.pop(indexed.project.name, None)
            raise

    async def _computed(self, indexed: _Indexed, work: Callable[[], T], *, shared: bool = False) -> T:
        """Runs in a thread, one at a time for each index. Work for one caller is limited, and ends when
        nobody waits for it any more; `shared`: neither."""
        effort = Effort(UNLIMITED if shared else STEPS)

        def counted() -> T:
            try:
                with indexed.project.memo.within(effort):
                    return work()
            finally:
                indexed.bytes = indexed.project.bytes

        async def held() -> T:
            async with indexed.computing:
                return await asyncio.get_running_loop().run_in_executor(self._threads, counted)

        task = asyncio.create_task(held())
        self._efforts.add(effort)
        task.add_done_callback(lambda _: self._efforts.discard(effort))
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            effort.ended = not shared
            task.add_done_callback(lambda done: done.cancelled() or done.exception())
            raise

    def _drop(self) -> None:
        """Drops indexes that nobody uses: those without documents, and as many as are beyond the limits,
        first those that alone take more than half, then those used least recently. The last one stays if it
        has documents."""
        idle = {name: each.project for name, each in self._indexes.items() if each.idle}
        for name in [name for name, project in idle.items() if not project.layout.documents]:
            self._indexes.pop(name)
            idle.pop(name).close()
        sizes = self.bytes
        total, count = sum(sizes.values()), len(sizes)
        large = [name for name, size in sizes.items() if size > self._memory_bytes / 2]
        for name in dict.fromkeys([*large, *list(sizes)[:-1]]):
            if (total <= self._memory_bytes and count <= MOST_INDEXES) or count == 1:
                return
            if name in idle:
                self._indexes.pop(name)
                idle.pop(name).close()
                total, count = total - sizes[name], count - 1


def _page(limit: int, after: str | None) -> Page:
    if not 1 <= limit <= LARGEST_LIMIT:
        raise InvalidInputError("limit", f"must be from 1 to {LARGEST_LIMIT}")
    return Page(limit, after)


def _around(depth: int, least: float, limit: int, after: str | None) -> Around:
    if not 1 <= depth <= DEEPEST:
        raise InvalidInputError("depth", f"must be from 1 to {DEEPEST}")
    if not 0 <= least <= 1:
        raise InvalidInputError("least", "must be from 0 to 1")
    return Around(depth, least, _page(limit, after))
