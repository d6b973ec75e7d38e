"""In: the first and the longest delay. Out: a sequence of attempts, until one succeeds or the caller gives
up.

For waiting until a server is available. Attempts are not counted.
"""

import asyncio
import contextlib
import random
from typing import Final, Self

_LEAST: Final = 0.75
"""Minimum share of a delay; the rest is random, so that processes that wait together do not return
together."""


class Backoff:
    """An async iterator: the first attempt starts at once, each further one after a delay, which doubles from
    `first` to `longest` seconds; without `longest` it stays the same. Setting `stop` ends the delay and the
    iteration."""

    def __init__(
        self, first: float, longest: float | None = None, *, stop: asyncio.Event | None = None
    ) -> None:
        self._first = self.delay = first
        self._longest = longest or first
        self._stop = stop or asyncio.Event()
        self._begun = False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> float:
        """The delay before the next attempt."""
        if self._begun:
            await self.pause()
        self._begun = True
        if self._stop.is_set():
            raise StopAsyncIteration
        return self.delay

    async def pause(self) -> None:
        """Waits for a delay; the next one is longer."""
        seconds = self.delay * random.uniform(_LEAST, 1)
        self.delay = min(2 * self.delay, self._longest)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stop.wait()

    def reset(self) -> None:
        """Call after a success: the next delay is the first one again."""
        self.delay = self._first
