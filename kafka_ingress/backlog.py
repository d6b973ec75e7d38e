"""In: how many tasks wait in Temporal. Out: whether consuming pauses, and who may start a run now.

Kafka keeps what is not consumed at no cost; Temporal keeps a workflow for each. A server that has to start
runs as fast as it can has little time left for those that it has.
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
READY: Final = 64
"""Tasks that may wait for a worker, at first and at least: beyond them a run is started as another ends."""
MOST: Final = 4096
"""The same where workers are never seen busy."""
_STALE: Final = 5.0
"""Seconds for which Temporal says the same of a queue."""
FREE: Final = 2.0
"""Runs a second that a project may start whatever waits."""
PROJECTS: Final = 10_000
"""Projects whose rates are known; one that was forgotten begins anew."""
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
        closed = backlog > self.limit // 2 if self.closed else backlog >= self.limit
        if closed != self.closed:
            self.pauses += closed
            _log.warning("consumption_paused" if closed else "consumption_resumed", backlog=backlog)
        self.closed = closed


class StartPace:
    """Who may start a run: projects in turn where too many tasks wait, but each a few a second at once."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._buckets = TokenBuckets(most=PROJECTS)
        self._room = FairTurns(READY)
        self._clock = clock
        self._ready = READY
        self._last = (0, -_STALE)

    async def turn(self, topic: str, project_name: str) -> None:
        """Waits until this project may start one more of what it has in this topic."""
        if not self._buckets.has(f"{topic} {project_name}", FREE, FREE):
            await self._room.take((topic, project_name))

    def update(self, waiting: int) -> None:
        """So many tasks wait now. Where workers run out of them before this is known again, more may wait."""
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
        """Nobody says what waits."""
        self._room.refill(MOST)


async def watch(backlog: Callable[[], Awaitable[Backlog]], pace: StartPace, *gates: BacklogGate) -> None:
    """Ask until cancelled. While Temporal does not say, gates stay as they are and nobody waits."""
    while True:
        try:
            found = await backlog()
        except ArchonError as error:
            _log.warning("backlog_unknown", error=str(error))
            pace.unknown()
        else:
            pace.update(found.tasks)
            for gate in gates:
                if gate.limit:
                    gate.update(found.analyses)
        await asyncio.sleep(_ASK_EVERY)
