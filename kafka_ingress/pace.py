"""In: requests of projects. Out: the moment when each may start its run.

A server that starts runs at its full speed has little time left for the runs that it already has.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Final

from archon.contracts.errors import ArchonError
from archon.runtime.flow.rates import TokenBuckets
from archon.runtime.flow.turns import FairTurns, Recent
from archon.runtime.logs import get_logger

_COUNT_EVERY: Final = 0.25
"""Seconds between two counts of open runs: a run takes about as long."""
RECENT: Final = 3.0
"""Seconds after which a project that starts no run counts no more."""
HANGING: Final = 30.0
"""Seconds without a place after which the open runs do not count: they wait for something themselves."""
READY: Final = 256
"""Minimum and first number of tasks that may wait for a worker; beyond it runs start as others end."""
MOST: Final = 4096
"""Maximum of that number, reached while workers run out of tasks."""
_STALE: Final = 5.0
"""Seconds for which Temporal caches the statistics of a task queue."""
_UNKNOWN: Final = (-1, 0.0)
PROJECTS: Final = 10_000
"""Maximum number of projects whose rates are known."""
_log = get_logger(__name__)


class StartPace:
    """Lets projects start runs: each `free` a second at any time, and more in turn while few tasks wait.

    `free` is the rate at which a project's requests come ahead of bulk: with less, one project's would stop
    all others of the topic. Projects above it start more only while fewer than `shared` runs are open, if
    another project below it has started one within RECENT seconds: its runs take the longer the more runs
    share the services.
    """

    def __init__(self, free: float, shared: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._free = free
        self._shared = shared
        self._buckets = TokenBuckets(clock, most=PROJECTS)
        self._room = FairTurns(READY)
        self._clock = clock
        self._ready = READY
        self._last = _UNKNOWN
        """The last number, and since when it is known."""
        self._below, self._above = Recent(RECENT, clock), Recent(RECENT, clock)
        """Projects by their rate; one may be in both."""
        self._waiting: Counter[str] = Counter()
        self._hanging = 0
        self._moved = clock()
        """Open runs that do not end, and when a run could start last."""

    async def turn(self, topic: str, project_name: str) -> None:
        """Waits until the project may start another run from this topic."""
        if self._buckets.has(f"{topic} {project_name}", self._free, self._free):
            self._came(self._below, project_name)
            return
        self._came(self._above, project_name)
        self._waiting[project_name] += 1
        try:
            await self._room.take((topic, project_name))
        finally:
            self._waiting -= Counter([project_name])
            self._above.came(project_name)

    def _came(self, side: Recent, project_name: str) -> None:
        before = self.sharing
        side.came(project_name)
        if self.sharing and not before:
            self._moved = self._clock()
            self._room.refill(0)  # until the open runs are counted

    @property
    def sharing(self) -> bool:
        """Whether projects above their rate run next to one below it."""
        above = self._above.all() | self._waiting.keys()
        return bool(above) and any(each not in above for each in self._below.all())

    def share(self, open_runs: int) -> None:
        """Sets the number of runs that are open now, which matters while projects share."""
        if not self.sharing:
            return
        self._hanging = min(self._hanging, open_runs)
        room = self._shared + self._hanging - open_runs
        now = self._clock()
        if room > 0:
            self._moved = now
        elif now - self._moved > HANGING:
            self._hanging = open_runs
        self._room.refill(max(0, room))

    def update(self, waiting: int) -> None:
        """Sets the number of tasks that wait now. If workers run out of tasks, more may wait from now on."""
        if self.sharing:
            self._last = _UNKNOWN  # the first number afterwards counts
            return
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
        """Temporal does not tell its numbers: nobody waits."""
        self._room.refill(MOST)


async def share(open_runs: Callable[[], Awaitable[int]], pace: StartPace) -> None:
    """Updates the open runs of `pace` until cancelled, with a count only while projects share."""
    while True:
        if pace.sharing:
            try:
                pace.share(await open_runs())
            except ArchonError as error:
                _log.warning("open_runs_unknown", error=str(error))
                pace.unknown()
        await asyncio.sleep(_COUNT_EVERY)
