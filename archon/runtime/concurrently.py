"""In: many keys and a question. Out: the answer to each, a few asked at once."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

Key = TypeVar("Key")
Answer = TypeVar("Answer")


async def answers(
    keys: Iterable[Key], ask: Callable[[Key], Awaitable[Answer]], at_once: int
) -> dict[Key, Answer]:
    """In the order of the keys. Raises the first error; the questions under way then go on by themselves."""
    asked = list(keys)
    slots = asyncio.Semaphore(at_once)

    async def one(key: Key) -> Answer:
        async with slots:
            return await ask(key)

    return dict(zip(asked, await asyncio.gather(*map(one, asked)), strict=True))
