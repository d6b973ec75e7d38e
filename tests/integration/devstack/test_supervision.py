"""Processes that end are restarted, while the stack runs."""

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from archon.devstack import control, supervision
from archon.devstack.process import ChildProcess
from archon.devstack.stack import Ports, Servers
from archon.devstack.supervision import Supervised, kept
from archon.runtime.kafka.topics import ensure_topics
from archon.runtime.settings import Settings
from tests.eventually import eventually
from tests.integration.devstack.test_process import SLEEPER, child


@contextlib.asynccontextmanager
async def supervised(*processes: Supervised, data_dir: Path | None = None) -> AsyncIterator[None]:
    """Supervised processes, which accept commands if there is a directory for them."""
    async with contextlib.AsyncExitStack() as entered:
        group = await entered.enter_async_context(kept(processes))
        if data_dir is not None:
            await entered.enter_async_context(control.serving(data_dir, processes, group))
        yield


async def never() -> None:
    raise OSError("not yet")


def kill(process: ChildProcess) -> int:
    assert process.pid is not None
    os.killpg(pid := process.pid, signal.SIGKILL)
    return pid


async def test_a_process_that_is_killed_is_back_under_its_name(tmp_path: Path) -> None:
    lines: list[str] = []
    async with child(tmp_path / "log", SLEEPER) as process:
        async with supervised(Supervised(process, lines.append, first_delay=0.01)):
            before = kill(process)

            async def back() -> bool:
                return lines[-1:] == ["Sleeper is back"]

            await eventually(back)
            assert process.pid not in {None, before}
        assert lines[0] == f"Sleeper was ended by SIGKILL; its log is {tmp_path / 'log'}"
    assert process.pid is None


async def test_one_that_cannot_run_is_tried_with_growing_delays_and_shows_its_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervision, "LONGEST_DELAY", 0.04)
    lines: list[str] = []
    process = child(tmp_path / "log", SLEEPER)
    async with process, supervised(Supervised(process, lines.append, first_delay=0.01)):
        process.command = ["sh", "-c", "echo no such port; exit 3"]
        process.ready = never
        kill(process)

        async def tried() -> bool:
            return sum("is started again in" in line for line in lines) > 3

        await eventually(tried)
        delays = [line.rpartition(" in ")[2] for line in lines if "is started again in" in line]
        assert delays[:4] == ["0.01 s", "0.02 s", "0.04 s", "0.04 s"]
        assert any("exited with code 3" in line and "| no such port" in line for line in lines)


async def test_a_broker_that_is_back_has_its_topics_again(tmp_path: Path) -> None:
    ports = Ports.free()
    settings = Settings(kafka_bootstrap_servers=f"127.0.0.1:{ports.kafka}", kafka_enable_idempotence=False)
    restored = asyncio.Event()

    async def topics() -> None:
        await ensure_topics(settings)
        restored.set()

    broker = Servers.on(tmp_path, ports).kafka
    async with broker, supervised(Supervised(broker, lambda _: None, topics, first_delay=0.01)):
        kill(broker)
        async with asyncio.timeout(60):
            await restored.wait()
