"""The events that a watching client receives, on all real services except a controlled analysis."""

import asyncio
import json
import signal
from typing import Any
from uuid import uuid4

import httpx
import pytest
from fastapi import Response

from tests.e2e.command import enrich, start_enrich
from tests.e2e.conftest import FaultyStack
from tests.e2e.faulty import refusing, well
from tests.eventually import eventually
from tests.watching import progress, watching

PERCENT = [10, 60, 80, 100]


class Gate:
    """An analysis that waits until it is let through."""

    def __init__(self) -> None:
        self.open = asyncio.Event()

    async def __call__(self, body: dict[str, Any]) -> Response:
        await self.open.wait()
        return await well(body)


@pytest.fixture
def gate(faulty: FaultyStack) -> Gate:
    gate = Gate()
    faulty.intelligence.behaviour = gate
    return gate


async def post(http: httpx.AsyncClient, project: str) -> str:
    body = {"project_id": project, "source_path": "a.py", "full_text": f"def f_{uuid4().hex}(): pass\n"}
    response = await http.post("/document", json=body)
    assert response.status_code == 200, response.text
    document_id: str = response.json()["document_id"]
    return document_id


async def test_a_document_is_followed_to_its_end_and_what_was_missed_is_told(
    bridge: httpx.AsyncClient, gate: Gate, project: str
) -> None:
    async with watching(bridge, f"/projects/{project}/events") as of_project:
        assert (await of_project.next())[0] == "state"
        document_id = await post(bridge, project)
        (first,) = await of_project.until("progress", progress_percent=10)
        assert first[1]["document_id"] == document_id
    async with watching(bridge, f"/document/{document_id}/events") as stream:
        name, state = await stream.next()
        assert (name, state["ended"], state["document_version"]) == ("state", False, 1)
        gate.open.set()
        events = await stream.rest()
    assert progress(events) == PERCENT[1:]
    assert [name for name, _ in events][-2:] == ["completed", "state"]
    assert events[-2][1]["enrichment_status"] == "success"
    assert (events[-1][1]["ended"], events[-1][1]["enrichment_status"]) == (True, "completed")
    async with watching(bridge, f"/projects/{project}/events", of_project.id) as of_project:
        missed = await of_project.until("completed")
    assert missed == events[:-1]
    ended = await bridge.get(f"/document/{document_id}/events", headers={"Last-Event-ID": stream.id})
    assert (ended.status_code, ended.content) == (204, b"")


async def test_a_parked_document_is_told_of_and_so_is_its_discarding(
    bridge: httpx.AsyncClient, faulty: FaultyStack, project: str
) -> None:
    faulty.intelligence.behaviour = refusing(422)
    document_id = await post(bridge, project)
    async with watching(bridge, f"/document/{document_id}/events") as stream:
        letter = (await stream.until("parked"))[-1][1]
        assert letter["failure_type"] == "data_quality"
        assert "original_message" not in letter

        async def discarded() -> bool:
            return (await bridge.post(f"/document/{document_id}/discard")).is_success

        await eventually(discarded)
        events = await stream.rest()
    assert [name for name, _ in events] == ["cleared", "completed", "state"]
    assert events[1][1]["enrichment_status"] == events[2][1]["enrichment_status"] == "discarded"


async def test_status_watch_follows_a_document_to_its_end(
    faulty: FaultyStack, bridge: httpx.AsyncClient, gate: Gate, project: str
) -> None:
    document_id = await post(bridge, project)
    process = await start_enrich(
        *("status", document_id, "--watch", "-o", "json"), environment=faulty.environment
    )
    assert process.stdout is not None
    first = json.loads(await process.stdout.readline())
    assert (first["event"], first["data"]["ended"]) == ("state", False)
    gate.open.set()
    lines = [json.loads(line) for line in (await process.communicate())[0].splitlines()]
    assert process.returncode == 0
    assert progress([(line["event"], line["data"]) for line in lines])[-3:] == PERCENT[1:]
    assert [line["event"] for line in lines][-2:] == ["completed", "state"]


async def test_status_watch_says_that_a_document_is_parked(
    faulty: FaultyStack, bridge: httpx.AsyncClient, project: str
) -> None:
    faulty.intelligence.behaviour = refusing(422)
    document_id = await post(bridge, project)
    watched = await enrich("status", document_id, "-w", environment=faulty.environment)
    assert watched.code == 1, watched.err
    assert watched.out.startswith(("parked: analysing: ", "failed · version 1")), watched.out


async def test_status_watch_follows_a_project_until_it_is_interrupted(
    faulty: FaultyStack, bridge: httpx.AsyncClient, project: str
) -> None:
    process = await start_enrich(
        *("status", "-p", project, "-w", "-o", "json"), environment=faulty.environment
    )
    assert process.stdout is not None
    assert json.loads(await process.stdout.readline())["event"] == "state"
    document_id = await post(bridge, project)
    event: dict[str, Any] = {"event": ""}
    while event["event"] != "completed":
        event = json.loads(await process.stdout.readline())
    assert event["data"]["document_id"] == document_id
    process.send_signal(signal.SIGINT)
    _, err = await process.communicate()
    assert (process.returncode, err) == (130, b"")
