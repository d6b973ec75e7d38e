"""In: a cancellation, which Temporal delivers at any await. Out: the same cancellation at a safe place."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any, TypeVar

Done = TypeVar("Done")


async def uncancelled(work: Coroutine[Any, Any, Done], on_cancel: Callable[[], None]) -> Done:
    """The result of work that must not be interrupted; a cancellation during the work calls `on_cancel`."""
    task = asyncio.create_task(work)
    while True:
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            if task.cancelled():
                raise
            forget()
            on_cancel()


@contextlib.asynccontextmanager
async def meanwhile(work: Coroutine[Any, Any, None], on_cancel: Callable[[], None]) -> AsyncIterator[None]:
    """Runs `work` during the block and ends it with the block, including everything that it has started. A
    cancellation during that end calls `on_cancel`."""
    task = asyncio.create_task(work)

    async def ended() -> None:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    try:
        yield
    finally:
        await uncancelled(ended(), on_cancel)


def raise_if_cancelled() -> None:
    """Raises a cancellation that the previous step has swallowed, because it waited for its own end."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


def forget() -> None:
    """Clears the cancellation after it has been acted upon."""
    task = asyncio.current_task()
    while task is not None and task.cancelling():
        task.uncancel()
