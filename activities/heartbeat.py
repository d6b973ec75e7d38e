"""In: a long await inside an activity. Out: heartbeats at half the timeout's pace while it lasts."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from temporalio import activity

from activities.failures import told_to_temporal

Owner = TypeVar("Owner")
Input = ParamSpec("Input")
Result = TypeVar("Result")
Method = Callable[Concatenate[Owner, Input], Coroutine[Any, Any, Result]]


@contextlib.asynccontextmanager
async def heartbeating(told: Callable[[], Sequence[Any]] = tuple) -> AsyncIterator[None]:
    """Heartbeat in the background, so that a lost worker is noticed and a cancellation arrives.

    `told`: the heartbeat's details, which the Web UI shows, and which the next attempt is handed.
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


async def _beat(interval: float, told: Callable[[], Sequence[Any]]) -> None:
    while True:
        await asyncio.sleep(interval)
        activity.heartbeat(*told())


def unbroken(method: Method[Owner, Input, Result]) -> Method[Owner, Input, Result]:
    """A store step: heartbeats, tells its errors to Temporal, and is cancelled only once it has ended.

    A write given up halfway may still arrive, and would contradict what follows the cancellation. Every store
    call has a time limit of its own, so that none holds a worker back for long.
    """

    @wraps(method)
    async def step(self: Owner, /, *args: Input.args, **kwargs: Input.kwargs) -> Result:
        with told_to_temporal():
            async with heartbeating():
                work = asyncio.create_task(method(self, *args, **kwargs))
                while True:
                    try:
                        return await asyncio.shield(work)
                    except asyncio.CancelledError:
                        if work.cancelled():
                            raise

    return step
