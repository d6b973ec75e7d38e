"""In: CPU work. Out: its result from a worker process, within a time limit, without affecting other work.

Each process has its own executor, so the end of one process only affects its own work.
"""

import asyncio
import contextlib
import ctypes
import multiprocessing
import os
import resource
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.process import BaseProcess
from typing import Any, Final, TypeVar

from archon.contracts.errors import ArchonError

Result = TypeVar("Result")
Arguments = tuple[Any, ...]

GROUP_SIZE: Final = 200_000
"""Maximum number of items sent to one worker at once; many small documents cost less in a group."""
_GROUPS_A_WORKER: Final = 2
_RESTART_SECONDS: Final = 1.0
_PATIENCE: Final = 4
_PR_SET_PDEATHSIG: Final = 1


class PoolError(ArchonError):
    """Base of the reasons why work has no result; `code` is for programs."""

    code = "analysis_failed"


class TimeLimitError(PoolError):
    """The work exceeded the time limit and was ended."""

    code = "time_limit"


class MemoryLimitError(PoolError):
    """The work exceeded the memory limit."""

    code = "memory_limit"


class WorkerDiedError(PoolError):
    """The worker process died during this work, twice."""

    code = "worker_died"


class WorkFailedError(PoolError):
    """The work itself raised an error."""


