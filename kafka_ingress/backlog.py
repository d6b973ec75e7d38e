"""In: how many analyses wait in Temporal. Out: whether consuming is to pause, bulk first.

Kafka keeps what is not consumed at no cost; Temporal would keep a workflow for each.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from archon.contracts.errors import ArchonError
from archon.runtime.logs import get_logger

_ASK_EVERY: Final = 1.0
_log = get_logger(__name__)


class BacklogGate:
    """Closed from `limit` waiting analyses on until half of them are done; never with a limit of 0."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.closed = False
        self.pauses = 0

    def update(self, backlog: int) -> None:
        """Close or open by what is waiting now."""
        closed = backlog > self.limit // 2 if self.closed else backlog >= self.limit
        if closed != self.closed:
            self.pauses += closed
            _log.warning("consumption_paused" if closed else "consumption_resumed", backlog=backlog)
        self.closed = closed


async def watch(backlog: Callable[[], Awaitable[int]], *gates: BacklogGate) -> None:
    """Ask until cancelled, for those gates that have a limit. While Temporal does not answer they stay as
    they are: submitting waits then anyway."""
    limited = [gate for gate in gates if gate.limit]
    while limited:
        try:
            waiting = await backlog()
        except ArchonError as error:
            _log.warning("backlog_unknown", error=str(error))
        else:
            for gate in limited:
                gate.update(waiting)
        await asyncio.sleep(_ASK_EVERY)
