"""Why nothing happens: each part is taken away in turn, and bridge and command line must name it."""

import os
import re
from collections.abc import AsyncIterator, Mapping
from typing import Any

import httpx
import pytest

from archon.devstack.process import ChildProcess
from archon.devstack.stack import Stack
from archon.runtime.kafka.topics import ensure_topics
from archon.runtime.local_ports import free_ports
from tests.e2e import command
from tests.eventually import eventually

PARTS = ["temporal", "kafka", "graph", "qdrant", "content", "intelligence", "worker", "ingress", "bridge"]
pytestmark = pytest.mark.timeout(300)


@pytest.fixture
async def http(own: Stack) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=own.settings.bridge_url, timeout=60) as client:
        yield client
    # The next test does not depend on parts that a failed one did not bring back.
    for process in (each for each in (*own.servers.all(), *own.services.all()) if each.pid is None):
        await process.start()
        await ensure_topics(own.settings)


async def enrich(own: Stack, *arguments: str, **others: str) -> command.Finished:
    return await command.enrich(*arguments, environment={**os.environ, **own.environment, **others})


async def post(http: httpx.AsyncClient, project: str, path: str = "a.py") -> str:
    body = {"project_id": project, "source_path": path, "full_text": f"def f(): return '{project}'\n"}
    response = await http.post("/api/bridge/document", json=body)
    assert response.status_code == 200, response.text
    document_id: str = response.json()["document_id"]
    return document_id


async def document(http: httpx.AsyncClient, document_id: str) -> dict[str, Any]:
    found: dict[str, Any] = (await http.get(f"/api/bridge/document/{document_id}")).json()
    return found


async def until_waiting(http: httpx.AsyncClient, document_id: str, service: str, why: str) -> dict[str, Any]:
    async def waits() -> dict[str, Any] | None:
        waiting: dict[str, Any] | None = (await document(http, document_id))["waiting_for"]
        right = waiting is not None and waiting["service"] == service and why in waiting["reason"]
        return waiting if right else None

    found: dict[str, Any] = await eventually(waits)
    return found


async def until_enriched(http: httpx.AsyncClient, document_id: str) -> None:
    async def is_enriched() -> bool:
        found = await document(http, document_id)
        return found.get("enrichment_status") == "completed" and found["waiting_for"] is None

    await eventually(is_enriched, 120)


async def status(http: httpx.AsyncClient, project: str) -> dict[str, Any]:
    found: dict[str, Any] = (await http.get("/api/bridge/status", params={"project": project})).json()
    return found


def part(found: Mapping[str, Any], name: str) -> dict[str, Any]:
    return next(each for each in found["parts"] if each["name"] == name)


async def until_part(http: httpx.AsyncClient, name: str, wanted: str) -> dict[str, Any]:
    async def has_come() -> dict[str, Any] | None:
        found = part(await status(http, "none"), name)
        return found if found["status"] == wanted else None

    found: dict[str, Any] = await eventually(has_come)
    return found


async def restart(http: httpx.AsyncClient, process: ChildProcess, name: str) -> None:
    await process.start()
    await until_part(http, name, "up")


async def test_every_part_is_told_with_its_version(own: Stack, http: httpx.AsyncClient) -> None:
    for name in PARTS:
        await until_part(http, name, "up")
    printed = (await enrich(own, "status", "-o", "json")).json()
    assert sorted(each["name"] for each in printed["parts"]) == sorted(PARTS)
    assert {each["name"] for each in printed["parts"] if not each["version"]} <= {"kafka", "content"}
    assert all(each["since"] for each in printed["parts"] if each["name"] in {"bridge", "ingress", "worker"})
    assert printed["waiting"] == []
    finished = await enrich(own, "doctor")
    assert (finished.code, "Nothing is wrong" in finished.out) == (0, True), finished.out
    assert own.settings.memgraph_uri in finished.out


