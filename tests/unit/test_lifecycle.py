"""A process and the work in its background."""

import asyncio

import pytest

from archon.runtime.tasks import running, stop_on_signals


async def forever(ended: list[str]) -> None:
    try:
        await asyncio.Event().wait()
    finally:
        ended.append("cancelled")


async def failing() -> None:
    raise KeyError("x")


async def test_background_work_ends_with_its_block() -> None:
    ended: list[str] = []
    async with running(forever(ended)):
        await asyncio.sleep(0)
    assert ended == ["cancelled"]


async def test_a_process_stops_with_a_reason_when_its_background_work_fails() -> None:
    with pytest.raises(KeyError):
        async with stop_on_signals() as stop, running(failing()):
            async with asyncio.timeout(5):
                await stop.wait()
