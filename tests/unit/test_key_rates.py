"""Requests at their key's rate, and what a key costs that does not heed it."""

import asyncio
import time

import pytest

from archon.contracts.errors import RateLimitedError
from bridge.requests import rates
from bridge.requests.rates import KeyRates

pytestmark = pytest.mark.threat


async def test_a_request_beyond_the_rate_waits_for_its_turn() -> None:
    limited = KeyRates(rate=20, burst=1)
    started = time.monotonic()
    for _ in range(3):
        await limited.admit("key", None)
    assert time.monotonic() - started >= 2 / 20


async def test_a_key_that_does_not_heed_its_limit_is_refused_late(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rates, "HELD", 0.1)
    limited = KeyRates(rate=0.01, burst=1)
    await limited.admit("key", None)
    started = time.monotonic()
    answers = await asyncio.gather(*(limited.admit("key", None) for _ in range(50)), return_exceptions=True)
    assert all(isinstance(each, RateLimitedError) for each in answers)
    assert time.monotonic() - started >= rates.HELD


async def test_other_keys_do_not_wait() -> None:
    limited = KeyRates(rate=0.01, burst=1)
    await limited.admit("hostile", None)
    held = asyncio.create_task(limited.admit("hostile", None))
    await asyncio.sleep(0)
    await limited.admit("polite", None)
    assert not held.done()
    held.cancel()


async def test_what_one_key_holds_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rates, "MOST_HELD", 2)
    limited = KeyRates(rate=0.01, burst=1)
    await limited.admit("key", None)
    held = [asyncio.create_task(limited.admit("key", None)) for _ in range(2)]
    await asyncio.sleep(0)
    beyond = asyncio.create_task(limited.admit("key", None))
    await asyncio.wait([*held, beyond], return_when=asyncio.FIRST_COMPLETED)
    assert beyond.done()
    assert not any(each.done() for each in held)
    for each in held:
        each.cancel()
    await asyncio.wait(held)
    # Nothing is kept of those that have left.
    again = asyncio.create_task(limited.admit("key", None))
    await asyncio.sleep(0)
    assert not again.done()
    again.cancel()


async def test_a_key_with_a_rate_of_its_own_has_a_burst_of_one_second(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rates, "HELD", 0.001)
    limited = KeyRates(rate=0.01, burst=1)
    for _ in range(10):
        await limited.admit("key", 10)
    limited.spend("key", 10, 1000)
    with pytest.raises(RateLimitedError) as refused:
        await limited.admit("key", 10)
    assert refused.value.retry_after > 50


async def test_without_a_rate_nothing_is_refused() -> None:
    free = KeyRates(rate=0, burst=1)
    free.spend("key", None, 10_000)
    for _ in range(100):
        await free.admit("key", None)


def test_refusals_of_one_key_fill_no_log() -> None:
    limited = KeyRates(rate=1, burst=1)
    assert [limited.is_news("one") for _ in range(5)] == [True, False, False, False, False]
    assert limited.is_news("other")
