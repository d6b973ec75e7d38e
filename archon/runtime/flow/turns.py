"""In: who wants to do what few may do at once. Out: their turns, so that nobody takes them all."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from weakref import WeakValueDictionary


class Turns:
    """`most` at once, and `each` of them of one holder; who has no holder, None, is bound by `most` alone."""

    def __init__(self, most: int, each: int) -> None:
        self._all = asyncio.Semaphore(most)
        self._each = each
        self._own: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()

    @contextlib.asynccontextmanager
    async def taken(self, holder: str | None = None) -> AsyncIterator[None]:
        """Waits for a turn, which lasts as long as the block."""
        async with contextlib.AsyncExitStack() as held:
            if holder is not None:
                own = self._own.setdefault(holder, asyncio.Semaphore(self._each))
                await held.enter_async_context(own)
            await held.enter_async_context(self._all)
            yield
