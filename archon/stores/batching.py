"""In: writes of many callers. Out: few requests: what comes while one is under way goes with the next.

A batch that is refused is sent again one by one, so that one caller's bad write is nobody else's.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Generic, TypeVar

from archon.contracts.errors import StoreError

Operation = TypeVar("Operation")
MAX_CALLERS: Final = 64


class Batcher(Generic[Operation]):
    """`send` writes operations in order, all or as far as they go; each must bear being repeated."""

    def __init__(self, send: Callable[[Sequence[Operation]], Awaitable[object]]) -> None:
        self._send = send
        self._waiting: list[tuple[Sequence[Operation], asyncio.Future[None]]] = []
        self._draining: asyncio.Task[None] | None = None

    async def write(self, operations: Sequence[Operation]) -> None:
        """Returns when they are written. Raises what `send` raised for them."""
        future = asyncio.get_running_loop().create_future()
        self._waiting.append((operations, future))
        if self._draining is None or self._draining.done():
            self._draining = asyncio.create_task(self._drain())
        await future

    async def _drain(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[:MAX_CALLERS], self._waiting[MAX_CALLERS:]
            try:
                await self._send([operation for operations, _ in batch for operation in operations])
            except StoreError as error:
                await self._apart(batch, error)
            else:
                for _, future in batch:
                    _settle(future, None)

    async def _apart(
        self, batch: Sequence[tuple[Sequence[Operation], asyncio.Future[None]]], error: StoreError
    ) -> None:
        if len(batch) == 1:
            _settle(batch[0][1], error)
            return
        for operations, future in batch:
            try:
                await self._send(operations)
            except StoreError as own:
                _settle(future, own)
            else:
                _settle(future, None)


def _settle(future: asyncio.Future[None], error: StoreError | None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(None)
    else:
        future.set_exception(error)
