"""In: requests of many callers. Out: few transactions: what comes while one is under way goes with the next.

Where many callers are at work, a group waits a little for those that will ask soon, as a Kafka producer
lingers for its batch: a transaction costs nearly the same for eight documents as for one.

A group that fails is tried again one by one, so that one caller's bad request is nobody else's.
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
"""Requests in a group."""
LINGER: Final = 0.25
"""Seconds that the first request of a group waits for others at most, where nobody waits for its answer."""
AT_ONCE: Final = 0.01
"""The same where a client waits."""
ENOUGH: Final = 8
"""Requests that wait for no others."""
CROWD: Final = 4
"""With fewer callers at work that have not asked, nobody waits for them: one document at a time is as fast as
it can be."""


@dataclass(frozen=True, eq=False)
class _Waiting(Generic[Item, Answer]):
    item: Item
    future: asyncio.Future[Answer]
    context: Context
    since: float


class Grouped(Generic[Item, Answer]):
    """`serve` answers several items in their order, and must bear being repeated.

    Items with one `key` are served in the order in which they came, never together, and those of different
    tenants in turn: a key is of one tenant. A group weighs `limit` at most, or is a single item. `lanes`:
    groups under way at once. `at_work`: how many callers there are now, including those that have not asked
    yet. `linger`: seconds that a group waits for more; one with items of several tenants does not wait.
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
        """The answer for one item. Raises what serving it raised."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Answer] = loop.create_future()
        self._waiting.append(_Waiting(item, future, copy_context(), loop.time()))
        self._start()
        return await future

    def _start(self) -> None:
        while len(self._running) < self._lanes and not self._lingers() and (group := self._taken()):
            # A transaction's spans belong to one trace: that of the first caller.
            task = asyncio.create_task(self._answered(group), context=group[0].context)
            self._running[task] = frozenset(self._key(each.item) for each in group)
            task.add_done_callback(self._ended)

    def _lingers(self) -> bool:
        """Whether those that wait go on waiting; then they are looked at again in time."""
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
        """The next group, taken from those that wait."""
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
        """Those that wait: the first of each tenant, the second of each, and so on."""
        asked: Counter[str] = Counter()
        turns = []
        for each in self._waiting:
            tenant = self._tenant(each.item)
            turns.append((asked[tenant], each))
            asked[tenant] += 1
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
            # Each waits for a server that may be down: at once, or the last one waits for all the others.
            await asyncio.gather(*(self._answered([each]) for each in group))
        else:
            for each in group:
                await self._answered([each])
