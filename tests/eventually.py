"""In: a condition. Out: its value when it holds; never a sleep for a guessed time."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any


async def eventually(condition: Callable[[], Awaitable[Any]], seconds: float = 60.0) -> Any:
    """The first true value of `condition`, checked repeatedly for `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        value = await condition()
        if value:
            return value
        assert time.monotonic() < deadline, f"not within {seconds} s: {condition}"
        await asyncio.sleep(0.05)
