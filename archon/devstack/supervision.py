"""In: processes that run. Out: the same ones for as long as it is wanted: one that ends is started again.

So a crash is what it is in production, an outage that everything else waits out. One that was stopped by hand
stays so until it is started by hand.
"""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final

from archon.contracts.errors import ArchonError
from archon.devstack.process import ChildProcess

FIRST_DELAY: Final = 1.0
LONGEST_DELAY: Final = 30.0
STEADY: Final = 60.0
"""Seconds after which a process that ends is no longer taken for one that cannot run."""


class State(StrEnum):
    """`waiting`: it has ended, and is started again after a delay. `stopped`: by hand, or it could not be
    started by hand."""

    RUNNING = "running"
    STARTING = "starting"
    WAITING = "waiting"
    STOPPED = "stopped"


@dataclass
class Supervised:
    """A process, and what is to be done once it serves again. `report` is called with lines for people.

    `restarts`: how often it was started again because it had ended.
    """

    process: ChildProcess
    report: Callable[[str], None]
    restored: Callable[[], Awaitable[object]] | None = None
    first_delay: float = FIRST_DELAY
    restarts: int = 0
    state: State = State.RUNNING
    since: datetime = field(default_factory=lambda: datetime.now(UTC))
    _group: asyncio.TaskGroup | None = None
    _keeping: asyncio.Task[None] | None = None
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    def keep(self, group: asyncio.TaskGroup) -> None:
        """Start it again whenever it ends, for as long as the group is there."""
        self._group = group
        self._keeping = group.create_task(self._forever())

    async def stop(self) -> None:
        """End it, and hold it down."""
        async with self._turn:
            await self._let_go()
            await self.process.stop()
            self._enter(State.STOPPED)
            self.report(f"{self.process.name} is stopped, until somebody starts it")

    async def start(self) -> None:
        """Start it at once and keep it; one that runs is left alone. Raises ServerFailedError, and then it is
        stopped."""
        async with self._turn:
            if self.state is State.RUNNING:
                return
            await self._let_go()
            await self.process.kill()
            try:
                await self._begin()
            except BaseException:
                await self.process.kill()
                self._enter(State.STOPPED)
                raise
            self.report(f"{self.process.name} is started")
            if self._group is not None:
                self.keep(self._group)

    async def release(self) -> None:
        """Keep it no longer, whatever a command still does to it."""
        async with self._turn:
            self._group = None
            await self._let_go()

    def _enter(self, state: State) -> None:
        self.state, self.since = state, datetime.now(UTC)

    async def _let_go(self) -> None:
        if self._keeping is not None:
            self._keeping.cancel()
            await asyncio.gather(self._keeping, return_exceptions=True)
            self._keeping = None

    async def _begin(self) -> None:
        self._enter(State.STARTING)
        await self.process.start()
        if self.restored is not None:
            await self.restored()
        self._enter(State.RUNNING)

    async def _forever(self) -> None:
        """Until it is cancelled. The delay doubles with each failure in a row."""
        loop = asyncio.get_running_loop()
        began, delay = loop.time(), self.first_delay
        while True:
            how = _how(await self.process.ended())
            self._enter(State.WAITING)
            self.report(f"{self.process.name} {how}; its log is {self.process.log}")
            if loop.time() - began >= STEADY:
                delay = self.first_delay
            while not await self._started_after(delay):
                delay = min(2 * delay, LONGEST_DELAY)
            began, delay = loop.time(), min(2 * delay, LONGEST_DELAY)
            self.restarts += 1
            self.report(f"{self.process.name} is back")

    async def _started_after(self, seconds: float) -> bool:
        """Whether it serves again."""
        # Its group goes with it: what it had started holds its ports.
        await self.process.kill()
        self.report(f"{self.process.name} is started again in {seconds:g} s")
        await asyncio.sleep(seconds)
        try:
            await self._begin()
        except ArchonError as error:
            self._enter(State.WAITING)
            self.report(str(error))
            return False
        return True


@contextlib.asynccontextmanager
async def kept(processes: Sequence[Supervised]) -> AsyncIterator[asyncio.TaskGroup]:
    """All of them run while the block lasts; the group is for what works beside."""
    async with asyncio.TaskGroup() as group:
        for each in processes:
            each.keep(group)
        yield group
        for each in processes:
            await each.release()


def _how(code: int) -> str:
    """How a process ended, by its exit code: negative, or above 128, where a signal ended it."""
    number = -code if code < 0 else code - 128
    if number in set(signal.Signals):
        return f"was ended by {signal.Signals(number).name}"
    return f"exited with code {code}"
