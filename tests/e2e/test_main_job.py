"""The main job on all real services, as an application, a producer and an operator see it."""

import asyncio
import base64
import json
import random
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import httpx
import pytest
from aiokafka import AIOKafkaProducer

from archon.contracts import identity, names
from archon.runtime.settings import Settings
from bridge.app import OPTIONAL
from tests import factories, stores
from tests.e2e.events import completed_of, read_all
from tests.eventually import eventually
from tests.pages import dependencies

CODE = '''"""Reads settings."""
import os


def read_settings(path):
    """Read the settings."""
    return parse(path)


def parse(path):
    return os.fspath(path)
'''


@pytest.fixture
async def producer(stack: Settings) -> AsyncIterator[AIOKafkaProducer]:
    """A plain producer."""
    producer = AIOKafkaProducer(
        bootstrap_servers=stack.kafka_bootstrap_servers, enable_idempotence=stack.kafka_enable_idempotence
    )
    await producer.start()
    yield producer
    await producer.stop()


def body(project: str, text: str = CODE, **fields: Any) -> dict[str, Any]:
    return {"project_id": project, "source_path": "src/settings.py", "full_text": text, **fields}


async def post(http: httpx.AsyncClient, document: dict[str, Any]) -> dict[str, Any]:
    response = await http.post("/document", json=document)
    assert response.status_code == 200, response.text
    accepted: dict[str, Any] = response.json()
    return accepted


async def enriched(http: httpx.AsyncClient, document_id: str, **expected: Any) -> dict[str, Any]:
    """The document when it is completed and has the expected data."""

    async def is_enriched() -> dict[str, Any] | None:
        response = await http.get(f"/document/{document_id}")
        if response.status_code != 200:
            return None
        found: dict[str, Any] = response.json()
        right = all(found[name] == value for name, value in expected.items())
        return found if right and found["enrichment_status"] == "completed" else None

    found: dict[str, Any] = await eventually(is_enriched)
    return found


async def in_both_stores(stack: Settings, document_id: str, project: str) -> tuple[dict[str, Any], Any]:
    """Node and point, read with plain clients."""
    nodes, points = await stores.nodes(stack, project), await stores.points(stack, [document_id])
    return nodes[document_id], points[document_id]


async def test_a_posted_document_is_indexed_at_once_and_enriched(
    http: httpx.AsyncClient, stack: Settings, project: str
) -> None:
    accepted = await post(http, body(project))
    assert accepted["status"] == "indexed"
    assert accepted["content_hash"] == identity.content_hash(CODE)
    assert accepted["document_version"] == 1
    found = await enriched(http, accepted["document_id"])
    assert [each["qualified_name"] for each in found["entities"]] == ["read_settings", "parse"]
    assert found["modules"] == ["os"]
    assert found["enrichment_content_hash"] == accepted["content_hash"]
    assert found["workflow_id"] == accepted["workflow_id"]
    assert found["workflow_url"].startswith(stack.temporal_ui_url)
    node, point = await in_both_stores(stack, accepted["document_id"], project)
    assert (node["version"], node["content_hash"], node["enrichment_status"]) == (
        1,
        found["content_hash"],
        "completed",
    )
    shared = ("version", "content_hash", "enrichment_status", "project_name", "file_path")
    assert {name: point.payload[name] for name in shared} == {name: node[name] for name in shared}
    assert len(point.vector[names.VECTOR_CONTENT]) == 256


async def test_each_document_has_one_completed_event_and_rising_progress(
    http: httpx.AsyncClient, stack: Settings, project: str
) -> None:
    accepted = await post(http, body(project))
    await enriched(http, accepted["document_id"])
    (event,) = await completed_of(stack, accepted["document_id"], 1)
    value = event["value"]
    assert value["enrichment_status"] == "success"
    assert value["correlation_id"] == accepted["correlation_id"]
    assert value["enrichment_results"]["entities_extracted"] == 2
    assert event["headers"]["ce_id"] == identity.event_id(accepted["document_id"], 1, "success")
    assert (
        event["headers"]["traceparent"].split("-")[1] == accepted["correlation_id"].replace("-", "").lower()
    )
    progress = [
        each["value"]
        for each in await read_all(stack, stack.kafka_progress_topic)
        if each["key"] == accepted["document_id"]
    ]
    assert [each["progress_percent"] for each in progress] == [10, 60, 80, 100]
    assert [each["updated_at"] for each in progress] == sorted(each["updated_at"] for each in progress)