async def test_the_intelligence_service_is_down(own: Stack, http: httpx.AsyncClient, project: str) -> None:
    await own.services.intelligence.kill()
    documents = [await post(http, project, f"{number}.py") for number in range(3)]
    waiting = await until_waiting(http, documents[0], "intelligence", "connection refused")
    assert own.settings.intelligence_service_url in waiting["reason"]

    async def breaker_is_open() -> bool:
        found = (await status(http, project))["waiting"]
        grouped = [(each["service"], each["documents"]) for each in found]
        return grouped == [("intelligence", 3)] and found[0]["since"] is not None

    await eventually(breaker_is_open)

    async def says_when_it_is_tried_next() -> bool:
        """Not while an attempt is running."""
        printed = (await enrich(own, "status", "-p", project)).out
        assert re.search(r"intelligence +down", printed), printed
        return bool(
            re.search(
                r"3 documents wait for the intelligence service since [\d:]+ "
                r"\(.*connection refused.*\), next try (in \d+ s|now)",
                printed,
            )
        )

    await eventually(says_when_it_is_tried_next)
    one = (await enrich(own, "status", documents[0])).out
    assert re.search(r"Waiting +waits for the intelligence service", one), one
    problem = (await http.get("/api/bridge/search", params={"q": "f"})).json()
    assert (problem["status"], problem["service"]) == (503, "intelligence")
    assert own.settings.intelligence_service_url in problem["detail"]
    assert "connection refused" in problem["detail"]
    await restart(http, own.services.intelligence, "intelligence")
    for each in documents:
        await until_enriched(http, each)
    assert (await status(http, project))["waiting"] == []


@pytest.mark.full
async def test_no_worker_is_there(own: Stack, http: httpx.AsyncClient, project: str) -> None:
    await own.services.worker.kill()
    gone = await until_part(http, "worker", "down")
    assert "connection refused" in gone["reason"]
    assert gone["last_seen"] is not None
    health = (await http.get("/health/enrichment")).json()
    assert (health["status"], health["worker"]["status"]) == ("degraded", "gone")
    ready = (await http.get("/readyz")).json()
    assert ready["status"] == "ready"
    assert ready["dependencies"]["worker"]["status"] == "unhealthy"
    waiting = await until_waiting(http, await post(http, project), "worker", own.settings.worker_url)
    assert waiting["since"] is not None
    printed = (await enrich(own, "status", "-p", project)).out
    assert re.search(r"worker +down .*\d+ s ago", printed), printed
    assert "1 document waits for the worker" in printed
    await restart(http, own.services.worker, "worker")


@pytest.mark.full
async def test_the_ingress_is_down(own: Stack, http: httpx.AsyncClient, project: str) -> None:
    await own.services.ingress.kill()
    await until_part(http, "ingress", "down")
    document_id = await post(http, project)
    await until_waiting(http, document_id, "ingress", "connection refused")
    (cause,) = (await status(http, project))["waiting"]
    assert (cause["service"], cause["documents"], cause["status"]) == ("ingress", 1, "pending")
    findings = (await enrich(own, "doctor", "-o", "json")).json()["findings"]
    assert findings[0]["part"] == "ingress"
    (behind,) = (each for each in findings if re.search(r"requests? waits? in Kafka", each["what"]))
    assert behind["consequence_of"] == ["ingress"]
    await restart(http, own.services.ingress, "ingress")
    await until_enriched(http, document_id)


@pytest.mark.full
async def test_the_vector_store_is_down(own: Stack, http: httpx.AsyncClient, project: str) -> None:
    await own.servers.vectors.kill()
    document_id = await post(http, project)
    waiting = await until_waiting(http, document_id, "qdrant", "connection refused")
    assert f"{own.settings.qdrant_url} (QDRANT_URL)" in waiting["reason"]
    problem = (await http.get("/api/bridge/search", params={"q": "f"})).json()
    assert (problem["status"], problem["service"]) == (503, "qdrant")
    await restart(http, own.servers.vectors, "qdrant")
    await until_enriched(http, document_id)


async def test_kafka_is_down(own: Stack, http: httpx.AsyncClient, project: str) -> None:
    await own.servers.kafka.kill()
    await until_part(http, "kafka", "down")
    document_id = await post(http, project)
    await until_waiting(http, document_id, "kafka", own.settings.kafka_bootstrap_servers)
    (cause,) = (await status(http, project))["waiting"]
    assert (cause["service"], cause["documents"], cause["status"]) == ("kafka", 1, "pending")
    problem = (await http.get("/api/bridge/dead-letters")).json()
    assert (problem["status"], problem["service"]) == (503, "kafka")
    assert "connection refused" in problem["detail"]
    await own.servers.kafka.start()
    await ensure_topics(own.settings)
    await until_part(http, "kafka", "up")
    await until_enriched(http, document_id)


