"""In: a commit's files. Out: its stack, as its own `enrich up` starts it, and its process groups by name.

What the two commits call their processes may differ; that a setting leads to each of them does not.
"""

import asyncio
import shlex
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from archon.cli.bench.against.checkouts import Checkout
from archon.cli.bench.runs.run import Target
from archon.devstack.process import READY_SECONDS, STOP_SECONDS, ChildProcess, emptied
from archon.devstack.stack import Ports, environment
from archon.runtime.settings import Settings

_LEADING: Final = {
    "Temporal": "TEMPORAL_ADDRESS",
    "Kafka": "KAFKA_BOOTSTRAP_SERVERS",
    "graph": "MEMGRAPH_URI",
    "vectors": "QDRANT_URL",
    "bridge": "BRIDGE_PORT",
    "intelligence": "INTELLIGENCE_PORT",
    "ingress": "INGRESS_PORT",
    "worker": "WORKER_PORT",
}
"""The setting that leads to each process."""
_PROC: Final = Path("/proc")
_LISTENS: Final = "0A"
"""State of a socket (man 5 proc, /proc/net/tcp)."""


@asynccontextmanager
async def started(checkout: Checkout, directory: Path) -> AsyncIterator[tuple[ChildProcess, Target]]:
    """Raises ServerFailedError that names the log."""
    written = directory / "env"

    async def ready() -> None:
        written.read_text()

    up = ChildProcess(
        name=f"the stack of {checkout.label}",
        version="",
        url="",
        log=directory / "up.log",
        ready=ready,
        # What this process's environment says must not slow a stack in silence, or give it other code.
        environment={"INTELLIGENCE_SIMULATED_LATENCY": "0", "PYTHONPATH": ""},
        directory=checkout.directory,
        # It says itself which of its processes is not ready in time; they begin, and end, in two turns.
        ready_seconds=3 * READY_SECONDS,
        stop_seconds=3 * STOP_SECONDS,
        command=[
            # Those of another stack, whose `env` this shell has read, would be refused, or measured.
            *("env", *(word for name in environment(directory, Ports()) for word in ("-u", name))),
            *(str(checkout.python), "-m", "archon.cli.main"),
            *("up", "--free-ports", "--data-dir", str(directory)),
        ],
    )
    leaders: dict[str, int] = {}
    try:
        await up.start()
        assert up.pid is not None
        exported = _exports(written.read_text())
        leaders |= _leaders(up.pid, exported)
        yield up, Target(_settings(exported), exported, directory, leaders, foreign=True)
    finally:
        # Not killed, even where it has not begun to serve: it ends its own processes.
        await up.stop()
        # Had it to be killed, they end by themselves; the next run must not begin beside them.
        await asyncio.gather(*map(emptied, leaders.values()))


def _exports(script: str) -> dict[str, str]:
    """The variables that a shell would export from it, but for the path."""
    words = [shlex.split(line) for line in script.splitlines() if line.startswith("export ")]
    pairs = (each[1].partition("=") for each in words)
    return {name: value for name, _, value in pairs if name != "PATH"}


def _settings(environment: Mapping[str, str]) -> Settings:
    known = {
        name.lower(): value for name, value in environment.items() if name.lower() in Settings.model_fields
    }
    return Settings(**known)  # type: ignore[arg-type]


def _leaders(up: int, environment: Mapping[str, str]) -> dict[str, int]:
    """The leaders of all process groups of a stack, by name; numbered where no setting leads to one. `up`:
    the guard of what has started it."""
    if not (_PROC / "self" / "stat").exists():
        return {}
    parents, groups = _processes()
    # `up` is the child of its guard, and each process of the stack has a guard that leads its group.
    leaders = {pid for pid, parent in parents.items() if parents.get(parent) == up}
    listening = _listening()
    found: dict[str, int] = {}
    for pid in (pid for pid, group in groups.items() if group in leaders):
        ports = {listening[inode] for inode in _sockets(pid) if inode in listening}
        found |= {
            name: groups[pid]
            for name, setting in _LEADING.items()
            if _port(environment.get(setting, "")) in ports
        }
    others = sorted(leaders - set(found.values()))
    return found | {f"another process {number}": leader for number, leader in enumerate(others, 1)}


def _processes() -> tuple[dict[int, int], dict[int, int]]:
    """The parent and the group of each process (man 5 proc, /proc/pid/stat)."""
    parents, groups = {}, {}
    for directory in _PROC.glob("[0-9]*"):
        with suppress(OSError):
            fields = (directory / "stat").read_text().rpartition(")")[2].split()
            parents[int(directory.name)], groups[int(directory.name)] = int(fields[1]), int(fields[2])
    return parents, groups


def _listening() -> dict[str, int]:
    """The port of each listening socket, by its inode."""
    found = {}
    for table in ("tcp", "tcp6"):
        with suppress(OSError):
            for line in (_PROC / "net" / table).read_text().splitlines()[1:]:
                fields = line.split()
                if fields[3] == _LISTENS:
                    found[fields[9]] = int(fields[1].rpartition(":")[2], 16)
    return found


def _sockets(pid: int) -> list[str]:
    """Inodes of those that a process has open."""
    found = []
    with suppress(OSError):
        for link in (_PROC / str(pid) / "fd").iterdir():
            with suppress(OSError):
                kind, _, inode = str(link.readlink()).partition(":")
                if kind == "socket":
                    found.append(inode.strip("[]"))
    return found


def _port(address: str) -> int | None:
    """Of a URL, of host:port, or a port alone."""
    if address.isdecimal():
        return int(address)
    return urlsplit(address if "://" in address else f"//{address}").port
