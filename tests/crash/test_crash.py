"""A few rows of the crash matrix, on a stack of their own; `make crash` runs them all."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from archon.devstack.stack import Ports, Stack, running
from tests.crash.matrix import OVERRIDES, POINTS, itself, rehearse

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
async def own(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    data_dir: Path = tmp_path_factory.mktemp("crash")
    async with running(data_dir, Ports.free(), OVERRIDES) as stack:
        yield stack


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


async def test_a_hook_that_is_not_reached_fails_its_row(own: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(POINTS, "nowhere", itself("ingress", "no-such-point", seconds=3))
    row = await rehearse(own, "nowhere")
    assert not row.holds
    assert row.broken["reached"] == ["ingress still runs"]
