"""Some rows of the crash matrix, on a separate stack; `make crash` runs all of them."""

import sys
from pathlib import Path

import pytest

from archon.devstack.process import ChildProcess
from archon.devstack.stack import Stack
from tests.crash.matrix import NotReachedError, rehearse, until_dead

pytestmark = pytest.mark.timeout(300)


@pytest.mark.sampled(4)
@pytest.mark.parametrize(
    "point",
    [
        "ingress: between submit and commit",
        "worker: between vectors and graph",
        "bridge: between graph and publish",
        "Temporal killed",
    ],
)
async def test_a_crash_loses_nothing(own: Stack, point: str) -> None:
    row = await rehearse(own, point)
    assert {name: lines for name, lines in row.broken.items() if lines} == {}
    assert row.submitted > 10


@pytest.mark.parametrize(
    ("code", "reason"), [("pass", "ended of something else"), ("import time; time.sleep(60)", "still runs")]
)
async def test_a_hook_that_is_not_reached_fails_its_row(tmp_path: Path, code: str, reason: str) -> None:
    async def ready() -> None:
        return None

    process = ChildProcess(
        name="idle",
        version="",
        url="",
        ready=ready,
        log=tmp_path / "log",
        command=[sys.executable, "-c", code],
    )
    async with process:
        with pytest.raises(NotReachedError, match=reason):
            await until_dead(process, tmp_path / "mark", seconds=1)
