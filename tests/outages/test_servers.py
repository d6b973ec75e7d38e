"""What is frozen must not outlive who froze it."""

import asyncio
import os
import sys
from pathlib import Path

import pytest

from archon.devstack.process import ChildProcess, emptied
from tests.outages.servers import freeze


async def test_a_frozen_process_ends_with_its_parent(tmp_path: Path) -> None:
    async def ready() -> None:
        return None

    process = ChildProcess(
        name="idle",
        version="",
        url="",
        ready=ready,
        log=tmp_path / "log",
        command=[sys.executable, "-c", "import time; time.sleep(600)"],
    )
    async with process:
        freeze(process)
        assert process.pid is not None
        assert process._pipe is not None
        leader = process.pid
        os.close(process._pipe)  # as the kernel does when this process ends, however it does
        process._pipe = None
        await asyncio.wait_for(process.ended(), 60)
        await emptied(leader)
        with pytest.raises(ProcessLookupError):
            os.killpg(leader, 0)
