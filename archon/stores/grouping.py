"""In: requests of many callers. Out: few transactions: what comes while one is under way goes with the next.

A group that fails is tried again one by one, so that one caller's bad request is nobody else's.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextvars import Context, copy_context
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from archon.contracts.errors import StoreUnavailableError

Item = TypeVar("Item")
Answer = TypeVar("Answer")
MOST: Final = 16
"""Requests in a group."""


@dataclass(frozen=True, eq=False)
class _Waiting(Generic[Item, Answer]):
    item: Item
    future: asyncio.Future[Answer]
    context: Context


class Grouped(Generic[Item, Answer]):
    """`serve` answers several items in their order, and must bear being repeated.

    Items with one `key` are served in the order in which they came, never together. A group weighs `limit` at
    most, or is a single item. `lanes`: groups under way at once.
    """

    def __init__(
        self,
        serve: Callable[[Sequence[Item]], Awaitable[Sequence[Answer]]],
        *,
        key: Callable[[Item], str],
        lanes: int,
        weight: Callable[[Item], int] = lambda _: 1,
        limit: int = MOST,
    ) -> None:
        self._serve = serve
        self._key = key
        self._weight = weight
        self._lanes = lanes
        self._limit = limit
        self._waiting: list[_Waiting[Item, Answer]] = []
        self._running: dict[asyncio.Task[None], frozenset[str]] = {}

    async def ask(self, item: Item) -> Answer:
        """The answer for one item. Raises what serving it raised."""
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(item, future, copy_context()))
        self._start()
        return await future

    def _start(self) -> None:
        while len(self._running) < self._lanes and (group := self._taken()):
            # A transaction's spans belong to one trace: that of the first caller.
            task = asyncio.create_task(self._answered(group), context=group[0].context)
            self._running[task] = frozenset(self._key(each.item) for each in group)
            task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        del self._running[task]
        self._start()

    def _taken(self) -> list[_Waiting[Item, Answer]]:
        """The next group, taken from those that wait."""
        busy = set().union(*self._running.values())
        group: list[_Waiting[Item, Answer]] = []
        left, weight = [], 0
        for each in self._waiting:
            if each.future.done():  # its caller has given up
                continue
            key, own = self._key(each.item), self._weight(each.item)
            fits = len(group) < MOST and (not group or weight + own <= self._limit)
            if fits and key not in busy:
                group.append(each)
                weight += own
            else:
                left.append(each)
            busy.add(key)
        self._waiting = left
        return group

    async def _answered(self, group: Sequence[_Waiting[Item, Answer]]) -> None:
        try:
            answers = await self._serve([each.item for each in group])
        except Exception as error:  # noqa: BLE001  it is the callers'
            await self._apart(group, error)
        else:
            for each, answer in zip(group, answers, strict=True):
                if not each.future.done():
                    each.future.set_result(answer)

    async def _apart(self, group: Sequence[_Waiting[Item, Answer]], error: Exception) -> None:
        if len(group) == 1:
            if not group[0].future.done():
                group[0].future.set_exception(error)
        elif isinstance(error, StoreUnavailableError):
            # Each waits for a server that may be down: at once, or the last one waits for all the others.
            await asyncio.gather(*(self._answered([each]) for each in group))
        else:
            for each in group:
                await self._answered([each])
