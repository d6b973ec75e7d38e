"""In: coroutines. Out: several run concurrently, in the background of a block, or until a stop; none is left
running.

A process stops in the reverse order of its `async with` blocks.
"""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable
from typing import Any, TypeVar

from archon.runtime.logs import get_logger

Key = TypeVar("Key")
Answer = TypeVar("Answer")
Result = TypeVar("Result")
_log = get_logger(__name__)


async def answers(
    keys: Iterable[Key], ask: Callable[[Key], Awaitable[Answer]], at_once: int
) -> dict[Key, Answer]:
    """The results, by key. Raises the first error; the other calls continue."""
    wanted = list(keys)
    slots = asyncio.Semaphore(at_once)

    async def one(key: Key) -> Answer:
        async with slots:
            return await ask(key)

    return dict(zip(wanted, await asyncio.gather(*map(one, wanted)), strict=True))


async def together(work: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Runs all concurrently. The first failure cancels the others and is raised."""
    tasks = [asyncio.create_task(each) for each in work]
    try:
        await asyncio.gather(*tasks)
    finally:
        await _cancelled(*tasks)


@contextlib.asynccontextmanager
async def beside(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Runs `work` during the block. The block does not need it, so it may fail."""
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        await _cancelled(task)


async def _cancelled(*tasks: asyncio.Task[None]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


@contextlib.asynccontextmanager
async def running(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Runs `work` in the background of the block, then cancels it.

    If `work` fails, the process is stopped: it would otherwise look healthy without doing that work. The
    error is raised at the end.
    """
    task = asyncio.create_task(work)
    task.add_done_callback(_stop_if_failed)
    try:
        yield
    finally:
        task.cancel()
        (ended,) = await asyncio.gather(task, return_exceptions=True)
    if isinstance(ended, Exception):
        raise ended


def _stop_if_failed(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        _log.critical("background_work_failed", exc_info=error)
        signal.raise_signal(signal.SIGTERM)


async def unless_stopped(stop: asyncio.Event, work: Coroutine[Any, Any, Result]) -> Result | None:
    """The result of `work`; None if `stop` is set first, which cancels `work`."""
    working, stopped = asyncio.create_task(work), asyncio.create_task(stop.wait())
    try:
        await asyncio.wait([working, stopped], return_when=asyncio.FIRST_COMPLETED)
        return await working if working.done() else None
    finally:
        working.cancel()
        stopped.cancel()
        await asyncio.gather(working, stopped, return_exceptions=True)


async def first_of(*tasks: asyncio.Task[Any]) -> None:
    """Waits until one task ends, and raises its exception."""
    done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in done:
        await task


@contextlib.asynccontextmanager
async def stop_on_signals() -> AsyncIterator[asyncio.Event]:
    """An event that SIGTERM or SIGINT sets; a second signal interrupts as usual."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    signals = (signal.SIGTERM, signal.SIGINT)

    def request_stop() -> None:
        stop.set()
        for number in signals:
            loop.remove_signal_handler(number)

    for number in signals:
        loop.add_signal_handler(number, request_stop)
    try:
        yield stop
    finally:
        for number in signals:
            loop.remove_signal_handler(number)
