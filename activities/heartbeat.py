"""In: a long await inside an activity. Out: heartbeats, twice within the timeout."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from functools import wraps
from typing import Any, Concatenate, Final, ParamSpec, TypeVar

from temporalio import activity

from activities.failures import as_application_errors

Owner = TypeVar("Owner")
Input = ParamSpec("Input")
Result = TypeVar("Result")
_BEATS: Final = 2
"""Heartbeats in the time without one after which the worker counts as lost."""
Method = Callable[Concatenate[Owner, Input], Coroutine[Any, Any, Result]]


@contextlib.asynccontextmanager
async def heartbeating(details: Callable[[], Sequence[Any]] = tuple) -> AsyncIterator[None]:
    """Heartbeats in the background, so that a lost worker is noticed and a cancellation arrives.

    `details`: the heartbeat's details, for the Web UI and the next attempt.
    """
    timeout = activity.info().heartbeat_timeout
    if timeout is None:
        yield
        return
    task = asyncio.create_task(_beat(timeout.total_seconds() / _BEATS, details))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _beat(interval: float, details: Callable[[], Sequence[Any]]) -> None:
    while True:
        await asyncio.sleep(interval)
        activity.heartbeat(*details())


def unbroken(method: Method[Owner, Input, Result]) -> Method[Owner, Input, Result]:
    """A step against a store: heartbeats, translates its errors, and is only cancelled after its end.

    An abandoned write may still arrive, and would contradict the steps after the cancellation. Every store
    call has its own time limit, so none blocks a worker for long.
    """

    @wraps(method)
    async def step(self: Owner, /, *args: Input.args, **kwargs: Input.kwargs) -> Result:
        with as_application_errors():
            async with heartbeating():
                work = asyncio.create_task(method(self, *args, **kwargs))
                while True:
                    try:
                        return await asyncio.shield(work)
                    except asyncio.CancelledError:
                        if work.cancelled():
                            raise

    return step
