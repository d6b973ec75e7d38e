"""In: CPU work. Out: its result from a worker process, within a time limit; a dead pool is replaced."""

import asyncio
import contextlib
import multiprocessing
import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

from archon.contracts.errors import ArchonError
from intelligence import analyser

Result = TypeVar("Result")


class TimeLimitError(ArchonError):
    """The work took longer than the limit and was ended."""


class WorkerDiedError(ArchonError):
    """The worker process died over this work, twice."""


class Pool:
    """Worker processes for analysis. `limit` is in seconds."""

    def __init__(self, workers: int, limit: float) -> None:
        self._workers = workers
        self._limit = limit
        self._executor = self._new()

    def _new(self) -> ProcessPoolExecutor:
        spawn = multiprocessing.get_context("spawn")
        return ProcessPoolExecutor(self._workers, mp_context=spawn, initializer=_begin)

    async def warm(self) -> None:
        """Start every worker; returns when all are ready."""
        loop = asyncio.get_running_loop()
        # However long it takes: the limit is for documents, and a busy machine starts slowly.
        await asyncio.gather(*(loop.run_in_executor(self._executor, os.getpid) for _ in range(self._workers)))

    async def run(self, work: Callable[..., Result], *arguments: object) -> Result:
        """Raises TimeLimitError or WorkerDiedError; whatever else `work` raises is raised here."""
        for attempt in (1, 2):
            executor = self._executor
            future = asyncio.get_running_loop().run_in_executor(executor, work, *arguments)
            try:
                async with asyncio.timeout(self._limit):
                    return await future
            except TimeoutError as error:
                self._replace(executor)
                raise TimeLimitError(f"the analysis took longer than {self._limit:g} s") from error
            except BrokenProcessPool as error:
                # It may have died over somebody else's work, so this one has a second try.
                self._replace(executor)
                if attempt == 2:  # noqa: PLR2004
                    raise WorkerDiedError("the worker process died over this document") from error
        raise AssertionError("unreachable")

    def close(self) -> None:
        _end(self._executor)

    def _replace(self, broken: ProcessPoolExecutor) -> None:
        if self._executor is broken:
            self._executor = self._new()
            _end(broken)


def _begin() -> None:
    analyser.warm_up()


def _end(executor: ProcessPoolExecutor) -> None:
    # The executor offers no way to end a worker that is stuck in native code.
    for process in list((executor._processes or {}).values()):  # noqa: SLF001
        with contextlib.suppress(ProcessLookupError):
            process.kill()
    executor.shutdown(wait=False, cancel_futures=True)
