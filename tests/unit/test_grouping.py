"""Requests that arrive during a transaction share the next one, and no caller harms another."""

import asyncio
from collections.abc import Sequence

import pytest

from archon.contracts.errors import StoreConflictError, StoreUnavailableError
from archon.runtime.flow.grouping import CROWD, ENOUGH, LINGER, MOST, Grouped


class Server:
    """Answers an item with its upper case, one group at a time while the gate is open; `bad` items fail."""

    def __init__(self, *bad: str, error: type[Exception] = ValueError) -> None:
        self.groups: list[list[str]] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.begun = asyncio.Semaphore(0)
        self._bad, self._error = bad, error

    async def serve(self, items: Sequence[str]) -> list[str]:
        self.groups.append(list(items))
        self.begun.release()
        await self.gate.wait()
        if any(item in self._bad for item in items):
            if issubclass(self._error, StoreConflictError | StoreUnavailableError):
                raise self._error("graph", "bad")
            raise self._error("bad")
        return [item.upper() for item in items]

    def grouped(self, lanes: int = 1, limit: int = MOST, at_work: int = 0) -> Grouped[str, str]:
        return Grouped(
            self.serve,
            key=lambda item: item.split(":")[0],
            lanes=lanes,
            weight=len,
            limit=limit,
            at_work=lambda: at_work,
        )


async def served_after(grouped: Grouped[str, str], server: Server, *items: str) -> list[str | BaseException]:
    """The answers for items that arrive while `first` is being served."""
    server.gate.clear()
    first = asyncio.create_task(grouped.ask("first"))
    rest = [asyncio.create_task(grouped.ask(item)) for item in items]
    await server.begun.acquire()
    server.gate.set()
    await first
    return await asyncio.gather(*rest, return_exceptions=True)


async def test_a_single_item_is_served_at_once() -> None:
    server = Server()
    assert await server.grouped().ask("a") == "A"
    assert server.groups == [["a"]]


async def test_items_that_arrive_meanwhile_form_a_group() -> None:
    server = Server()
    assert await served_after(server.grouped(), server, "a", "b", "c") == ["A", "B", "C"]
    assert server.groups == [["first"], ["a", "b", "c"]]


async def test_items_of_one_key_are_served_in_order_and_never_together() -> None:
    server = Server()
    assert await served_after(server.grouped(), server, "a:1", "b", "a:2", "a:3") == [
        "A:1",
        "B",
        "A:2",
        "A:3",
    ]
    assert server.groups == [["first"], ["a:1", "b"], ["a:2"], ["a:3"]]


async def test_another_lane_does_not_serve_a_key_that_is_under_way() -> None:
    server = Server()
    server.gate.clear()
    grouped = server.grouped(lanes=2)
    tasks = [asyncio.create_task(grouped.ask(item)) for item in ("a:1", "a:2", "b")]
    await server.begun.acquire()
    await server.begun.acquire()
    assert server.groups == [["a:1"], ["b"]]
    server.gate.set()
    assert await asyncio.gather(*tasks) == ["A:1", "A:2", "B"]


async def test_a_group_weighs_no_more_than_its_limit_but_for_a_single_item() -> None:
    server = Server()
    await served_after(server.grouped(limit=6), server, "aaaa", "bb", "c", "dddddddd")
    assert server.groups == [["first"], ["aaaa", "bb"], ["c"], ["dddddddd"]]


@pytest.mark.parametrize("error", [ValueError, StoreConflictError, StoreUnavailableError])
async def test_a_bad_item_fails_no_other(error: type[Exception]) -> None:
    server = Server("bad", error=error)
    a, bad, b = await served_after(server.grouped(), server, "a", "bad", "b")
    assert (a, b) == ("A", "B")
    assert isinstance(bad, error)


async def test_a_caller_that_has_given_up_is_not_served() -> None:
    server = Server()
    grouped = server.grouped()
    server.gate.clear()
    first = asyncio.create_task(grouped.ask("first"))
    gone = asyncio.create_task(grouped.ask("gone"))
    last = asyncio.create_task(grouped.ask("last"))
    await server.begun.acquire()
    gone.cancel()
    await asyncio.wait([gone])
    server.gate.set()
    assert [await first, await last] == ["FIRST", "LAST"]
    assert server.groups == [["first"], ["last"]]


async def test_a_group_waits_for_enough_of_the_busy_callers() -> None:
    server = Server()
    grouped = server.grouped(at_work=MOST)
    tasks = []
    for n in range(ENOUGH):
        assert server.groups == []
        tasks.append(asyncio.create_task(grouped.ask(str(n))))
        await asyncio.sleep(0)
    await asyncio.gather(*tasks)
    assert [len(group) for group in server.groups] == [ENOUGH]


async def test_a_group_waits_no_longer_than_it_may() -> None:
    server = Server()
    grouped = server.grouped(at_work=MOST)
    started = asyncio.get_running_loop().time()
    assert await asyncio.gather(grouped.ask("a"), grouped.ask("b")) == ["A", "B"]
    assert server.groups == [["a", "b"]]
    assert asyncio.get_running_loop().time() - started >= LINGER * 0.9


async def test_a_group_does_not_wait_when_all_callers_are_in_it() -> None:
    server = Server()
    grouped = server.grouped(at_work=CROWD)
    tasks = [asyncio.create_task(grouped.ask(str(n))) for n in range(2)]
    await server.begun.acquire()
    assert server.groups == [["0"]]
    await asyncio.gather(*tasks)


async def test_a_caller_that_gives_up_while_it_waits_is_not_served() -> None:
    server = Server()
    grouped = server.grouped(at_work=MOST)
    gone = asyncio.create_task(grouped.ask("gone"))
    last = asyncio.create_task(grouped.ask("last"))
    await asyncio.sleep(0)
    gone.cancel()
    assert await last == "LAST"
    assert server.groups == [["last"]]


@pytest.mark.threat
async def test_tenants_are_served_in_turn_and_each_in_its_order() -> None:
    server = Server()
    grouped = Grouped(
        server.serve, key=lambda item: item, tenant=lambda item: item[0], lanes=1, weight=len, limit=4
    )
    flood = [f"a{number}" for number in range(6)]
    assert await served_after(grouped, server, *flood, "b0", "c0", "b1") == [
        item.upper() for item in (*flood, "b0", "c0", "b1")
    ]
    _, *groups = server.groups
    assert groups == [["a0", "b0"], ["c0", "a1"], ["b1", "a2"], ["a3", "a4"], ["a5"]]


@pytest.mark.threat
async def test_a_tenant_does_not_wait_for_the_crowd_of_another() -> None:
    server = Server()
    grouped = Grouped(
        server.serve,
        key=lambda item: item,
        tenant=lambda item: item[0],
        lanes=1,
        at_work=lambda: MOST,
        linger=3600,
    )
    tasks = [asyncio.create_task(grouped.ask("a0"))]
    await asyncio.sleep(0)
    assert server.groups == []
    tasks.append(asyncio.create_task(grouped.ask("b0")))
    assert await asyncio.gather(*tasks) == ["A0", "B0"]
    assert server.groups == [["a0", "b0"]]
