"""In: a long await inside an activity. Out: heartbeats at half the timeout's pace while it lasts."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

from temporalio import activity


@contextlib.asynccontextmanager
async def heartbeating(told: Callable[[], str | None]) -> AsyncIterator[None]:
    """Heartbeat in the background, so that a lost worker is noticed and a cancellation arrives.

    `told`: what is being waited for, if anything; the Web UI shows it.
    """
    timeout = activity.info().heartbeat_timeout
    if timeout is None:
        yield
        return
    task = asyncio.create_task(_beat(timeout.total_seconds() / 2, told))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _beat(interval: float, told: Callable[[], str | None]) -> None:
    while True:
        activity.heartbeat(told())
        await asyncio.sleep(interval)
