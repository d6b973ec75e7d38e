"""Commands to a running stack: a service is stopped, kept stopped, started; only its user may send them."""

import asyncio
import contextlib
import json
import stat
from pathlib import Path

import pytest

from archon.contracts.errors import StackUnavailableError
from archon.devstack import control
from archon.devstack.control import Command, ask
from archon.devstack.data_directory import locked
from archon.devstack.process import ChildProcess
from archon.devstack.supervision import State, Supervised
from tests.eventually import eventually
from tests.integration.devstack.sleeper import SLEEPER, child
from tests.integration.devstack.test_supervision import kill, never, supervised
from tests.processes import alive


def kept(process: ChildProcess) -> Supervised:
    return Supervised(process, lambda _: None, first_delay=0.01)


async def state(data_dir: Path) -> control.ServiceState:
    (found,) = (await ask(data_dir, Command(verb="list"))).services
    return found


async def test_a_service_that_was_stopped_is_held_down_until_it_is_started(tmp_path: Path) -> None:
    async with child(tmp_path / "log", SLEEPER) as process, supervised(kept(process), data_dir=tmp_path):
        before = process.pid
        assert before is not None
        stopped = await ask(tmp_path, Command(verb="stop", service="sleeper"))
        assert (stopped.error, stopped.services[0].state) == (None, State.STOPPED)
        assert not alive(before)
        assert (await state(tmp_path)).pid is None
        started = await ask(tmp_path, Command(verb="start", service="sleeper"))
        assert (started.error, started.services[0].state) == (None, State.RUNNING)
        assert alive(process.pid or 0)
        # It is supervised again.
        kill(process)

        async def back() -> bool:
            found = await state(tmp_path)
            return found.state is State.RUNNING and found.restarts == 1

        await eventually(back)


async def test_a_restart_is_another_process_and_a_start_of_what_runs_is_not(tmp_path: Path) -> None:
    async with child(tmp_path / "log", SLEEPER) as process, supervised(kept(process), data_dir=tmp_path):
        first = process.pid
        await ask(tmp_path, Command(verb="start", service="sleeper"))
        assert process.pid == first
        await ask(tmp_path, Command(verb="restart", service="sleeper"))
        assert process.pid not in {None, first}
        assert (await state(tmp_path)).restarts == 0


async def test_one_that_waits_for_its_turn_is_started_at_once(tmp_path: Path) -> None:
    lines: list[str] = []
    async with child(tmp_path / "log", SLEEPER) as process:
        waits = Supervised(process, lines.append, first_delay=3600)
        async with supervised(waits, data_dir=tmp_path):
            kill(process)

            async def waiting() -> bool:
                return any("is started again in 3600 s" in line for line in lines)

            await eventually(waiting)
            assert (await state(tmp_path)).state is State.WAITING
            await ask(tmp_path, Command(verb="start", service="sleeper"))
            assert (await state(tmp_path)).state is State.RUNNING


async def test_one_that_does_not_start_says_why_and_is_left_stopped(tmp_path: Path) -> None:
    async with child(tmp_path / "log", SLEEPER) as process, supervised(kept(process), data_dir=tmp_path):
        process.command, process.ready = ["sh", "-c", "echo no such port; exit 3"], never
        answer = await ask(tmp_path, Command(verb="restart", service="sleeper"))
        assert answer.error is not None
        assert "exited with code 3" in answer.error
        assert "no such port" in answer.error
        assert answer.services[0].state is State.STOPPED
        assert answer.services[0].pid is None


async def test_what_is_no_command_changes_nothing(tmp_path: Path) -> None:
    async with child(tmp_path / "log", SLEEPER) as process, supervised(kept(process), data_dir=tmp_path):
        assert (await ask(tmp_path, Command(verb="stop", service="nobody"))).error is not None
        for line in (b"\n", b"not JSON\n", b'{"verb": "delete"}\n', b"x" * 2**21, b""):
            reader, writer = await asyncio.open_unix_connection(tmp_path / "control")
            with contextlib.suppress(ConnectionError):
                writer.write(line)
                writer.write_eof()
                answer = await reader.read()
                assert not answer or json.loads(answer)["error"]
            writer.close()
        assert (await state(tmp_path)).state is State.RUNNING


async def test_the_socket_is_its_users_alone_wherever_it_is(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 100) / ("e" * 100)
    deep.mkdir(parents=True)
    async with child(deep / "log", SLEEPER) as process, supervised(kept(process), data_dir=deep):
        assert stat.S_IMODE((deep / "control").stat().st_mode) == 0o600
        assert (await state(deep)).service == "sleeper"
    assert not (deep / "control").exists()


async def test_a_directory_without_a_stack_says_so(tmp_path: Path) -> None:
    with pytest.raises(StackUnavailableError, match=f"no stack runs on {tmp_path}"):
        await ask(tmp_path, Command(verb="list"))
    async with locked(tmp_path):
        with pytest.raises(StackUnavailableError, match="starting or stopping"):
            await ask(tmp_path, Command(verb="list"))


async def test_a_socket_that_a_killed_stack_has_left_is_no_hindrance(tmp_path: Path) -> None:
    control._bound(tmp_path).close()
    assert (tmp_path / "control").exists()
    with pytest.raises(StackUnavailableError, match="no stack runs"):
        await ask(tmp_path, Command(verb="list"))
    async with child(tmp_path / "log", SLEEPER) as process, supervised(kept(process), data_dir=tmp_path):
        assert (await state(tmp_path)).state is State.RUNNING
