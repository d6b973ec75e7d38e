"""In: records that nobody waits for. Out: the same on Kafka, in order; what it does not take is counted.

Progress is worth something only while it is new: it is neither kept for later nor sent again.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from archon.contracts.errors import PublishError
from archon.runtime import metrics
from archon.runtime.logs import get_logger

LIMIT: Final = 2000
"""Records that wait while Kafka is slow; what comes beyond them is lost."""
CLOSING_SECONDS: Final = 2.0
_log = get_logger(__name__)


@dataclass(frozen=True)
class Record:
    topic: str
    key: bytes
    value: bytes
    headers: list[tuple[str, bytes]]


Send = Callable[[Record], Awaitable[asyncio.Future[object]]]
"""Hands a record to the producer; the future is its acknowledgement. Raises PublishError."""


class Unawaited:
    """One sender, so that records leave in the order in which they came."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._waiting: asyncio.Queue[Record] = asyncio.Queue(LIMIT)
        self._unacknowledged: set[asyncio.Future[object]] = set()
        self._losing = False

    @contextlib.asynccontextmanager
    async def sending(self) -> AsyncIterator[None]:
        """Send while the block lasts; at its end, what waits has a moment left."""
        task = asyncio.create_task(self._run(), name="kafka-unawaited")
        try:
            yield
        finally:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.settled(), CLOSING_SECONDS)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def put(self, record: Record) -> None:
        """Returns at once, and never raises."""
        try:
            self._waiting.put_nowait(record)
        except asyncio.QueueFull:
            self._lost("too many wait")

    async def settled(self) -> None:
        """Returns when everything so far is acknowledged or lost."""
        await self._waiting.join()
        await asyncio.gather(*self._unacknowledged, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            record = await self._waiting.get()
            try:
                acknowledged = await self._send(record)
            except PublishError as error:
                self._lost(str(error))
            else:
                self._unacknowledged.add(acknowledged)
                acknowledged.add_done_callback(self._acknowledged)
            finally:
                self._waiting.task_done()

    def _acknowledged(self, future: asyncio.Future[object]) -> None:
        self._unacknowledged.discard(future)
        if future.cancelled():
            self._lost("the producer was stopped")
        elif (error := future.exception()) is not None:
            self._lost(repr(error))
        else:
            self._losing = False

    def _lost(self, why: str) -> None:
        """Count it. Only the first of a row is logged: an outage would fill the log."""
        metrics.PROGRESS_LOST.inc()
        if not self._losing:
            _log.warning("progress_not_published", error=why)
        self._losing = True
