"""In: processes that run. Out: the same ones for as long as it is wanted: one that ends is started again.

So a crash is what it is in production, an outage that everything else waits out.
"""

import asyncio
import signal
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from archon.contracts.errors import ArchonError
from archon.devstack.process import ChildProcess

FIRST_DELAY: Final = 1.0
LONGEST_DELAY: Final = 30.0
STEADY: Final = 60.0
"""Seconds after which a process that ends is no longer taken for one that cannot run."""


@dataclass
class Supervised:
    """A process, and what is to be done once it serves again. `report` is called with lines for people."""

    process: ChildProcess
    report: Callable[[str], None]
    restored: Callable[[], Awaitable[object]] | None = None
    first_delay: float = FIRST_DELAY

    async def forever(self) -> None:
        """Until it is cancelled. The delay doubles with each failure in a row."""
        loop = asyncio.get_running_loop()
        began, delay = loop.time(), self.first_delay
        while True:
            how = _how(await self.process.ended())
            self.report(f"{self.process.name} {how}; its log is {self.process.log}")
            if loop.time() - began >= STEADY:
                delay = self.first_delay
            while not await self._started_after(delay):
                delay = min(2 * delay, LONGEST_DELAY)
            began, delay = loop.time(), min(2 * delay, LONGEST_DELAY)
            self.report(f"{self.process.name} is back")

    async def _started_after(self, seconds: float) -> bool:
        """Whether it serves again."""
        # Its group goes with it: what it had started holds its ports.
        await self.process.kill()
        self.report(f"{self.process.name} is started again in {seconds:g} s")
        await asyncio.sleep(seconds)
        try:
            await self.process.start()
            if self.restored is not None:
                await self.restored()
        except ArchonError as error:
            self.report(str(error))
            return False
        return True


async def supervise(processes: Sequence[Supervised]) -> None:
    """All of them, until it is cancelled."""
    async with asyncio.TaskGroup() as group:
        for each in processes:
            group.create_task(each.forever())


def _how(code: int) -> str:
    """How a process ended, by its exit code: negative, or above 128, where a signal ended it."""
    number = -code if code < 0 else code - 128
    if number in set(signal.Signals):
        return f"was ended by {signal.Signals(number).name}"
    return f"exited with code {code}"