@pytest.mark.full
async def test_temporal_is_down(own: Stack, http: httpx.AsyncClient, project: str) -> None:
    await own.servers.temporal.kill()
    await until_part(http, "temporal", "down")
    document_id = await post(http, project)
    await until_waiting(http, document_id, "temporal", own.settings.temporal_address)
    assert [each["service"] for each in (await status(http, project))["waiting"]] == ["temporal"]
    seen = part((await enrich(own, "doctor", "-o", "json")).json(), "temporal")
    assert seen["last_seen"], "the bridge, which remembers, did not answer in time"
    finished = await enrich(own, "reconcile")
    assert finished.code == 3
    lines = [line for line in finished.err.splitlines() if "Waiting for" not in line]
    assert lines == [
        f"error: Temporal at {own.settings.temporal_address} (TEMPORAL_ADDRESS): connection refused"
    ]
    await restart(http, own.servers.temporal, "temporal")
    await until_enriched(http, document_id)


@pytest.mark.full
async def test_the_graph_is_down(own: Stack, http: httpx.AsyncClient) -> None:
    await own.servers.graph.kill()
    await until_part(http, "graph", "down")
    problem = (await http.get("/api/bridge/statistics")).json()
    assert (problem["status"], problem["service"]) == (503, "graph")
    assert f"{own.settings.memgraph_uri} (MEMGRAPH_URI): connection refused" in problem["detail"]
    finished = await enrich(own, "status")
    assert finished.code == 3
    assert re.search(r"graph +down", finished.out), finished.out
    found = (await enrich(own, "doctor", "-o", "json")).json()["findings"]
    assert [each["part"] for each in found if not each["consequence_of"]] == ["graph"]
    assert {each["part"] for each in found if each["consequence_of"] == ["graph"]} >= {"worker", "bridge"}
    await restart(http, own.servers.graph, "graph")


@pytest.mark.full
async def test_the_bridge_is_down(own: Stack, http: httpx.AsyncClient) -> None:
    await own.services.bridge.kill()
    finished = await enrich(own, "status")
    assert finished.code == 3
    assert re.search(r"bridge +down", finished.out), finished.out
    assert re.search(r"graph +up", finished.out), finished.out
    await restart(http, own.services.bridge, "bridge")


async def test_the_doctor_is_of_use_where_nothing_runs() -> None:
    free = iter(free_ports(8))
    nothing = {
        **{f"{name}_URL": f"http://127.0.0.1:{next(free)}" for name in ("BRIDGE", "INGRESS", "WORKER")},
        "INTELLIGENCE_SERVICE_URL": f"http://127.0.0.1:{next(free)}",
        "QDRANT_URL": f"http://127.0.0.1:{next(free)}",
        "MEMGRAPH_URI": f"bolt://127.0.0.1:{next(free)}",
        "KAFKA_BOOTSTRAP_SERVERS": f"127.0.0.1:{next(free)}",
        "TEMPORAL_ADDRESS": f"127.0.0.1:{next(free)}",
        "MEMGRAPH_URL": "bolt://127.0.0.1:1",
    }
    finished = await command.enrich("doctor", "-o", "json", environment={**os.environ, **nothing})
    assert finished.code == 10, finished.err
    assert finished.err.splitlines() == ["Checking every part ..."]
    findings = finished.json()["findings"]
    assert [each["part"] for each in findings] == [
        None,
        *("temporal", "kafka", "graph", "qdrant", "intelligence", "worker", "ingress", "bridge"),
    ]
    assert "MEMGRAPH_URI" in findings[0]["next"]
    assert all("connection refused" in each["why"] for each in findings[1:])


async def test_a_command_warns_of_a_setting_that_is_none(own: Stack) -> None:
    finished = await enrich(own, "status", KAFKA_BOOTSTRAP_SERVER="elsewhere:9092")
    assert finished.code == 0
    assert "KAFKA_BOOTSTRAP_SERVER is not a setting" in finished.err
    assert "KAFKA_BOOTSTRAP_SERVERS" in finished.err
