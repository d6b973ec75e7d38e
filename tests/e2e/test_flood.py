"""A project that floods the pipeline above Temporal's limit, and another project's single document."""

import asyncio
from typing import Any
from uuid import uuid4

import httpx
import pytest
from fastapi import Response

from tests.e2e.conftest import BACKLOG, FaultyStack
from tests.e2e.faulty import well
from tests.eventually import eventually

FLOOD = 2 * BACKLOG
pytestmark = pytest.mark.threat


class Analysis:
    """Starts no analysis before it is opened, then delays each. `order`: documents in order of their
    start."""

    def __init__(self) -> None:
        self.opened = asyncio.Event()
        self.order: list[str] = []

    async def __call__(self, body: dict[str, Any]) -> Response:
        await self.opened.wait()
        self.order.append(body["document_id"])
        await asyncio.sleep(0.05)
        return await well(body)


async def post(bridge: httpx.AsyncClient, project: str, path: str) -> str:
    text = f"def f(): pass\n# {uuid4()}\n"
    body = {"project_id": project, "source_path": path, "full_text": text}
    answer = await bridge.post("/document", json=body)
    assert answer.status_code == 200, answer.text
    document_id: str = answer.json()["document_id"]
    return document_id


async def test_a_flood_that_fills_temporal_does_not_delay_another_projects_document(
    faulty: FaultyStack, bridge: httpx.AsyncClient, project: str
) -> None:
    analysis, slots = Analysis(), asyncio.Semaphore(8)
    faulty.intelligence.behaviour = analysis

    async def is_paused() -> bool:
        async with httpx.AsyncClient() as http:
            found = await http.get(f"http://127.0.0.1:{faulty.settings.ingress_port}/health")
        return bool(found.json()["consumer"]["state"] == "paused")

    async def flood(number: int) -> set[str]:
        async def one(each: int) -> str:
            async with slots:
                return await post(bridge, project, f"{number}/{each}.py")

        return set(await asyncio.gather(*map(one, range(FLOOD))))

    waits = await flood(1)
    await eventually(is_paused)
    waits |= await flood(2)
    single = await post(bridge, f"{project}-polite", "a.py")
    analysis.opened.set()

    async def all_begun() -> bool:
        return {*waits, single} <= set(analysis.order)

    await eventually(all_begun, 120)
    before = analysis.order.index(single)
    print(f"\n{before} analyses of a flood of {2 * FLOOD} began before the single one")  # noqa: T201
    # In order of arrival it would come after everything that may wait at that time.
    assert before < FLOOD
