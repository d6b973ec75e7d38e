"""Child processes: they end with their parent, die loudly, and name their log."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from archon.devstack.process import ChildProcess, ServerFailedError
from archon.devstack.stack import DataDirectoryInUseError, locked
from archon.runtime.ports import PortTakenError, free_ports, require_free
from tests.eventually import eventually

SLEEPER = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(600)"]


def child(log: Path, command: list[str]) -> ChildProcess:
    async def ready() -> None:
        if "up" not in log.read_text():
            raise OSError("not yet")

    return ChildProcess("Sleeper", "1", "none", command, ready, log)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{pid}/stat")
    return not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] != "Z"


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
    script = textwrap.dedent(f"""
        import asyncio, pathlib, sys
        sys.path.insert(0, {str(Path.cwd())!r})
        from tests.integration.devstack.test_process import SLEEPER, child
        async def main():
            async with child(pathlib.Path({str(tmp_path / "log")!r}), SLEEPER) as process:
                print(process.pid, flush=True)
                await asyncio.Event().wait()
        asyncio.run(main())
    """)
    parent = await asyncio.create_subprocess_exec(sys.executable, "-c", script, stdout=subprocess.PIPE)
    assert parent.stdout is not None
    guard = int(await parent.stdout.readline())
    assert alive(guard)
    parent.send_signal(number)
    await parent.wait()

    async def gone() -> bool:
        return not alive(guard)

    await eventually(gone, 15)


def test_a_taken_port_is_named() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(PortTakenError, match=rf"{port}.*bridge"):
            require_free(port, "bridge")
    assert len(set(free_ports(10))) == 10


async def test_a_data_directory_serves_one_stack(tmp_path: Path) -> None:
    async with locked(tmp_path):
        with pytest.raises(DataDirectoryInUseError, match=str(tmp_path)):
            async with locked(tmp_path):
                pass
    async with locked(tmp_path):
        pass
