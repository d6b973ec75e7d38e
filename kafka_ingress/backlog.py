"""In: the number of tasks that wait in Temporal. Out: whether to pause consumption, and a pace that knows it.

Waiting records in Kafka cost nothing; in Temporal each would be a workflow.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from archon.contracts.errors import ArchonError
from archon.runtime.logs import get_logger
from archon.runtime.temporal.client import Backlog
from kafka_ingress.pace import StartPace

_ASK_EVERY: Final = 1.0
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
