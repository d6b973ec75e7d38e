"""In: a command and a readiness check. Out: a ready child process, or an error that names its log. The child
ends with its block and with this process."""

import asyncio
import contextlib
import os
import re
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from archon.contracts.errors import ArchonError
from archon.devstack import guard

BACKGROUND: Final = 7
"""Niceness of background processes: indexing has waiting users and takes precedence.

A fifth of the weight of niceness 0 and fourteen times that of 19 (man 7 sched). Less weight would starve
enrichment next to other work of the same session, more would slow indexing down.
"""
READY_SECONDS: Final = 120.0
STOP_SECONDS: Final = 15.0
_LOG_TAIL: Final = 12
_LONGEST_REASON: Final = 160


class ServerFailedError(ArchonError):
    """A child process died or never became ready; the message names its log and shows its end."""


@dataclass
class ChildProcess:
    """A server as an async context manager. `ready` returns when it serves, and raises before that.

    `url` is the address for a person.
    """

    name: str
    version: str
    url: str
    command: Sequence[str]
    ready: Callable[[], Awaitable[object]]
    log: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    niceness: int = 0
    directory: Path | None = None
    """Working directory; default: that of this process."""
    ready_seconds: float = READY_SECONDS
    stop_seconds: float = STOP_SECONDS
    """Time limits for its start and its end."""
    not_ready: str = ""
    """Result of the last readiness check, in a few words; empty if ready."""
    _process: asyncio.subprocess.Process | None = None
    _pipe: int | None = None
    _log_start: int = 0

    async def __aenter__(self) -> Self:
        try:
            await self.start()
        except BaseException:
            await self.kill()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    @property
    def pid(self) -> int | None:
        """The guard's process id, which leads the group."""
        return self._process.pid if self._process else None

    async def start(self) -> None:
        """Starts the process and waits until it is ready. Raises ServerFailedError."""
        self.not_ready = "it starts"
        self.log.parent.mkdir(parents=True, exist_ok=True)
        reading, self._pipe = os.pipe()
        with self.log.open("ab") as log:
            self._log_start = log.tell()
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-S", guard.__file__, str(reading)),
                *self.command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **self.environment},
                cwd=self.directory,
                pass_fds=[reading],
                # A group, not a session: Linux first divides processor time between sessions (man 7 sched,
                # autogroup). In a session of its own, a process's niceness would have no effect on ours.
                process_group=0,
            )
        os.close(reading)
        await self._wait_until_ready(self._process)
        # Not earlier: on a busy machine it would hardly ever start.
        yield_processor(self._process.pid, self.niceness)

    async def stop(self) -> None:
        """Ends it gently, then by force."""
        if self._process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            self._process.terminate()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._process.wait(), self.stop_seconds)
        await self.kill()

    async def kill(self) -> None:
        """Kills the process and its children with SIGKILL, like a crash."""
        if self._process is None:
            return
        leader = self._process.pid
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(leader, signal.SIGKILL)
        await self._process.wait()
        await emptied(leader)
        self._process = None
        if self._pipe is not None:
            os.close(self._pipe)
            self._pipe = None

    async def ended(self) -> int:
        """Waits until it ends. Returns its exit code, 128 plus the number of a signal that ended it."""
        assert self._process is not None
        return await self._process.wait()

    async def failed(self) -> None:
        """Waits until it ends, then raises ServerFailedError."""
        raise self._failure(f"exited with code {await self.ended()}")

    async def _wait_until_ready(self, process: asyncio.subprocess.Process) -> None:
        deadline = asyncio.get_running_loop().time() + self.ready_seconds
        last: BaseException | None = None
        while asyncio.get_running_loop().time() < deadline:
            if process.returncode is not None:
                raise self._failure(f"exited with code {process.returncode}")
            try:
                # Not wait_for: in Python 3.11 it loses a cancellation if the call fails at that moment.
                async with asyncio.timeout(5.0):
                    await self.ready()
            except Exception as error:  # noqa: BLE001  every driver has errors of its own for "not yet"
                last, self.not_ready = error, reason(error)
                await asyncio.sleep(0.1)
            else:
                self.not_ready = ""
                return
        raise self._failure(f"was not ready after {self.ready_seconds:g} s ({last!r})")

    def _failure(self, what: str) -> ServerFailedError:
        tail = self.log.read_bytes()[self._log_start :].decode(errors="replace").splitlines()[-_LOG_TAIL:]
        shown = "\n".join(f"  | {line[:300]}" for line in tail)
        return ServerFailedError(f"{self.name} {what}; its log is {self.log}\n{shown}".rstrip())


def reason(error: BaseException) -> str:
    """A short reason why a server does not answer; drivers wrap the system's message in much text."""
    causes: list[BaseException] = [error]
    while (cause := causes[-1].__cause__ or causes[-1].__context__) is not None and cause not in causes:
        causes.append(cause)
    said = " ".join(f"{type(each).__name__} {each}" for each in causes)
    if re.search("connection ?refused", said, re.IGNORECASE):
        return "connection refused"
    if isinstance(error, TimeoutError):
        return "no answer"
    return (str(error) or type(error).__name__).splitlines()[0][:_LONGEST_REASON]


async def emptied(group: int) -> None:
    """Returns when the group is empty, because its ports and files are free only then; gives up after a time
    limit."""
    with contextlib.suppress(ProcessLookupError, PermissionError, TimeoutError):
        async with asyncio.timeout(STOP_SECONDS):
            while True:
                os.killpg(group, 0)
                await asyncio.sleep(0.01)


def yield_processor(leader: int, niceness: int) -> None:
    """Increases the niceness of a group by `niceness` relative to this process."""
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PGRP, leader, os.getpriority(os.PRIO_PROCESS, 0) + niceness)
