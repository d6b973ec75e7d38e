"""In: requests of many callers. Out: few transactions: requests that arrive during a transaction share the
next one.

With many active callers, a group waits briefly for more requests, like a Kafka producer lingers for its
batch: a transaction for eight documents costs nearly the same as for one.

The requests of a failed group are tried again one by one, so that an invalid request only affects its own
caller.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextvars import Context, copy_context
from dataclasses import dataclass
from operator import itemgetter
from typing import Final, Generic, TypeVar

from archon.contracts.errors import StoreUnavailableError
from archon.runtime.flow.at_work import NOBODY, Count

Item = TypeVar("Item")
Answer = TypeVar("Answer")
MOST: Final = 16
"""Maximum number of requests in a group."""
LINGER: Final = 0.25
"""Maximum seconds that the first request of a group waits for others, if no client waits for its answer."""
SHORT_LINGER: Final = 0.01
"""The same if a client waits."""
ENOUGH: Final = 8
"""A group of this size waits for no others."""
CROWD: Final = 4
"""With fewer active callers, nobody waits for them: a single document must be as fast as possible."""


@dataclass(frozen=True, eq=False)
class _Waiting(Generic[Item, Answer]):
    item: Item
    future: asyncio.Future[Answer]
    context: Context
    since: float


class Grouped(Generic[Item, Answer]):
    """`serve` answers several items in order, and must be repeatable.

    Items with the same `key` are served in order of arrival, never together; items of different tenants in
    turn. A key belongs to one tenant. The weight of a group is at most `limit`, unless it has a single item.
    `lanes`: concurrent groups. `at_work`: number of active callers, including those without a request yet.
    `linger`: seconds that a group waits for more items; a group with items of several tenants does not wait.
    """

    def __init__(
        self,
        serve: Callable[[Sequence[Item]], Awaitable[Sequence[Answer]]],
        *,
        key: Callable[[Item], str],
        tenant: Callable[[Item], str] = lambda _: "",
        lanes: int,
        weight: Callable[[Item], int] = lambda _: 1,
        limit: int = MOST,
        at_work: Count = NOBODY,
        linger: float = LINGER,
    ) -> None:
        self._serve = serve
        self._key = key
        self._tenant = tenant
        self._weight = weight
        self._lanes = lanes
        self._limit = limit
        self._at_work = at_work
        self._linger = linger
        self._lingering: asyncio.TimerHandle | None = None
        self._waiting: list[_Waiting[Item, Answer]] = []
        self._running: dict[asyncio.Task[None], frozenset[str]] = {}

    async def ask(self, item: Item) -> Answer:
        """The answer for one item. Raises the error of its service."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Answer] = loop.create_future()
        self._waiting.append(_Waiting(item, future, copy_context(), loop.time()))
        self._start()
        return await future

    def _start(self) -> None:
        while len(self._running) < self._lanes and not self._lingers() and (group := self._taken()):
            # The spans of a transaction belong to one trace, that of the first caller.
            task = asyncio.create_task(self._answered(group), context=group[0].context)
            self._running[task] = frozenset(self._key(each.item) for each in group)
            task.add_done_callback(self._ended)

    def _lingers(self) -> bool:
        """Whether to wait for more requests; if so, schedules the next check."""
        if not 0 < len(self._waiting) < ENOUGH or self._at_work() - len(self._waiting) < CROWD:
            return False
        # One tenant's documents must not wait because another has many.
        if len({self._tenant(each.item) for each in self._waiting}) > 1:
            return False
        loop = asyncio.get_running_loop()
        until = self._waiting[0].since + self._linger
        if loop.time() >= until:
            return False
        if self._lingering is not None:
            self._lingering.cancel()
        self._lingering = loop.call_at(until, self._start)
        return True

    def _ended(self, task: asyncio.Task[None]) -> None:
        del self._running[task]
        self._start()

    def _taken(self) -> list[_Waiting[Item, Answer]]:
        """Removes the next group from the waiting items."""
        busy = set().union(*self._running.values())
        group: list[_Waiting[Item, Answer]] = []
        left, weight = [], 0
        for each in self._in_turn():
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

    def _in_turn(self) -> list[_Waiting[Item, Answer]]:
        """The waiting items in turn: the first item of each tenant, then the second of each, and so on."""
        rank: Counter[str] = Counter()
        turns = []
        for each in self._waiting:
            tenant = self._tenant(each.item)
            turns.append((rank[tenant], each))
            rank[tenant] += 1
        return [each for _, each in sorted(turns, key=itemgetter(0))]

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
            # Concurrently: each may wait for an unavailable server, and the last one must not wait for all
            # the others.
            await asyncio.gather(*(self._answered([each]) for each in group))
        else:
            for each in group:
                await self._answered([each])
