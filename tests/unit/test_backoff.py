"""Delays between attempts: how long they are, that they are spread, and what ends them."""

import asyncio
import time

import pytest

from archon.runtime.flow import backoff
from archon.runtime.flow.backoff import Backoff


async def test_a_delay_doubles_to_the_longest_one_until_a_success() -> None:
    attempts = Backoff(0.001, 0.005)
    delays = [await anext(attempts) for _ in range(5)]
    assert delays == [0.001, 0.002, 0.004, 0.005, 0.005]
    attempts.reset()
    assert attempts.delay == 0.001


async def test_a_delay_stays_as_it_is_without_a_longest_one() -> None:
    attempts = Backoff(0.001)
    assert [await anext(attempts) for _ in range(3)] == [0.001] * 3


async def test_the_first_attempt_is_immediate_and_the_next_waits_at_most_its_delay(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    waited = []

    def timeout(seconds: float) -> asyncio.Timeout:
        waited.append(seconds)
        return asyncio.Timeout(0)

    monkeypatch.setattr(backoff.asyncio, "timeout", timeout)
    attempts = Backoff(8)
    await anext(attempts)
    assert waited == []
    for _ in range(100):
        await anext(attempts)
    assert all(6 <= seconds <= 8 for seconds in waited)
    assert len(set(waited)) > 90


async def test_a_delay_is_waited_for() -> None:
    attempts, began = Backoff(0.2), time.monotonic()
    for _ in range(2):
        await anext(attempts)
    assert time.monotonic() - began >= 0.15


async def test_stop_ends_a_delay_and_all_attempts() -> None:
    stop = asyncio.Event()
    begun = 0
    async with asyncio.timeout(5):
        async for _ in Backoff(3600, stop=stop):
            begun += 1
            asyncio.get_running_loop().call_later(0.01, stop.set)
        async for _ in Backoff(3600, stop=stop):
            begun += 1
    assert begun == 1


async def test_a_delay_can_be_cancelled() -> None:
    waiting = asyncio.create_task(Backoff(3600).pause())
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
