"""In: a log. Out: a child process that does nothing; it imports little, for processes that begin with it."""

import sys
from pathlib import Path

from archon.devstack.process import ChildProcess

SLEEPER = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(600)"]


def child(log: Path, command: list[str]) -> ChildProcess:
    async def ready() -> None:
        if "up" not in log.read_text():
            raise OSError("not yet")

    return ChildProcess("Sleeper", "1", "none", command, ready, log)
