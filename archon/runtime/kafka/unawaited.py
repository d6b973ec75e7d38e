"""In: records that nobody waits for. Out: the same records on Kafka, in order; lost ones are counted.

Progress events only matter while they are new: they are neither kept for later nor sent again.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

from archon.contracts.errors import PublishError
from archon.runtime.logs import get_logger
from archon.runtime.telemetry import metrics

LIMIT: Final = 2000
"""Maximum number of waiting records while Kafka is slow; further ones are lost."""
CLOSING_SECONDS: Final = 2.0
_log = get_logger(__name__)


@dataclass(frozen=True)
class Record:
    topic: str
    key: bytes
    value: bytes
    headers: list[tuple[str, bytes]]


Send = Callable[[Record], Awaitable[asyncio.Future[object]]]
"""Passes a record to the producer; the future is its acknowledgement. Raises PublishError."""


class Unawaited:
    """A single sender, so that records leave in order of arrival."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._waiting: asyncio.Queue[tuple[Record, asyncio.Future[None]]] = asyncio.Queue(LIMIT)
        self._open: dict[bytes, list[asyncio.Future[None]]] = {}
        self._losing = False

    @contextlib.asynccontextmanager
    async def sending(self) -> AsyncIterator[None]:
        """Sends during the block; at its end, waiting records get a moment."""
        task = asyncio.create_task(self._run(), name="kafka-unawaited")
        try:
            yield
        finally:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.flushed(), CLOSING_SECONDS)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def put(self, record: Record) -> None:
        """Returns at once, and never raises."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        try:
            self._waiting.put_nowait((record, done))
        except asyncio.QueueFull:
            self._lost("too many wait")
            return
        self._open.setdefault(record.key, []).append(done)
        done.add_done_callback(lambda _: self._close(record.key))

    async def flushed(self, key: bytes | None = None, seconds: float | None = None) -> None:
        """Returns when all records so far, or those of one key, are acknowledged or lost; at the latest after
        `seconds`."""
        keys = list(self._open) if key is None else [key]
        pending = [each for name in keys for each in self._open.get(name, ())]
        if pending:
            await asyncio.wait(pending, timeout=seconds)

    async def _run(self) -> None:
        while True:
            record, done = await self._waiting.get()
            try:
                acknowledged = await self._send(record)
            except PublishError as error:
                self._lost(str(error))
                done.set_result(None)
            else:
                acknowledged.add_done_callback(partial(self._acknowledged, done))

    def _acknowledged(self, done: asyncio.Future[None], future: asyncio.Future[object]) -> None:
        if future.cancelled():
            self._lost("the producer was stopped")
        elif (error := future.exception()) is not None:
            self._lost(repr(error))
        else:
            self._losing = False
        done.set_result(None)

    def _close(self, key: bytes) -> None:
        left = [each for each in self._open.get(key, ()) if not each.done()]
        if left:
            self._open[key] = left
        else:
            self._open.pop(key, None)

    def _lost(self, why: str) -> None:
        """Counts the loss. Only the first of consecutive losses is logged: an outage would fill the log."""
        metrics.PROGRESS_LOST.inc()
        if not self._losing:
            _log.warning("progress_not_published", error=why)
        self._losing = True
