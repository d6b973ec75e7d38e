"""In: running processes. Out: the same processes, kept running: each one that ends is restarted.

So a crash has the same effect as in production: an outage that other processes wait out. A process stopped by
hand stays stopped until it is started by hand.
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
from archon.runtime.flow.backoff import Backoff

FIRST_DELAY: Final = 1.0
LONGEST_DELAY: Final = 30.0
STEADY: Final = 60.0
"""Seconds after which a process counts as able to run."""


class State(StrEnum):
    """`waiting`: it has ended, and is restarted after a delay. `stopped`: by hand, or a start by hand
    failed."""

    RUNNING = "running"
    STARTING = "starting"
    WAITING = "waiting"
    STOPPED = "stopped"


@dataclass
class Supervised:
    """A process, and the action after each restart. `report` is called with lines for people.

    `restarts`: number of automatic restarts.
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
        """Restarts it whenever it ends, while the group exists."""
        self._group = group
        self._keeping = group.create_task(self._forever())

    async def stop(self) -> None:
        """Ends it, and keeps it stopped."""
        async with self._turn:
            await self._let_go()
            await self.process.stop()
            self._enter(State.STOPPED)
            self.report(f"{self.process.name} is stopped until it is started by hand")

    async def start(self) -> None:
        """Starts it at once and keeps it running; a running process is left alone. Raises ServerFailedError,
        after which it is stopped."""
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
        """Ends the supervision, even during a command."""
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
        """Until cancelled. The delay doubles with each consecutive failure."""
        loop = asyncio.get_running_loop()
        began, backoff = loop.time(), Backoff(self.first_delay, LONGEST_DELAY)
        while True:
            how = _how(await self.process.ended())
            self._enter(State.WAITING)
            self.report(f"{self.process.name} {how}; its log is {self.process.log}")
            if loop.time() - began >= STEADY:
                backoff.reset()
            await self._begin_again(backoff)
            began = loop.time()
            self.restarts += 1
            self.report(f"{self.process.name} is back")

    async def _begin_again(self, backoff: Backoff) -> None:
        """Returns when it serves again."""
        while self.state is not State.RUNNING:
            # Its group goes with it: what it had started holds its ports.
            await self.process.kill()
            self.report(f"{self.process.name} is started again in {backoff.delay:g} s")
            await backoff.pause()
            try:
                await self._begin()
            except ArchonError as error:
                self._enter(State.WAITING)
                self.report(str(error))


@contextlib.asynccontextmanager
async def kept(processes: Sequence[Supervised]) -> AsyncIterator[asyncio.TaskGroup]:
    """All of them run during the block; the group is for additional tasks."""
    async with asyncio.TaskGroup() as group:
        for each in processes:
            each.keep(group)
        yield group
        for each in processes:
            await each.release()


def _how(code: int) -> str:
    """How a process ended, by its exit code: negative, or above 128, if a signal ended it."""
    number = -code if code < 0 else code - 128
    if number in set(signal.Signals):
        return f"was ended by {signal.Signals(number).name}"
    return f"exited with code {code}"
