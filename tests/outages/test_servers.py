"""A frozen server must not outlive the process that froze it."""

import asyncio
import os
import sys
from pathlib import Path

import pytest

from archon.devstack.process import ChildProcess, emptied
from tests.outages.servers import freeze


async def test_a_frozen_process_ends_with_its_parent(tmp_path: Path) -> None:
    begun = tmp_path / "begun"

    async def ready() -> None:
        begun.read_bytes()

    process = ChildProcess(
        name="idle",
        version="",
        url="",
        ready=ready,
        log=tmp_path / "log",
        command=[
            sys.executable,
            "-c",
            "import pathlib, sys, time; pathlib.Path(sys.argv[1]).touch(); time.sleep(600)",
            str(begun),
        ],
    )
    async with process:
        await freeze(process)
        assert process.pid is not None
        assert process._pipe is not None
        leader = process.pid
        os.close(process._pipe)  # as the kernel does when this process ends, for any reason
        process._pipe = None
        await asyncio.wait_for(process.ended(), 60)
        await emptied(leader)
        with pytest.raises(ProcessLookupError):
            os.killpg(leader, 0)
