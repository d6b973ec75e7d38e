"""In: the number of tasks that wait in Temporal. Out: whether to pause consumption, and turns to start runs.

Waiting records in Kafka cost nothing; in Temporal each would be a workflow. A server that starts runs at its
full speed has little time left for the runs that it already has.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final

from archon.contracts.errors import ArchonError
from archon.runtime.flow.rates import TokenBuckets
from archon.runtime.flow.turns import FairTurns
from archon.runtime.logs import get_logger
from archon.runtime.temporal.client import Backlog

_ASK_EVERY: Final = 1.0
READY: Final = 256
"""Minimum and first number of tasks that may wait for a worker; beyond it runs start as others end."""
MOST: Final = 4096
"""Maximum of that number, reached while workers run out of tasks."""
_STALE: Final = 5.0
"""Seconds for which Temporal caches the statistics of a task queue."""
PROJECTS: Final = 10_000
"""Maximum number of projects whose rates are known."""
_log = get_logger(__name__)


class BacklogGate:
    """Closes at `limit` waiting analyses, and opens when half of them are done; with a limit of 0 it never
    closes."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.closed = False
        self.pauses = 0

    def update(self, backlog: int) -> None:
        """Closes or opens by the current number."""
        if not self.limit:
            return
        closed = backlog > self.limit // 2 if self.closed else backlog >= self.limit
        if closed != self.closed:
            self.pauses += closed
            _log.warning("consumption_paused" if closed else "consumption_resumed", backlog=backlog)
        self.closed = closed


class StartPace:
    """Lets projects start runs: each `free` a second at any backlog, and more in turn while few tasks wait.

    `free` is the rate at which a project's requests come ahead of bulk: with less, one project's would stop
    all others of the topic.
    """

    def __init__(self, free: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._free = free
        self._buckets = TokenBuckets(most=PROJECTS)
        self._room = FairTurns(READY)
        self._clock = clock
        self._ready = READY
        self._last = (0, -_STALE)
        """The last number, and since when it is known."""

    async def turn(self, topic: str, project_name: str) -> None:
        """Waits until the project may start another run from this topic."""
        if not self._buckets.has(f"{topic} {project_name}", self._free, self._free):
            await self._room.take((topic, project_name))

    def update(self, waiting: int) -> None:
        """Sets the number of tasks that wait now. If workers run out of tasks, more may wait from now on."""
        last, since = self._last
        if waiting == last and self._clock() - since < _STALE:
            return
        self._last = waiting, self._clock()
        if waiting < self._ready // 8 and not self._room.free:
            self._ready = min(2 * self._ready, MOST)
        elif waiting > self._ready // 2:
            self._ready = max(self._ready // 2, READY)
        self._room.refill(self._ready - waiting)

    def unknown(self) -> None:
        """Temporal does not tell its backlog: nobody waits."""
        self._room.refill(MOST)


async def watch(backlog: Callable[[], Awaitable[Backlog]], pace: StartPace, *gates: BacklogGate) -> None:
    """Updates `pace` and `gates` until cancelled. While Temporal gives no statistics, gates keep their state
    and nobody waits for a turn."""
    while True:
        try:
            found = await backlog()
        except ArchonError as error:
            _log.warning("backlog_unknown", error=str(error))
            pace.unknown()
        else:
            pace.update(found.tasks)
            for gate in gates:
                gate.update(found.analyses)
        await asyncio.sleep(_ASK_EVERY)
