"""The order of turns, if many callers compete for few places."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

import pytest

from archon.runtime.flow.turns import FairTurns, SharedTurns

pytestmark = pytest.mark.threat
Made = Callable[[int], FairTurns | SharedTurns]


@pytest.fixture(params=[FairTurns, lambda most: SharedTurns(most, most, 10.0)], ids=["fair", "shared"])
def made(request: pytest.FixtureRequest) -> Made:
    """Both give turns in the same order."""
    return request.param  # type: ignore[no-any-return]


class Visitors:
    """`came`: in the order of their turns; each stays until it may leave."""

    def __init__(self, turns: FairTurns | SharedTurns) -> None:
        self.turns = turns
        self.came: list[str] = []
        self._leaving = asyncio.Semaphore(0)

    async def visit(self, name: str) -> None:
        """`name` begins with its holder's letter."""
        async with self.turns.taken(name[0]):
            self.came.append(name)
            await self._leaving.acquire()

    async def leave(self, count: int = 1) -> None:
        for _ in range(count):
            self._leaving.release()
            await settled()


async def settled() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


@contextlib.asynccontextmanager
async def visiting(visitors: Visitors, names: str) -> AsyncIterator[dict[str, asyncio.Task[None]]]:
    tasks = {name: asyncio.create_task(visitors.visit(name)) for name in names.split()}
    await settled()
    try:
        yield tasks
    finally:
        await visitors.leave(len(tasks))
        await asyncio.gather(*tasks.values(), return_exceptions=True)


async def test_holders_are_served_in_turn_and_each_in_its_order(made: Made) -> None:
    visitors = Visitors(made(2))
    async with visiting(visitors, "a1 a2 a3 a4 a5 b1 b2 c1"):
        assert visitors.came == ["a1", "a2"]
        await visitors.leave(6)
        assert visitors.came == ["a1", "a2", "a3", "b1", "c1", "a4", "b2", "a5"]


async def test_a_late_caller_waits_for_at_most_one_turn_of_each_other(made: Made) -> None:
    visitors = Visitors(made(1))
    async with visiting(visitors, "a1 a2 a3 a4"), visiting(visitors, "b1"):
        await visitors.leave(2)
        assert visitors.came == ["a1", "a2", "b1"]


async def test_a_caller_that_gives_up_takes_no_turn(made: Made) -> None:
    visitors = Visitors(made(1))
    async with visiting(visitors, "a1 a2 b1") as tasks:
        tasks["a2"].cancel()
        await visitors.leave()
        assert visitors.came == ["a1", "b1"]


async def test_a_turn_that_comes_as_it_is_given_up_goes_on_to_the_next(made: Made) -> None:
    visitors = Visitors(made(1))
    async with visiting(visitors, "a1 a2 b1") as tasks:
        tasks["a1"].cancel()
        await asyncio.sleep(0)  # a1 has left, and a2 has its turn, but has not run yet
        tasks["a2"].cancel()
        await settled()
        assert visitors.came == ["a1", "b1"]


@pytest.mark.parametrize("most", [1, 3])
async def test_all_turns_come_back(most: int, made: Made) -> None:
    turns = made(most)
    async with visiting(Visitors(turns), "a1 b1 c1 d1"):
        pass
    visitors = Visitors(turns)
    async with visiting(visitors, "a1 b1 c1 d1"):
        assert len(visitors.came) == most


async def test_a_holder_has_few_turns_while_another_has_come_recently() -> None:
    now = 0.0
    visitors = Visitors(SharedTurns(4, 1, 10.0, lambda: now))
    async with visiting(visitors, "a1 a2 a3 a4 a5 a6 a7"):
        assert visitors.came == ["a1", "a2", "a3", "a4"]
        async with visiting(visitors, "b1"):
            await visitors.leave(4)
            assert visitors.came == ["a1", "a2", "a3", "a4", "b1", "a5"]
        now = 11.0
        await visitors.leave()
        assert visitors.came[-2:] == ["a6", "a7"]
