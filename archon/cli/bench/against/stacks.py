"""In: a commit's files. Out: its stack, started by its own `enrich up`, and its process groups by name.

The two commits may name their processes differently, but a setting points to each process.
"""

import asyncio
import shlex
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import psutil

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


@asynccontextmanager
async def started(checkout: Checkout, directory: Path) -> AsyncIterator[tuple[ChildProcess, Target]]:
    """Raises ServerFailedError, which names the log."""
    written = directory / "env"

    async def ready() -> None:
        written.read_text()

    up = ChildProcess(
        name=f"the stack of {checkout.label}",
        version="",
        url="",
        log=directory / "up.log",
        ready=ready,
        # This process's environment must not silently slow the stack or change its code.
        environment={"INTELLIGENCE_SIMULATED_LATENCY": "0", "PYTHONPATH": ""},
        directory=checkout.directory,
        # The stack itself reports processes that are not ready in time; they start and stop in two groups.
        ready_seconds=3 * READY_SECONDS,
        stop_seconds=3 * STOP_SECONDS,
        command=[
            # Settings of another stack, from its sourced `env`, would be refused, or that stack would be
            # measured.
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
        # Not killed, even before it serves: it stops its own processes.
        await up.stop()
        # If it had to be killed, its processes end by themselves; the next run must not overlap with them.
        await asyncio.gather(*map(emptied, leaders.values()))


def _exports(script: str) -> dict[str, str]:
    """The variables that a shell would export from the script, except PATH."""
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
    # `up` is the child of its guard, and each process of the stack has a guard that leads its group.
    guards = [guard for command in psutil.Process(up).children() for guard in command.children()]
    found: dict[str, int] = {}
    for guard in guards:
        ports = {port for each in guard.children(recursive=True) for port in _listening(each)}
        found |= {
            name: guard.pid
            for name, setting in _LEADING.items()
            if _port(environment.get(setting, "")) in ports
        }
    others = sorted({guard.pid for guard in guards} - set(found.values()))
    return found | {f"another process {number}": leader for number, leader in enumerate(others, 1)}


def _listening(process: psutil.Process) -> set[int]:
    """The ports on which it serves."""
    with suppress(psutil.Error):
        sockets = process.net_connections("tcp")
        return {each.laddr.port for each in sockets if each.status == psutil.CONN_LISTEN}
    return set()


def _port(address: str) -> int | None:
    """The port of a URL, of host:port, or of a plain number."""
    if address.isdecimal():
        return int(address)
    return urlsplit(address if "://" in address else f"//{address}").port
