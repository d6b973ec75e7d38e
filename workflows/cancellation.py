"""In: a cancellation, which Temporal delivers anywhere. Out: the same at a place that can bear it."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

Done = TypeVar("Done")


async def uncancelled(work: Coroutine[Any, Any, Done], on_cancel: Callable[[], None]) -> Done:
    """The result of what must not be left half done; a cancellation meanwhile is told to `on_cancel`."""
    task = asyncio.create_task(work)
    while True:
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            if task.cancelled():
                raise
            forget()
            on_cancel()


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