async def test_the_same_document_twice_is_enriched_once(
    http: httpx.AsyncClient, stack: Settings, project: str
) -> None:
    first, second = await asyncio.gather(post(http, body(project)), post(http, body(project)))
    assert first["document_id"] == second["document_id"]
    assert {first["document_version"], second["document_version"]} == {1}
    await enriched(http, first["document_id"])
    again = await post(http, body(project))
    assert (again["status"], again["enrichment_status"]) == ("unchanged", "completed")
    marker = await post(http, body(project, "other", source_path="marker.py"))
    await completed_of(stack, marker["document_id"], 1)
    assert len(await completed_of(stack, first["document_id"], 1)) == 1


async def test_changed_content_raises_the_version_and_replaces_the_enrichment(
    http: httpx.AsyncClient, stack: Settings, project: str
) -> None:
    first = await post(http, body(project))
    await enriched(http, first["document_id"])
    second = await post(http, body(project, "def other(): pass\n"))
    assert (second["document_id"], second["document_version"]) == (first["document_id"], 2)
    found = await enriched(http, first["document_id"], version=2)
    assert [each["name"] for each in found["entities"]] == ["other"]
    assert found["modules"] == []


async def test_a_b_a_ends_as_a_at_version_3_in_both_stores(
    http: httpx.AsyncClient, stack: Settings, project: str
) -> None:
    b = "def b(): pass\n"
    answers = [await post(http, body(project, text)) for text in (CODE, b, CODE)]
    assert [each["document_version"] for each in answers] == [1, 2, 3]
    document_id = answers[0]["document_id"]
    found = await enriched(http, document_id, version=3)
    assert found["content_hash"] == found["enrichment_content_hash"] == answers[0]["content_hash"]
    assert [each["name"] for each in found["entities"]] == ["read_settings", "parse"]
    node, point = await in_both_stores(stack, document_id, project)
    assert (node["version"], point.payload["version"]) == (3, 3)
    assert point.payload["embedded_hash"] == node["content_hash"] == answers[0]["content_hash"]


async def test_a_burst_of_versions_ends_as_the_newest_and_each_says_how_it_ended(
    stack: Settings, http: httpx.AsyncClient, project: str
) -> None:
    texts = [CODE.replace("settings", f"settings_{number}") for number in range(40)]
    answers = [await post(http, body(project, text)) for text in texts]
    document_id = answers[-1]["document_id"]
    assert [each["document_version"] for each in answers] == list(range(1, 41))
    found = await enriched(http, document_id, version=40)
    assert found["enrichment_content_hash"] == identity.content_hash(texts[-1])
    node, point = await in_both_stores(stack, document_id, project)
    assert (node["version"], point.payload["version"]) == (40, 40)
    ended = {
        event["value"]["document_version"]: event["value"]["enrichment_status"]
        for event in await completed_of(stack, document_id, 40)
    }
    assert set(ended) == set(range(1, 41))
    assert ended[40] == "success"


async def test_a_tree_index_event_is_indexed_and_enriched(
    http: httpx.AsyncClient, stack: Settings, producer: AIOKafkaProducer, project: str
) -> None:
    document_id, _ = identity.document_id(project, None, "src/settings.py")
    await producer.send_and_wait(
        stack.kafka_index_topic, json.dumps(body(project)).encode(), key=document_id.encode()
    )
    found = await enriched(http, document_id)
    assert len(found["entities"]) == 2


async def test_a_plain_request_on_kafka_is_enriched_where_the_text_is_known(
    http: httpx.AsyncClient, stack: Settings, producer: AIOKafkaProducer, project: str
) -> None:
    known = await post(http, body(project))
    request = factories.request(project, content_hash=known["content_hash"]).model_dump(
        mode="json", exclude_none=True
    )
    request["tenant"] = "kept"
    await producer.send_and_wait(stack.kafka_enrichment_topic, json.dumps(request).encode())
    found = await enriched(http, request["document_id"])
    assert len(found["entities"]) == 2


async def test_a_request_without_a_text_is_parked_and_wakes_when_the_text_comes(
    http: httpx.AsyncClient, stack: Settings, producer: AIOKafkaProducer, project: str
) -> None:
    text = f"def f_{uuid4().hex}(): pass\n"
    request = factories.request(project, text).model_dump(mode="json", exclude_none=True)
    await producer.send_and_wait(stack.kafka_enrichment_topic, json.dumps(request).encode())
    dead = await _dead_letter(stack, request["document_id"])
    assert dead["value"]["failure_type"] == "data_quality"
    assert dead["value"]["error_details"]["exception_type"] == "ContentMissingError"
    assert "content_hash: the content store holds no text under this hash" in dead["value"]["failure_reason"]
    assert dead["value"]["error_details"]["service_health"] == {
        "intelligence_service": "healthy",
        "memgraph": "healthy",
        "qdrant": "healthy",
    }
    await post(http, body(project, text, document_id=request["document_id"], source_path="src/a.py"))
    assert len((await enriched(http, request["document_id"]))["entities"]) == 1


