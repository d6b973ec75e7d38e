"""In: processes that do not run yet. Out: all of them started concurrently, and stopped concurrently."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence

from archon.devstack.process import ChildProcess

Tell = Callable[[str], None]
"""Receives lines for people."""


@contextlib.asynccontextmanager
async def together(processes: Sequence[ChildProcess], tell: Tell) -> AsyncIterator[None]:
    """Starts all and stops all concurrently; if one does not start, none is left running."""
    starting = [asyncio.create_task(process.start()) for process in processes]
    telling = asyncio.create_task(_tell(processes, tell))
    try:
        done, _ = await asyncio.wait(starting, return_when=asyncio.FIRST_EXCEPTION)
        for task in done:
            await task
        telling.cancel()
        yield
    finally:
        for task in (*starting, telling):
            task.cancel()
        await asyncio.gather(*starting, telling, return_exceptions=True)
        await asyncio.gather(*(process.stop() for process in processes))


async def _tell(processes: Sequence[ChildProcess], tell: Tell) -> None:
    """Once a second, reports the processes that are not ready; until cancelled."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    while True:
        await asyncio.sleep(1)
        waiting: dict[str, list[str]] = {}
        for each in processes:
            if each.not_ready:
                waiting.setdefault(each.not_ready, []).append(each.name.lower())
        if waiting:
            said = "; ".join(f"{', '.join(names)}: {reason}" for reason, names in waiting.items())
            tell(f"waiting for {said}; {loop.time() - began:.0f} s")
