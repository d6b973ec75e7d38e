"""In: a cancellation, which Temporal delivers anywhere. Out: the same at a place that can bear it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any, TypeVar

Done = TypeVar("Done")


async def uncancelled(work: Coroutine[Any, Any, Done], on_cancel: Callable[[], None]) -> Done:
    """The result of what must not be left half done; `on_cancel` is called for a cancellation meanwhile."""
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
    """Do `work` while the block lasts. What it has begun has ended when the block has; `on_cancel` is called
    for a cancellation that comes between the two."""
    task = asyncio.create_task(work)

    async def ended() -> None:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    try:
        yield
    finally:
        await uncancelled(ended(), on_cancel)


def raise_if_cancelled() -> None:
    """A step that waits for its own end takes a cancellation in silence; raise it now."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


def forget() -> None:
    """The cancellation has been acted upon."""
    task = asyncio.current_task()
    while task is not None and task.cancelling():
        task.uncancel()
