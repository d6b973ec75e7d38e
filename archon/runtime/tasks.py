"""In: coroutines. Out: several at once, one beside a block, one until somebody says stop; none stays behind.

A process stops in the reverse order of its `async with` blocks; nothing here kills anything.
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
    """In the order of the keys. Raises the first error; the questions under way then go on by themselves."""
    asked = list(keys)
    slots = asyncio.Semaphore(at_once)

    async def one(key: Key) -> Answer:
        async with slots:
            return await ask(key)

    return dict(zip(asked, await asyncio.gather(*map(one, asked)), strict=True))


async def together(work: Iterable[Coroutine[Any, Any, None]]) -> None:
    """All at once; the first that fails ends the others, and its error is raised."""
    tasks = [asyncio.create_task(each) for each in work]
    try:
        await asyncio.gather(*tasks)
    finally:
        await _cancelled(*tasks)


@contextlib.asynccontextmanager
async def beside(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """`work` while the block lasts; the block does not need it, so that it may fail."""
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
    """`work` in the background while the block lasts; then it is cancelled.

    If it fails, the process is asked to stop: without it, it would look well and lose what `work` is for. Its
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
    """What `work` returns; None, with `work` cancelled, when `stop` is set before."""
    working, stopped = asyncio.create_task(work), asyncio.create_task(stop.wait())
    try:
        await asyncio.wait([working, stopped], return_when=asyncio.FIRST_COMPLETED)
        return await working if working.done() else None
    finally:
        working.cancel()
        stopped.cancel()
        await asyncio.gather(working, stopped, return_exceptions=True)


async def first_of(*tasks: asyncio.Task[Any]) -> None:
    """Wait until one task ends, and raise what it raised."""
    done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in done:
        await task


@contextlib.asynccontextmanager
async def stop_on_signals() -> AsyncIterator[asyncio.Event]:
    """An event that SIGTERM or SIGINT sets; the second signal interrupts as usual."""
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
