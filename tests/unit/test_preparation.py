"""A service's report about stores that it cannot use yet, and its recovery."""

import asyncio
from typing import Any

import pytest

from archon.contracts.errors import StoreError, StoreMismatchError, StoreUnavailableError
from archon.stores import preparation as schema
from archon.stores.preparation import Preparation
from tests.eventually import eventually


class Store:
    """Fails with these errors first; then it is ready."""

    def __init__(self, *problems: StoreError) -> None:
        self._problems = list(problems)

    async def ensure(self) -> None:
        if self._problems:
            raise self._problems[0]

    ensure_schema = ensure_collections = warm = ensure

    def mend(self) -> None:
        self._problems.clear()


async def test_readiness_says_what_keeps_a_store_from_being_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schema, "_RETRY_SECONDS", 0.01)
    graph: Any = Store()
    vectors: Any = Store(StoreMismatchError("qdrant", "collection symbols has no sparse vector terms"))
    preparation = Preparation(graph, vectors)
    with pytest.raises(StoreUnavailableError, match="not created yet"):
        await preparation.check()

    async def state() -> str:
        try:
            await preparation.check()
        except StoreError as error:
            return str(error)
        return "ready"

    async def told_of_the_difference() -> bool:
        return "collection symbols has no sparse vector terms" in await state()

    async def is_ready() -> bool:
        return await state() == "ready"

    running = asyncio.create_task(preparation.run())
    await eventually(told_of_the_difference)
    vectors.mend()
    await eventually(is_ready)
    await running