async def test_a_poison_message_is_dead_lettered_and_blocks_nothing(
    http: httpx.AsyncClient, stack: Settings, producer: AIOKafkaProducer, project: str
) -> None:
    known = await post(http, body(project))
    good = factories.request(project, content_hash=known["content_hash"]).model_dump(
        mode="json", exclude_none=True
    )
    key = f"poison-{uuid4()}"
    noise = random.Random(1).randbytes(900_000)
    poison = [
        b"\xff\xfe not json",
        b"[]",
        json.dumps({**good, "document_id": "no"}).encode(),
        json.dumps({**good, "file_path": 7, "priority": "soon"}).encode(),
        noise,
        None,
        json.dumps({**good, "document_id": "no", "correlation_id": "neither"}).encode(),
        b'{"document_id": "\\ud800"}',
        b'{"a":' * 400 + b"1" + b"}" * 400,
    ]
    for value in poison:
        await producer.send_and_wait(
            stack.kafka_enrichment_topic, value, key=key.encode(), partition=0, headers=[("mine", b"1")]
        )
    await producer.send_and_wait(stack.kafka_enrichment_topic, json.dumps(good).encode(), partition=0)
    await enriched(http, good["document_id"])

    async def all_dead() -> list[dict[str, Any]] | None:
        letters = [
            each
            for each in await read_all(stack, stack.kafka_dlq_topic)
            if each["headers"].get("original_key") == key
        ]
        return letters if len(letters) == len(poison) else None

    letters = await eventually(all_dead)
    assert {each["headers"]["mine"] for each in letters} == {"1"}
    assert all(each["key"] == each["value"]["source"] for each in letters)
    assert all(each["key"].startswith(f"{stack.kafka_enrichment_topic}:0:") for each in letters)
    assert len({each["key"] for each in letters}) == len(poison)
    values = [each["value"] for each in sorted(letters, key=lambda each: int(each["key"].split(":")[-1]))]
    reasons = [value["failure_reason"] for value in values]
    for reason, words in zip(
        reasons,
        ("JSON", "object", "document_id: must be a UUID", "file_path", "JSON", "null", "document_id", "", ""),
        strict=True,
    ):
        assert words in reason
    assert "priority" in reasons[3]
    assert values[3]["original_message"]["file_path"] == 7
    kept = values[4]["original_message"]
    assert (kept["size"], kept["truncated"]) == (len(noise), True)
    assert base64.b64decode(kept["base64"]) == noise[: 256 * 1024]


async def _dead_letter(stack: Settings, document_id: str) -> dict[str, Any]:
    async def found() -> dict[str, Any] | None:
        letters = [
            each for each in await read_all(stack, stack.kafka_dlq_topic) if each["key"] == document_id
        ]
        return letters[0] if letters else None

    letter: dict[str, Any] = await eventually(found)
    return letter


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"project_id": ""}, "project_id"),
        ({"full_text": 7}, "full_text"),
        ({"full_text": None}, "full_text"),
        ({"content_hash": "0" * 64}, "content_hash"),
        ({"content_hash": "short"}, "content_hash"),
        ({"content_ref": "0" * 64, "full_text": None}, "content_ref"),
        ({"document_type": "poem"}, "document_type"),
        ({"full_text": "\ud800"}, "full_text"),
        ({"metadata": {"x": "\ud800"}}, "metadata.x"),
        ({"metadata": {"line_count": "two"}}, "metadata.line_count"),
        ({"metadata": json.loads('{"a":' * 300 + "1" + "}" * 300)}, "metadata.a"),
    ],
)
async def test_bad_input_names_the_field_and_stores_nothing(
    http: httpx.AsyncClient, project: str, change: dict[str, Any], field: str
) -> None:
    # Some clients encode every character outside ASCII as an escape.
    content = json.dumps(body(project) | change)
    response = await http.post("/document", content=content, headers={"content-type": "application/json"})
    assert response.status_code == 422
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    assert [each["field"] for each in problem["errors"]] == [field]
    assert problem["correlation_id"] == response.headers["X-Correlation-ID"]
    assert (await http.get("/statistics", params={"project": project})).json()["documents"] == 0


