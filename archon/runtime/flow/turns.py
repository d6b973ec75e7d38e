"""In: callers that compete for a limited resource. Out: fair turns, so that no caller takes all of it."""

import asyncio
import contextlib
import time
from collections import Counter, OrderedDict, deque
from collections.abc import AsyncIterator, Callable, Hashable, KeysView
from weakref import WeakValueDictionary


class Turns:
    """At most `most` at once, and at most `each` for one holder; holder None is limited by `most` only."""

    def __init__(self, most: int, each: int) -> None:
        self._all = asyncio.Semaphore(most)
        self._each = each
        self._own: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()

    @contextlib.asynccontextmanager
    async def taken(self, holder: str | None = None) -> AsyncIterator[None]:
        """Waits for a turn, which lasts until the end of the block."""
        async with contextlib.AsyncExitStack() as held:
            if holder is not None:
                own = self._own.setdefault(holder, asyncio.Semaphore(self._each))
                await held.enter_async_context(own)
            await held.enter_async_context(self._all)
            yield


class FairTurns:
    """At most `most` at once. If more wait, their holders take turns, each in its own order."""

    def __init__(self, most: int) -> None:
        self._free = most
        self._waiting: dict[Hashable, deque[asyncio.Future[None]]] = {}
        """By holder; the next holder comes first."""

    @contextlib.asynccontextmanager
    async def taken(self, holder: Hashable) -> AsyncIterator[None]:
        """Waits for a turn, which lasts as long as the block."""
        await self.take(holder)
        try:
            yield
        finally:
            self._give()

    async def take(self, holder: Hashable) -> None:
        """Waits for a turn that is not given back: `refill` says when there are more."""
        if self._free:  # then nobody waits
            self._free -= 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(holder, deque()).append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():  # the turn came at the moment of the cancellation
                self._give()
            raise

    @property
    def free(self) -> int:
        """Turns that nobody has."""
        return self._free

    def refill(self, free: int) -> None:
        """So many turns are free now, whatever was before; those who wait have them first."""
        self._free = 0
        for _ in range(free):
            self._give()

    def _give(self) -> None:
        while self._waiting:
            holder = next(iter(self._waiting))
            waiting = self._waiting.pop(holder)
            turn = waiting.popleft()
            if waiting:
                self._waiting[holder] = waiting  # behind all others
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1


class Recent:
    """Visitors of the last `seconds`, by the time of their last visit."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._came: OrderedDict[Hashable, float] = OrderedDict()
        """The latest at the end."""

    def came(self, visitor: Hashable) -> None:
        """Now."""
        self._came[visitor] = self._clock()
        self._came.move_to_end(visitor)

    def all(self) -> KeysView[Hashable]:
        """The visitors, the latest at the end."""
        now = self._clock()
        while self._came and now - next(iter(self._came.values())) > self._seconds:
            self._came.popitem(last=False)
        return self._came.keys()


class SharedTurns:
    """At most `most` at once; one holder has at most `beside` of them if another has come within `recent`
    seconds. If more wait, their holders take turns, each in its own order."""

    def __init__(
        self, most: int, beside: int, recent: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._free = most
        self._most = most
        self._beside = beside
        self._recent = Recent(recent, clock)
        self._taken: Counter[Hashable] = Counter()
        self._waiting: OrderedDict[Hashable, deque[asyncio.Future[None]]] = OrderedDict()
        """By holder; the next holder comes first."""

    @contextlib.asynccontextmanager
    async def taken(self, holder: Hashable) -> AsyncIterator[None]:
        """Waits for a turn, which lasts as long as the block."""
        self._recent.came(holder)
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(holder, deque()).append(turn)
        self._give()
        try:
            await turn
            yield
        finally:
            # A turn may come at the moment of a cancellation.
            if turn.done() and not turn.cancelled():
                self._free += 1
                self._taken[holder] -= 1
                if not self._taken[holder]:
                    del self._taken[holder]
            self._give()

    def _give(self) -> None:
        """Gives all turns that may be given now, one to each holder after another."""
        most, left = self._limit(), len(self._waiting)
        while self._free and left:
            holder, waiting = self._waiting.popitem(last=False)
            while waiting and waiting[0].done():  # the caller has given up
                waiting.popleft()
            may = waiting and self._taken[holder] < most
            if may:
                waiting.popleft().set_result(None)
                self._taken[holder] += 1
                self._free -= 1
            if waiting:
                self._waiting[holder] = waiting  # behind all others
            left = len(self._waiting) if may else left - 1

    def _limit(self) -> int:
        """For each holder."""
        return self._beside if len(self._recent.all()) > 1 else self._most
