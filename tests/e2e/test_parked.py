"""Parked documents are never forgotten: during an outage of the graph, with a broker that loses its data,
with stores that disagree; on a separate stack."""

import asyncio
import os
from typing import Any
from uuid import uuid4

import httpx
import pytest
from fastapi import Response

from archon.contracts import names
from archon.contracts.events import DeadLetter
from archon.contracts.workflow import WorkflowStatus
from archon.devstack.stack import Stack
from archon.runtime.kafka.publisher import KafkaPublisher
from archon.runtime.kafka.topics import ensure_topics
from archon.runtime.temporal import client as temporal
from tests import stores
from tests.e2e.command import Finished, enrich
from tests.e2e.faulty import FaultyIntelligence, refusing
from tests.eventually import eventually
from tests.outages.servers import OUTAGES

pytestmark = pytest.mark.timeout(400)


async def run(stack: Stack, *arguments: str) -> Finished:
    return await enrich(*arguments, "-o", "json", environment={**os.environ, **stack.environment})


async def post(stack: Stack, project: str) -> dict[str, Any]:
    body = {"project_id": project, "source_path": f"{uuid4()}.py", "full_text": f"x = 1  # {uuid4()}\n"}
    async with httpx.AsyncClient(timeout=30) as http:
        answer = await http.post(f"{stack.settings.bridge_url}/api/bridge/document", json=body)
    answer.raise_for_status()
    found: dict[str, Any] = answer.json()
    return found


async def status_of(stack: Stack, document: dict[str, Any]) -> str:
    statement = "MATCH (d:Document {entity_id: $id}) RETURN d.enrichment_status"
    ((status,),) = await stores.query(stack.settings, statement, id=document["document_id"])
    return str(status)


async def call(stack: Stack, document: dict[str, Any], **properties: Any) -> None:
    """Another client's call."""
    statement = "MATCH (d:Document {entity_id: $id}) SET d += $properties"
    await stores.query(stack.settings, statement, id=document["document_id"], properties=properties)


async def until_status(stack: Stack, document: dict[str, Any], status: str) -> None:
    async def is_so() -> bool:
        return await status_of(stack, document) == status

    await eventually(is_so)


async def parked(stack: Stack, intelligence: FaultyIntelligence, project: str) -> dict[str, Any]:
    """A document whose run waits, in graph, topic and Temporal's visibility."""
    intelligence.behaviour = refusing(400)
    document = await post(stack, project)
    await until_status(stack, document, "failed")
    await until_counted(stack, project, 1)
    intelligence.heal()
    return document


async def until_counted(stack: Stack, project: str, count: int) -> None:
    """Uses Temporal's visibility, which lags slightly."""

    async def counted() -> bool:
        return bool((await run(stack, "status", "-p", project)).json()["parked"] == count)

    await eventually(counted)


async def listed(stack: Stack, project: str) -> list[str]:
    """The documents that have a dead letter."""
    found = await run(stack, "dlq", "list", "-p", project)
    assert found.code == 0, found.err
    return [each["key"] for each in found.json()["dead_letters"]]


async def drift(stack: Stack, project: str) -> dict[str, int]:
    found = await run(stack, "validate", "-p", project)
    report: dict[str, Any] = found.json()
    assert (found.code, report["well"]) == ((10, False) if report["drift"] else (0, True)), found.err
    kinds: dict[str, int] = report["drift"]
    return kinds


async def repaired(stack: Stack, project: str) -> dict[str, int]:
    found = await run(stack, "reconcile", "--apply", "-p", project)
    assert found.code == 0, found.out + found.err
    kinds: dict[str, int] = found.json()["repaired"]
    return kinds


@pytest.mark.sampled(2)
@pytest.mark.parametrize("what", ["graph-hangs", "graph"])
async def test_a_document_that_fails_while_the_graph_is_away_is_told_listed_and_marked_later(
    scripted: Stack, intelligence: FaultyIntelligence, project: str, what: str
) -> None:
    away = asyncio.Event()

    async def fail_when_it_is_away(body: dict[str, Any]) -> Response:
        await away.wait()
        return await refusing(400)(body)

    intelligence.behaviour = fail_when_it_is_away
    document = await post(scripted, project)
    calls = intelligence.calls

    async def requested() -> bool:
        return intelligence.calls > calls or await status_of(scripted, document) == "processing"

    await eventually(requested)
    client = await temporal.connect(scripted.settings)
    handle = client.get_workflow_handle(document["workflow_id"])

    async def waits() -> bool:
        status: WorkflowStatus = await handle.query(names.QUERY_STATUS, result_type=WorkflowStatus)
        found = await temporal.EnrichmentClient(client).parked(document["workflow_id"])
        return status.parked and bool(found)

    async def reported() -> bool:
        return await listed(scripted, project) == [document["document_id"]]

    await OUTAGES[what].begin(scripted)
    try:
        away.set()
        await eventually(reported)
        await eventually(waits)
    finally:
        await OUTAGES[what].end(scripted)
    intelligence.heal()
    await until_status(scripted, document, "failed")
    await until_counted(scripted, project, 1)
    assert await drift(scripted, project) == {}
    retried = await run(scripted, "dlq", "retry", document["document_id"])
    assert retried.code == 0, retried.err
    await until_status(scripted, document, "completed")

    async def cleared() -> bool:
        return await listed(scripted, project) == []

    await eventually(cleared)