async def test_another_projects_document_is_a_conflict(http: httpx.AsyncClient, project: str) -> None:
    own = str(uuid4())
    await post(http, body(project, document_id=own))
    response = await http.post("/document", json=body(f"{project}-2", document_id=own))
    assert (response.status_code, response.json()["title"]) == (409, "Project conflict")


async def test_a_clients_own_id_finds_its_document(http: httpx.AsyncClient, project: str) -> None:
    own = f"docs/{uuid4()}.md"
    accepted = await post(http, body(project, document_id=own))
    assert accepted["external_id"] == own
    assert (await http.get(f"/document/{own}")).json()["document_id"] == accepted["document_id"]
    assert (await http.get("/document/nobody")).status_code == 404


async def test_many_documents_each_have_their_result(http: httpx.AsyncClient, project: str) -> None:
    taken = str(uuid4())
    await post(http, body(f"{project}-2", document_id=taken))
    documents = [body(project, f"x = {n}", source_path=f"{n}.py") for n in range(20)]
    response = await http.post(
        "/documents", json={"documents": [*documents, body(project, document_id=taken)]}
    )
    answer = response.json()
    assert (answer["accepted"], answer["failed"]) == (20, 1)
    assert answer["results"][20]["problem"]["status"] == 409
    beside = await http.post(
        "/documents", json={"documents": [documents[0], {"project_id": project, "full_text": 1}]}
    )
    answer = beside.json()
    assert (beside.status_code, answer["accepted"], answer["failed"]) == (200, 1, 1)
    assert answer["results"][1]["problem"]["errors"][0]["field"] == "full_text"
    for nothing in ({"documents": []}, {"documents": 1}, {}):
        assert (await http.post("/documents", json=nothing)).status_code == 422


async def test_search_finds_by_meaning_within_the_project(http: httpx.AsyncClient, project: str) -> None:
    settings = await post(http, body(project))
    other = await post(http, body(project, "# Gardening\n\nWater the roses.\n", source_path="garden.md"))
    for each in (settings, other):
        await enriched(http, each["document_id"])
    found = (await http.get("/search", params={"q": "read the settings", "project": project})).json()
    files = [hit["file_path"] for hit in found["hits"]]
    assert (files[0], files[-1], set(files)) == (
        "src/settings.py",
        "garden.md",
        {"src/settings.py", "garden.md"},
    )
    assert found["hits"][0]["fresh"] is True
    foreign = (await http.get("/search", params={"q": "read the settings", "project": f"{project}-2"})).json()
    assert foreign["hits"] == []


async def test_health_and_api_description(stack: Settings) -> None:
    async with httpx.AsyncClient(base_url=stack.bridge_url) as http:
        assert (await http.get("/livez")).json() == {"status": "alive"}
        ready = (await http.get("/readyz")).json()
        assert ready["status"] == "ready"
        assert set(ready["dependencies"]) == {
            *("graph", "schema", "qdrant", "content", "storage"),
            *("kafka", "intelligence", "temporal", "flags", "ingress", "worker"),
        }
        assert set(ready["dependencies"]) - set(OPTIONAL) == dependencies("bridge")
        ingress = (await http.get(f"{stack.ingress_url}/readyz")).json()
        assert set(ingress["dependencies"]) == dependencies("ingress")
        description = (await http.get("/openapi.json")).json()
        page = (await http.get("/docs")).text
    assert "http://" not in page
    assert "https://" not in page
    operations = {method["operationId"] for path in description["paths"].values() for method in path.values()}
    assert {
        "index_document",
        "index_documents",
        "get_document",
        "search_documents",
        "livez",
        "readyz",
    } <= operations


async def test_an_incremental_enrichment_writes_the_function_that_has_changed(
    stack: Settings, http: httpx.AsyncClient, project: str
) -> None:
    first = await post(http, body(project))
    await enriched(http, first["document_id"])
    before = await entities(stack, first["document_id"])
    changed = CODE.replace("return os.fspath(path)", "return str(path)")
    second = await post(http, body(project, changed, enrichment_type="incremental"))
    found = await enriched(http, first["document_id"], version=2)
    assert found["enrichment_content_hash"] == second["content_hash"]
    after = await entities(stack, first["document_id"])
    assert {name for name in after if after[name] != before.get(name)} == {"parse"}


async def entities(stack: Settings, document_id: str) -> dict[str, dict[str, Any]]:
    """Entities by qualified name, with all properties, including their writer."""
    cypher = "MATCH (:Document {entity_id: $id})-[:CONTAINS]->(e) RETURN properties(e)"
    return {
        entity["qualified_name"]: entity for (entity,) in await stores.query(stack, cypher, id=document_id)
    }
