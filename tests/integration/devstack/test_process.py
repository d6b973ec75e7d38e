"""Child processes: they end with their parent, report failures, and name their log."""

import asyncio
import contextlib
import os
import pty
import re
import signal
import socket
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import psutil
import pytest

from archon.contracts.errors import ConfigurationError
from archon.devstack.data_directory import (
    DataDirectoryInUseError,
    in_use,
    keep_ports,
    kept_ports,
    locked,
    ports_file,
)
from archon.devstack.process import BACKGROUND, ChildProcess, ServerFailedError, reason
from archon.devstack.stack import Ports, Servers, Services
from archon.devstack.together import together
from archon.runtime.local_ports import PortTakenError, free_ports, require_free
from tests.eventually import eventually
from tests.integration.devstack.sleeper import SLEEPER, child
from tests.processes import alive, below

PARENT = """
import asyncio, fcntl, pathlib, signal, sys, termios
sys.path.insert(0, {directory!r})
from tests.integration.devstack.sleeper import SLEEPER, child

async def main():
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # `nohup` ignores it for its children
    if sys.stdin.isatty():
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    interrupted = lambda: print("interrupted", flush=True)
    asyncio.get_running_loop().add_signal_handler(signal.SIGINT, interrupted)
    async with child(pathlib.Path({log!r}), SLEEPER) as process:
        print(process.pid, flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


async def parent(tmp_path: Path, **options: Any) -> tuple[asyncio.subprocess.Process, int]:
    """Another process with a child, and the group of that child."""
    script = PARENT.format(directory=str(Path.cwd()), log=str(tmp_path / "log"))
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, stdout=subprocess.PIPE, **options
    )
    assert process.stdout is not None
    return process, int(await process.stdout.readline())


async def gone(group: int) -> None:
    async def empty() -> bool:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(group, 0)
            return False
        return True

    await eventually(empty)


async def test_it_runs_while_its_block_does(tmp_path: Path) -> None:
    async with child(tmp_path / "log", SLEEPER) as process:
        pid = process.pid
        assert pid is not None
        assert alive(pid)
    assert not alive(pid)


async def test_a_cancellation_while_it_starts_is_obeyed_whatever_ready_says(tmp_path: Path) -> None:
    async def ready() -> None:
        starting.cancel()
        raise OSError("not yet")

    process = ChildProcess("Sleeper", "1", "none", SLEEPER, ready, tmp_path / "log")
    starting = asyncio.create_task(process.__aenter__())
    with pytest.raises(asyncio.CancelledError):
        await starting
    assert process.pid is None


async def test_one_that_dies_names_its_log(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "raise SystemExit('no such disk')"]
    with pytest.raises(ServerFailedError, match=r"Sleeper exited with code 1.*log.*\n.*no such disk"):
        async with child(tmp_path / "log", command):
            pass


async def test_a_death_later_is_told_too(tmp_path: Path) -> None:
    async with child(tmp_path / "log", SLEEPER) as process:
        assert process.pid is not None
        failing = asyncio.create_task(process.failed())
        os.killpg(process.pid, signal.SIGKILL)
        with pytest.raises(ServerFailedError, match="Sleeper"):
            await failing


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
async def test_nothing_outlives_the_parent(tmp_path: Path, number: int) -> None:
    process, group = await parent(tmp_path)
    assert alive(group)
    process.send_signal(number)
    await process.communicate()
    await gone(group)


async def test_a_terminal_interrupts_the_parent_alone_and_ends_all_when_it_is_closed(tmp_path: Path) -> None:
    terminal, its_end = pty.openpty()
    process, group = await parent(tmp_path, stdin=its_end, start_new_session=True)
    os.close(its_end)
    assert process.stdout is not None
    os.write(terminal, b"\x03")
    assert await process.stdout.readline() == b"interrupted\n"
    assert alive(group)
    os.close(terminal)
    await process.communicate()
    assert process.returncode == -signal.SIGHUP
    await gone(group)


@pytest.mark.skipif(sys.platform != "linux", reason="a thread has a niceness of its own there alone")
async def test_the_background_is_nicer_and_of_the_same_session(tmp_path: Path) -> None:
    """Across sessions Linux may ignore niceness (man 7 sched, autogroup)."""
    process = child(tmp_path / "log", SLEEPER)
    process.niceness = 3
    async with process:
        assert process.pid is not None
        ours = os.getpriority(os.PRIO_PROCESS, 0)
        guard = psutil.Process(process.pid)
        (guarded,) = guard.children()
        for each in (guard, guarded):
            assert os.getsid(each.pid) == os.getsid(0)
            for thread in each.threads():
                assert os.getpriority(os.PRIO_PROCESS, thread.id) == min(ours + 3, 19)


def test_indexing_goes_before_enrichment(tmp_path: Path) -> None:
    ports = Ports()
    children = [*Servers.on(tmp_path, ports).all(), *Services.on(tmp_path, ports, {}).all()]
    assert {each.name for each in children if each.niceness == 0} == {"bridge", "Graph", "Kafka", "Vectors"}
    assert {each.niceness for each in children} == {0, BACKGROUND}


def test_a_taken_port_is_named() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(PortTakenError, match=rf"{port}.*bridge"):
            require_free(port, "bridge")
    assert len(set(free_ports(10))) == 10


async def test_a_data_directory_serves_one_stack(tmp_path: Path) -> None:
    assert not in_use(tmp_path)
    async with locked(tmp_path):
        assert in_use(tmp_path)
        with pytest.raises(DataDirectoryInUseError, match=str(tmp_path)):
            async with locked(tmp_path):
                pass
    assert not in_use(tmp_path)
    async with locked(tmp_path):
        pass


def test_a_directory_keeps_the_ports_of_its_stack(tmp_path: Path) -> None:
    assert kept_ports(tmp_path) == {}
    ports = Ports.free()
    keep_ports(tmp_path, asdict(ports))
    assert Ports.named(kept_ports(tmp_path)) == ports
    # Ports of an earlier and of a later release.
    assert Ports.named({"bridge": 1, "another": 2}) == Ports(bridge=1)
    ports_file(tmp_path).write_text("not JSON")
    with pytest.raises(ConfigurationError, match=r"ports\.json"):
        kept_ports(tmp_path)


@pytest.mark.skipif(sys.platform != "linux", reason="prctl")
async def test_a_process_ends_with_its_guard(tmp_path: Path) -> None:
    async with child(tmp_path / "log", SLEEPER) as process:
        assert process.pid is not None
        (guarded,) = below(process.pid)
        os.kill(process.pid, signal.SIGKILL)

        async def ended() -> bool:
            return not alive(guarded)

        await eventually(ended, seconds=5)


async def test_it_is_told_what_a_start_waits_for(tmp_path: Path) -> None:
    """A server that listens some time after its start."""
    (port,) = free_ports(1)
    listens = asyncio.Event()

    async def ready() -> None:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.close()
        if not listens.is_set():
            raise OSError("disk is checked\nas after each crash")

    lines: list[str] = []

    def tell(words: str) -> None:
        lines.append(words)
        if len(lines) == 1:
            servers.append(asyncio.create_task(asyncio.start_server(lambda *_: None, "127.0.0.1", port)))
        if "disk is checked" in words:
            listens.set()

    servers: list[asyncio.Task[asyncio.Server]] = []
    process = ChildProcess("Sleeper", "1", "none", SLEEPER, ready, tmp_path / "log")
    async with together([process], tell):
        assert re.fullmatch(r"waiting for sleeper: connection refused; \d+ s", lines[0])
        assert re.fullmatch(r"waiting for sleeper: disk is checked; \d+ s", lines[-1])
        assert process.not_ready == ""
    (await servers[0]).close()


def test_a_reason_is_what_the_system_says() -> None:
    refused = RuntimeError("Status { source: Os { code: 111, kind: ConnectionRefused } }")
    assert reason(refused) == "connection refused"
    assert reason(TimeoutError()) == "no answer"
    assert reason(OSError()) == "OSError"
    assert reason(OSError("first line\nsecond")) == "first line"