async def test_a_document_that_the_graph_does_not_call_failed_is_listed_found_and_marked(
    scripted: Stack, intelligence: FaultyIntelligence, project: str
) -> None:
    document = await parked(scripted, intelligence, project)
    await call(scripted, document, enrichment_status="processing")
    found = await run(scripted, "status", "--list", "failed", "-p", project)
    assert [each["document_id"] for each in found.json()] == [document["document_id"]]
    assert (await run(scripted, "status", "-p", project)).json()["statuses"] == {"processing": 1}
    assert await drift(scripted, project) == {"unmarked": 1}
    assert await repaired(scripted, project) == {"unmarked": 1}
    assert await status_of(scripted, document) == "failed"
    assert await drift(scripted, project) == {}


@pytest.mark.full
async def test_letters_that_a_broker_has_forgotten_are_published_again(
    scripted: Stack, intelligence: FaultyIntelligence, project: str
) -> None:
    document = await parked(scripted, intelligence, project)
    before = (await run(scripted, "dlq", "show", document["document_id"])).json()["dead_letter"]
    await scripted.servers.kafka.kill()
    found = (await run(scripted, "validate", "-p", project)).json()
    assert (found["letters_known"], found["well"], found["drift"]) == (False, False, {})
    await scripted.servers.kafka.start()
    await ensure_topics(scripted.settings)
    assert await listed(scripted, project) == []
    assert await drift(scripted, project) == {"letter_missing": 1}
    assert await repaired(scripted, project) == {"letter_missing": 1}

    async def reported() -> bool:
        return await listed(scripted, project) == [document["document_id"]]

    await eventually(reported)
    after = (await run(scripted, "dlq", "show", document["document_id"])).json()["dead_letter"]
    changing = {"error_details"}  # the current state of the services
    assert {k: v for k, v in after.items() if k not in changing} == {
        k: v for k, v in before.items() if k not in changing
    }
    assert await drift(scripted, project) == {}


@pytest.mark.full
async def test_a_letter_of_a_document_that_is_not_parked_any_more_is_cleared(
    scripted: Stack, intelligence: FaultyIntelligence, project: str
) -> None:
    document = await parked(scripted, intelligence, project)
    letter = DeadLetter.model_validate(
        (await run(scripted, "dlq", "show", document["document_id"])).json()["dead_letter"]
    )
    await run(scripted, "dlq", "retry", document["document_id"])
    await until_status(scripted, document, "completed")
    await until_counted(scripted, project, 0)
    async with KafkaPublisher.connect(scripted.settings, "test") as publisher:
        await publisher.dead_letter(letter)
    assert await drift(scripted, project) == {"letter_astray": 1}
    assert await repaired(scripted, project) == {"letter_astray": 1}
    assert (await listed(scripted, project), await drift(scripted, project)) == ([], {})


@pytest.mark.full
async def test_a_run_that_nobody_has_told_of_a_newer_version_ends(
    scripted: Stack, intelligence: FaultyIntelligence, project: str
) -> None:
    document = await parked(scripted, intelligence, project)
    await call(scripted, document, version=5, enrichment_status="skipped")
    assert "overtaken" in await drift(scripted, project)
    found = await run(scripted, "reconcile", "--apply", "-p", project)
    assert found.json()["repaired"]["overtaken"] == 1, found.out
    await until_counted(scripted, project, 0)

    async def cleared() -> bool:
        """Once the run has ended."""
        await run(scripted, "reconcile", "--apply", "-p", project)
        return await listed(scripted, project) == []

    await eventually(cleared)


async def test_runs_are_read_page_by_page(
    scripted: Stack, intelligence: FaultyIntelligence, project: str
) -> None:
    intelligence.behaviour = refusing(400)
    documents = [await post(scripted, project) for _ in range(5)]
    await until_counted(scripted, project, 5)
    intelligence.heal()
    seen: list[str] = []
    params: dict[str, str | int] = {"project": project, "limit": 2}
    async with httpx.AsyncClient(base_url=f"{scripted.settings.bridge_url}/api/bridge", timeout=30) as http:
        while True:
            page = (await http.get("/parked", params=params)).json()
            assert len(page["parked"]) <= params["limit"]
            seen += [each["document_id"] for each in page["parked"]]
            if page["next"] is None:
                break
            params["after"] = page["next"]
        wrong = await http.get("/parked", params={"after": "?"})
    assert sorted(seen) == sorted(each["document_id"] for each in documents)
    assert wrong.status_code == 422
