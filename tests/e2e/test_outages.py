"""Indexing while a server is down, on a separate stack whose servers can be killed."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from archon.devstack.stack import Stack
from archon.runtime.kafka.topics import ensure_topics
from tests.eventually import eventually
from tests.outages.rehearsal import Plan, rehearse
from tests.outages.servers import OUTAGES


@pytest.fixture
async def http(own: Stack) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=f"{own.settings.bridge_url}/api/bridge", timeout=60) as client:
        yield client


async def post(http: httpx.AsyncClient, project: str) -> httpx.Response:
    body = {
        "project_id": project,
        "source_path": "a.py",
        "full_text": f"def {project.replace('-', '_')}(): pass\n",
    }
    return await http.post("/document", json=body)


async def enriched(http: httpx.AsyncClient, document_id: str) -> dict[str, Any]:
    async def is_enriched() -> dict[str, Any] | None:
        response = await http.get(f"/document/{document_id}")
        found: dict[str, Any] = response.json()
        return found if response.is_success and found["enrichment_status"] == "completed" else None

    found: dict[str, Any] = await eventually(is_enriched, 90)
    return found


@pytest.mark.full
async def test_without_the_vector_store_a_document_is_partial_and_made_whole(
    own: Stack, http: httpx.AsyncClient, project: str
) -> None:
    await own.servers.vectors.kill()
    accepted = (await post(http, project)).json()
    assert accepted["status"] == "partial"
    await own.servers.vectors.start()
    await enriched(http, accepted["document_id"])
    found = (await http.get("/search", params={"q": project, "project": project})).json()
    assert [hit["document_id"] for hit in found["hits"]] == [accepted["document_id"]]


async def test_without_kafka_a_document_is_deferred_and_published_later(
    own: Stack, http: httpx.AsyncClient, project: str
) -> None:
    before = [(await post(http, f"{project}-before-{number}")).json() for number in range(12)]
    await asyncio.gather(*(enriched(http, each["document_id"]) for each in before))
    await own.servers.kafka.kill()
    accepted = (await post(http, project)).json()
    assert (accepted["status"], accepted["enrichment_status"]) == ("deferred", "pending")
    await own.servers.kafka.start()
    await ensure_topics(own.settings)
    assert (await enriched(http, accepted["document_id"]))["version"] == 1
    # The broker came back empty: partitions are shorter now than the consumer's positions.
    for number in range(4):
        await enriched(http, (await post(http, f"{project}-after-{number}")).json()["document_id"])


async def test_without_the_graph_nothing_is_indexed_and_it_is_said(
    own: Stack, http: httpx.AsyncClient, project: str
) -> None:
    await own.servers.graph.kill()
    refused = await post(http, project)
    assert (refused.status_code, refused.json()["title"]) == (503, "Store unavailable")
    assert (await httpx.AsyncClient().get(f"{own.settings.bridge_url}/readyz")).status_code == 503
    await own.servers.graph.start()
    assert (await http.get("/statistics", params={"project": project})).json()["documents"] == 0
    await enriched(http, (await post(http, project)).json()["document_id"])


@pytest.mark.full
async def test_without_the_intelligence_service_documents_wait(
    own: Stack, http: httpx.AsyncClient, project: str
) -> None:
    await own.services.intelligence.kill()
    accepted = (await post(http, project)).json()
    assert accepted["status"] == "indexed"
    assert (await http.get("/search", params={"q": "x"})).status_code == 503
    await own.services.intelligence.start()
    await enriched(http, accepted["document_id"])


async def test_without_temporal_documents_wait_in_kafka(
    own: Stack, http: httpx.AsyncClient, project: str
) -> None:
    await own.servers.temporal.kill()
    accepted = (await post(http, project)).json()
    assert accepted["status"] == "indexed"
    await own.servers.temporal.start()
    await enriched(http, accepted["document_id"])


@pytest.mark.full
@pytest.mark.parametrize("what", ["vectors-hang", "kafka"])
async def test_an_outage_leaves_small_histories_and_loses_nothing(own: Stack, what: str) -> None:
    """`make outages` does this with every server, for minutes."""
    found = await rehearse(own, lambda _: None, what, OUTAGES[what], Plan(documents=6, more=3, seconds=5))
    assert (found.documents, found.parked, found.lost) == (9, [], [])
    assert found.histories.runs == 9
    assert found.histories.events_max <= 40, found.histories
