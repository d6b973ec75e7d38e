"""Which project may start a run, and when."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from archon.contracts.errors import NotFoundError
from archon.runtime.tasks import running
from archon.runtime.temporal.client import Backlog
from kafka_ingress.backlog import watch
from kafka_ingress.pace import HANGING, READY, RECENT, StartPace, share
from tests.eventually import eventually

FREE, SHARED = 2, 3


class Starts:
    """Runs that projects have started, in order; `now` is the pace's clock."""

    def __init__(self) -> None:
        self.now = 0.0
        self.pace = StartPace(FREE, SHARED, lambda: self.now)
        self.begun: list[str] = []
        self.waiting: set[asyncio.Task[None]] = set()

    async def all_of(self, *projects: str) -> None:
        """Each asks for a run; returns as soon as those that may have started theirs."""
        for each in projects:
            self.waiting.add(asyncio.create_task(self._one(each)))
            await asyncio.sleep(0)
        await self.settled()

    async def settled(self) -> None:
        for _ in range(3):
            await asyncio.sleep(0)

    async def _one(self, project: str) -> None:
        await self.pace.turn("requests", project)
        self.begun.append(project)


@pytest.fixture
async def starts() -> AsyncIterator[Starts]:
    made = Starts()
    yield made
    for each in made.waiting:
        each.cancel()
    await asyncio.gather(*made.waiting, return_exceptions=True)


@pytest.mark.threat
async def test_a_project_that_starts_many_runs_leaves_others_their_turn(starts: Starts) -> None:
    starts.pace.update(READY)  # no room is left
    await starts.all_of(*["flood"] * 30)
    assert starts.begun == ["flood"] * FREE
    await starts.all_of("other")
    assert starts.begun[FREE:] == ["other"]
    await starts.all_of(*["other"] * FREE)
    left = len(starts.begun)
    starts.pace.update(READY - 4)
    await starts.settled()
    assert starts.begun[left:] == ["flood", "other", "flood", "flood"]


@pytest.mark.threat
async def test_beside_another_project_a_flood_starts_runs_as_others_end(starts: Starts) -> None:
    await starts.all_of("other", *["flood"] * 10)
    assert starts.begun == ["other", *["flood"] * FREE], "the open runs are not counted yet"
    starts.pace.update(0)
    await starts.settled()
    assert len(starts.begun) == 1 + FREE
    starts.pace.share(SHARED - 1)
    await starts.settled()
    assert starts.begun[1 + FREE :] == ["flood"]
    starts.pace.share(SHARED)
    await starts.settled()
    assert len(starts.begun) == 2 + FREE


async def test_a_project_that_comes_later_ends_the_room_of_a_flood(starts: Starts) -> None:
    await starts.all_of(*["flood"] * 10)
    assert len(starts.begun) == 10
    await starts.all_of("other", "flood")
    assert starts.begun[10:] == ["other"]


async def test_projects_that_are_all_above_their_rate_only_take_turns(starts: Starts) -> None:
    await starts.all_of(*["one", "two"] * 10)
    starts.pace.update(0)
    await starts.settled()
    assert len(starts.begun) == 20


@pytest.mark.parametrize(("seconds", "begun"), [(RECENT, 0), (RECENT + 1, 7)])
async def test_the_other_project_counts_for_a_while(starts: Starts, seconds: float, begun: int) -> None:
    await starts.all_of("other", *["flood"] * (FREE + 7))
    starts.pace.update(0)
    starts.now += seconds
    starts.pace.update(0)
    await starts.settled()
    assert len(starts.begun) == 1 + FREE + begun


async def test_a_flood_that_waits_long_is_still_a_flood(starts: Starts) -> None:
    await starts.all_of("other", *["flood"] * (FREE + 2))
    starts.now += RECENT + 1
    await starts.all_of("other")
    starts.pace.update(0)
    await starts.settled()
    assert starts.begun[-1] == "other"


async def test_runs_that_hang_stop_nobody(starts: Starts) -> None:
    await starts.all_of("other", *["flood"] * 20)
    for _ in range(int(HANGING)):
        starts.now += 1
        await starts.all_of("other")
        starts.pace.share(SHARED + 5)
    await starts.settled()
    assert starts.begun.count("flood") == FREE
    starts.now += 1
    for hanging in (SHARED + 5, SHARED + 5, 4):  # those that have ended no longer count as hanging
        starts.pace.share(hanging)
    await starts.settled()
    assert starts.begun.count("flood") == FREE + SHARED * 2


async def test_open_runs_are_counted_only_beside_others(starts: Starts) -> None:
    counts = 0

    async def open_runs() -> int:
        nonlocal counts
        counts += 1
        return 0

    async def counted() -> bool:
        return bool(counts)

    async with running(share(open_runs, starts.pace)):
        await starts.all_of(*["flood"] * 10)
        assert not counts
        await starts.all_of("other", "flood")
        assert await eventually(counted)
        await starts.settled()
        assert starts.begun[-1] == "flood"


async def test_without_temporals_numbers_requests_do_not_wait_for_turns(starts: Starts) -> None:
    async def unknown() -> Backlog:
        raise NotFoundError("no statistics")

    async def uncounted() -> int:
        raise NotFoundError("no visibility")

    starts.pace.update(READY)
    for asking in (watch(unknown, starts.pace), share(uncounted, starts.pace)):
        async with running(asking):
            await starts.all_of(*["flood"] * 10, "other")
            await asyncio.gather(*starts.waiting)
