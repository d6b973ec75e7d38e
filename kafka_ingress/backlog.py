"""In: how many analyses wait in Temporal. Out: whether consuming is to pause.

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

    def __init__(self, backlog: Callable[[], Awaitable[int]], limit: int) -> None:
        self._backlog = backlog
        self._limit = limit
        self.closed = False
        self.pauses = 0

    async def watch(self) -> None:
        """Ask until cancelled. While Temporal does not answer the gate stays as it is: submitting waits then
        anyway."""
        while self._limit:
            try:
                self.update(await self._backlog())
            except ArchonError as error:
                _log.warning("backlog_unknown", error=str(error))
            await asyncio.sleep(_ASK_EVERY)

    def update(self, backlog: int) -> None:
        """Close or open by what is waiting now."""
        closed = backlog > self._limit // 2 if self.closed else backlog >= self._limit
        if closed != self.closed:
            self.pauses += closed
            _log.warning("consumption_paused" if closed else "consumption_resumed", backlog=backlog)
        self.closed = closed