class Pool:
    """Worker processes for analyses.

    `limit`: seconds of processor time, because the wall clock also counts waiting on a busy machine; work
    that uses no processor is ended after four times as long. `begin` is called in each process before its
    first work. `memory`: bytes that each process may allocate, as counted by Linux (man 2 getrlimit,
    RLIMIT_DATA).
    """

    def __init__(
        self,
        workers: int,
        limit: float,
        begin: Callable[[], None],
        memory: int | None = None,
    ) -> None:
        self._limit = limit
        self._begin = begin
        self._memory = memory
        self._workers = {self._new() for _ in range(workers)}
        self._idle: asyncio.Queue[ProcessPoolExecutor] = asyncio.Queue()
        self._starting: set[asyncio.Task[None]] = set()

    def _new(self) -> ProcessPoolExecutor:
        spawn = multiprocessing.get_context("spawn")
        return ProcessPoolExecutor(
            1, mp_context=spawn, initializer=_begun, initargs=(self._begin, self._memory)
        )

    async def warm(self) -> None:
        """Starts every worker; returns when all are ready."""
        # Without a limit: that is for documents, and a busy machine starts slowly.
        await asyncio.gather(*map(self._start, list(self._workers)))

    async def run(self, work: Callable[..., Result], *arguments: object) -> Result:
        """Raises TimeLimitError, WorkerDiedError or, for any error of `work`, WorkFailedError."""
        outcome = (await self._tried(work, [arguments]))[0]
        if isinstance(outcome, PoolError):
            raise outcome
        return outcome

    async def run_each(
        self, work: Callable[..., Result], items: Sequence[Arguments], sizes: Sequence[int]
    ) -> list[Result | PoolError]:
        """The outcome of each of `items`, in order. A worker gets several items at once, by `sizes`; if one
        ends the worker, each item of the group is tried again alone."""
        share = min(GROUP_SIZE, -(-sum(sizes) // (_GROUPS_A_WORKER * len(self._workers))))
        groups = [items[part] for part in parts(sizes, share)]
        outcomes = await asyncio.gather(*(self._group(work, group) for group in groups))
        return [outcome for group in outcomes for outcome in group]

    async def _group(
        self, work: Callable[..., Result], group: Sequence[Arguments]
    ) -> list[Result | PoolError]:
        if len(group) > 1:
            with contextlib.suppress(TimeLimitError, MemoryLimitError, BrokenProcessPool):
                return await self._sent(work, group)
        return [outcome for item in group for outcome in await self._outcome(work, item)]

    async def _outcome(self, work: Callable[..., Result], item: Arguments) -> list[Result | PoolError]:
        try:
            return await self._tried(work, [item])
        except PoolError as error:
            return [error]

    async def _tried(
        self, work: Callable[..., Result], items: Sequence[Arguments]
    ) -> list[Result | PoolError]:
        """Tries twice: other processes on this machine may also kill a worker, and earlier work may have
        filled its memory."""
        with contextlib.suppress(BrokenProcessPool, MemoryLimitError):
            return await self._sent(work, items)
        try:
            return await self._sent(work, items)
        except BrokenProcessPool as error:
            raise WorkerDiedError("the worker process died over this document") from error

    async def _sent(
        self, work: Callable[..., Result], items: Sequence[Arguments]
    ) -> list[Result | PoolError]:
        worker = await self._idle.get()
        processes = list(worker._processes.values())  # noqa: SLF001  the exit codes differ
        future: Future[list[Result | PoolError]] | None = None
        try:
            future = worker.submit(_each, work, items, self._limit)
            async with asyncio.timeout(_PATIENCE * self._limit):
                outcomes = await asyncio.wrap_future(future)
            return _within_memory(outcomes)
        except TimeoutError as error:
            raise self._too_long() from error
        except BrokenProcessPool as error:
            if -signal.SIGPROF in [await _exit_code(process) for process in processes]:
                raise self._too_long() from error
            raise
        finally:
            if future is not None and future.done() and not _spent(future):
                self._idle.put_nowait(worker)
            else:
                self._replace(worker)

    def _too_long(self) -> TimeLimitError:
        return TimeLimitError(f"the analysis took longer than {self._limit:g} s of a processor")

    def close(self) -> None:
        workers, self._workers = self._workers, set()
        for task in self._starting:
            task.cancel()
        for worker in workers:
            _end(worker, wait=True)

    def _replace(self, worker: ProcessPoolExecutor) -> None:
        _end(worker)
        if worker in self._workers:
            self._workers.remove(worker)
            new = self._new()
            self._workers.add(new)
            task = asyncio.create_task(self._start(new))
            self._starting.add(task)
            task.add_done_callback(self._starting.discard)

    async def _start(self, worker: ProcessPoolExecutor) -> None:
        try:
            await asyncio.wrap_future(worker.submit(os.getpid))
        except BrokenProcessPool:
            await asyncio.sleep(_RESTART_SECONDS)
            self._replace(worker)
        else:
            self._idle.put_nowait(worker)


def parts(sizes: Sequence[int], share: int) -> Iterator[slice]:
    """Groups of neighbouring items with a total size of at most `share`."""
    start = total = 0
    for index, size in enumerate(sizes):
        if index > start and total + size > share:
            yield slice(start, index)
            start, total = index, 0
        total += size
    yield slice(start, len(sizes))


def _begun(begin: Callable[[], None], memory: int | None) -> None:
    """Runs first in the worker. A worker holds both ends of its work pipe, so without this it would wait
    forever after its parent's end."""
    if sys.platform == "linux":  # also ends native code, which may hold Python's lock (man 2 prctl)
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    begin()
    if memory is not None and sys.platform == "linux":
        resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os.kill(os.getpid(), signal.SIGKILL)


def _each(work: Callable[..., Result], items: Sequence[Arguments], limit: float) -> list[Result | PoolError]:
    """Runs in the worker."""
    return [_one(work, arguments, limit) for arguments in items]


def _one(work: Callable[..., Result], arguments: Arguments, limit: float) -> Result | PoolError:
    # The signal ends the process, even in native code.
    signal.setitimer(signal.ITIMER_PROF, limit)
    try:
        return work(*arguments)
    except (KeyboardInterrupt, SystemExit):
        raise
    except MemoryError:
        most, _ = resource.getrlimit(resource.RLIMIT_DATA)
        return MemoryLimitError(f"the analysis needed more than {most >> 20} MiB of memory")
    except BaseException as error:  # noqa: BLE001  a panic of the parser is no Exception
        # The message may quote the document, and its class may not be picklable.
        return WorkFailedError(f"{type(error).__name__} in the analysis")
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


async def _exit_code(process: BaseProcess) -> int | None:
    """None if unknown after a second: the executor's own thread also waits for the process, and only one of
    both gets the exit code at once."""
    for _ in range(100):
        if process.exitcode is not None:
            break
        await asyncio.sleep(0.01)
    return process.exitcode


def _within_memory(outcomes: list[Result | PoolError]) -> list[Result | PoolError]:
    for outcome in outcomes:
        if isinstance(outcome, MemoryLimitError):
            raise outcome
    return outcomes


def _spent(future: Future[Any]) -> bool:
    """Whether the worker can take no more work: it has ended, or its memory is full."""
    if future.cancelled() or isinstance(future.exception(), BrokenProcessPool):
        return True
    return future.exception() is None and any(isinstance(each, MemoryLimitError) for each in future.result())


def _end(executor: ProcessPoolExecutor, *, wait: bool = False) -> None:
    # The executor has no API to end a worker that is stuck in native code.
    for process in list((executor._processes or {}).values()):  # noqa: SLF001
        with contextlib.suppress(ProcessLookupError):
            process.kill()
    executor.shutdown(wait=wait, cancel_futures=True)
