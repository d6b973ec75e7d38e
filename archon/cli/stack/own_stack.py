"""In: work for a stack that a verb starts. Out: a directory for its data, and the work's result."""

import asyncio
import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol, TypeVar

from archon.cli.terminal.output import err
from archon.devstack.process import ServerFailedError

Result = TypeVar("Result")


class Failing(Protocol):
    """A stack or its process: raises ServerFailedError when it ends."""

    async def failed(self) -> None: ...


@contextlib.contextmanager
def own_directory(given: Path | None, prefix: str) -> Iterator[Path]:
    """The given directory, kept, or a temporary one, removed."""
    if given is not None:
        yield given.resolve()
        return
    made = Path(tempfile.mkdtemp(prefix=prefix))
    kept = False
    try:
        yield made
    except ServerFailedError:
        kept = True
        err.print(f"{made} is kept: its logs show what happened")
        raise
    finally:
        if not kept:
            shutil.rmtree(made, ignore_errors=True)


async def unless_failed(work: asyncio.Task[Result], stack: Failing) -> Result:
    """The work's result; raises ServerFailedError if a process of the stack ends first."""
    watching = asyncio.create_task(stack.failed())
    try:
        await asyncio.wait([work, watching], return_when=asyncio.FIRST_COMPLETED)
        if not work.done():
            await watching
        return await work
    finally:
        for task in (watching, work):
            task.cancel()
        await asyncio.gather(watching, work, return_exceptions=True)
