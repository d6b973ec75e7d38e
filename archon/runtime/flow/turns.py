"""In: callers that compete for a limited resource. Out: fair turns, so that no caller takes all of it."""

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator, Hashable
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
