"""In: the name of an outage and a running stack. Out: a way to take the server away and to bring it back.

A server with its data on disk is killed. A server that would lose its data is frozen: it keeps its
connections and answers nothing, like a hanging server.
"""

import asyncio
import os
import signal
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from archon.devstack.process import ChildProcess
from archon.devstack.stack import Stack
from tests.eventually import eventually


class Way(Enum):
    """How a server goes away."""

    KILLED = auto()
    FROZEN = auto()


@dataclass(frozen=True)
class Outage:
    """`group`: servers or services of a stack."""

    group: str
    server: str
    way: Way = Way.KILLED

    def process(self, stack: Stack) -> ChildProcess:
        found: ChildProcess = getattr(getattr(stack, self.group), self.server)
        return found

    async def begin(self, stack: Stack) -> None:
        process = self.process(stack)
        if self.way is Way.FROZEN:
            await freeze(process)
        else:
            await process.kill()

    async def end(self, stack: Stack) -> None:
        """Returns when it serves again."""
        process = self.process(stack)
        if self.way is Way.FROZEN:
            thaw(process)
        else:
            await process.start()


OUTAGES: Final[Mapping[str, Outage]] = {
    "temporal": Outage("servers", "temporal"),
    "kafka": Outage("servers", "kafka", Way.FROZEN),
    "graph": Outage("servers", "graph"),
    "graph-hangs": Outage("servers", "graph", Way.FROZEN),
    "vectors": Outage("servers", "vectors"),
    "vectors-hang": Outage("servers", "vectors", Way.FROZEN),
    "intelligence": Outage("services", "intelligence"),
    "worker": Outage("services", "worker"),
}


async def freeze(process: ChildProcess) -> None:
    """Stops all its processes except the guard, which still ends it if this process ends.

    Returns when all are stopped: a thread of a busy process may still answer after the signal.
    """
    leader = process.pid
    assert leader is not None
    os.killpg(leader, signal.SIGSTOP)
    os.kill(leader, signal.SIGCONT)

    async def stopped() -> bool:
        return await asyncio.to_thread(_all_stopped, leader)

    await eventually(stopped)


def thaw(process: ChildProcess) -> None:
    if process.pid is not None:
        os.killpg(process.pid, signal.SIGCONT)


def _all_stopped(leader: int) -> bool:
    listed = subprocess.run(
        ["ps", "-A", "-o", "pgid=,pid=,state="], capture_output=True, text=True, check=True
    )
    rows = [line.split() for line in listed.stdout.splitlines()]
    states = [state for group, pid, state in rows if int(group) == leader != int(pid)]
    return bool(states) and all(state.startswith("T") for state in states)
