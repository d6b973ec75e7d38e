"""Inputs that once caused a 500, a run that could never succeed, or a letter that could not be found."""

import gzip
import json
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import httpx
import pytest
from aiokafka import AIOKafkaProducer

from archon.contracts.json_values import DEEPEST
from archon.contracts.operations.dead_letters import DeadLetterFilter
from archon.runtime.kafka.brokers import connection
from archon.runtime.kafka.dead_letters import DeadLetterTopic
from archon.runtime.settings import Settings
from tests import factories
from tests.e2e.events import completed_of
from tests.eventually import eventually

EDGE = {"last_modified": "0001-01-01T00:00:00+14:00"}


@pytest.fixture
async def producer(stack: Settings) -> AsyncIterator[AIOKafkaProducer]:
    async with AIOKafkaProducer(
        **connection(stack), enable_idempotence=False, max_request_size=4_000_000
    ) as producer:
        yield producer


def body(project: str, **fields: Any) -> dict[str, Any]:
    return {"project_id": project, "source_path": "src/a.py", "full_text": f"# {uuid4()}\n", **fields}


async def letters(stack: Settings, project: str, count: int) -> dict[str, str]:
    """The reasons in a project's letters by path, as seen with its own key, when there are that many."""
    topic = DeadLetterTopic(stack)

    async def all_there() -> dict[str, str] | None:
        rows = await topic.rows(DeadLetterFilter(project=project), (project,))
        return {row.file_path or "": row.failure_reason for row in rows} if len(rows) >= count else None

    found: dict[str, str] = await eventually(all_there)
    return found


async def test_a_batch_loses_only_the_document_that_is_wrong(http: httpx.AsyncClient, project: str) -> None:
    batch = [body(project), body(project, source_path="b.py", metadata=EDGE), {"nothing": 1}, 7]
    answer = await http.post("/documents", json={"documents": batch})
    assert (answer.status_code, answer.json()["accepted"], answer.json()["failed"]) == (200, 1, 3)
    good, edge, nothing, number = answer.json()["results"]
    assert good["document"]["status"] == "indexed"
    assert edge["problem"]["errors"][0]["field"] == "metadata.last_modified"
    assert edge["problem"]["instance"].endswith("#/documents/1")
    assert nothing["problem"]["errors"][0]["field"] == "project_id"
    assert number["problem"]["status"] == 422


@pytest.mark.parametrize("metadata", [EDGE, {"file_size_bytes": 2**63}, {"n": 10**400}, {"s": "\ud800"}])
async def test_a_post_that_no_store_keeps_names_the_field(
    http: httpx.AsyncClient, project: str, metadata: dict[str, Any]
) -> None:
    answer = await http.post(
        "/document",
        content=json.dumps(body(project, metadata=metadata)),
        headers={"content-type": "application/json"},
    )
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [f"metadata.{next(iter(metadata))}"]


async def test_what_is_accepted_can_be_shown_again(http: httpx.AsyncClient, project: str) -> None:
    given = {
        "deep": json.loads("[" * DEEPEST + "]" * DEEPEST),
        "large": 2**63 - 1,
        "small": -(2**63),
        "text": "\0\ufeff\U0010ffff",
        "last_modified": "9999-12-31T23:59:59Z",
        "git_commit_hash": "\0",
    }
    accepted = (await http.post("/document", json=body(project, metadata=given))).json()

    async def enriched() -> dict[str, Any] | None:
        found = (await http.get(f"/document/{accepted['document_id']}")).json()
        return found if found["enrichment_status"] == "completed" else None

    found = await eventually(enriched)
    assert {name: found["metadata"][name] for name in given} == given


async def test_bodies_are_taken_compressed_and_refused_by_type(http: httpx.AsyncClient, project: str) -> None:
    plain = json.dumps(body(project)).encode()
    as_json = {"content-type": "application/json"}
    packed = await http.post(
        "/document", content=gzip.compress(plain), headers={**as_json, "content-encoding": "gzip"}
    )
    assert packed.status_code == 200
    form = await http.post(
        "/document", content=plain, headers={"content-type": "application/x-www-form-urlencoded"}
    )
    assert form.status_code == 415
    assert "application/x-www-form-urlencoded" in form.json()["detail"]


async def test_a_submission_on_kafka_is_listed_under_its_project(
    stack: Settings, producer: AIOKafkaProducer, project: str
) -> None:
    wrong = {
        "hash.py": (json.dumps({"content_hash": "0" * 64}), "content_hash"),
        "edge.py": (json.dumps({"metadata": EDGE}), "metadata.last_modified"),
        "large.py": (json.dumps({"content_hash": "0" * 64, "title": "x" * 600_000}), "title"),
        "number.py": ('{"metadata": {"x": [NaN]}}', "metadata.x.0"),
        "pair.py": (r'{"title": "\ud800"}', "title"),
        "deep.py": ('{"metadata": {"x": ' + "[" * 100_000 + "]" * 100_000 + "}}", "metadata.x"),
    }
    for path, (fields, _) in wrong.items():
        start = json.dumps(body(project, source_path=path))[:-1]
        value = f"{start}, {fields[1:]}".encode()
        await producer.send_and_wait(stack.kafka_index_topic, value)
    found = await letters(stack, project, len(wrong))
    assert {path: reason.partition(": ")[0] for path, reason in found.items()} == {
        path: field for path, (_, field) in wrong.items()
    }


async def test_a_request_on_kafka_that_could_never_be_run_is_a_letter(
    stack: Settings, producer: AIOKafkaProducer, project: str
) -> None:
    wrong: dict[str, tuple[dict[str, Any], str]] = {
        "version.py": ({"document_version": 2**63}, "document_version"),
        "edge.py": ({"metadata": EDGE}, "metadata.last_modified"),
        "far.py": ({"indexed_at": "9999-12-31T23:59:59-14:00"}, "indexed_at"),
        "deep.py": ({"tenant": json.loads("[" * 190 + "]" * 190)}, "tenant"),
        "number.py": ({"tenant": {"a": float("nan")}}, "tenant.a"),
        "large.py": ({"tenant": "x" * 1_500_000}, "value"),
    }
    for path, (fields, _) in wrong.items():
        message = factories.request(project, file_path=path).model_dump(mode="json") | fields
        await producer.send_and_wait(stack.kafka_enrichment_topic, json.dumps(message).encode())
    found = await letters(stack, project, len(wrong))
    assert {path: reason.partition(": ")[0] for path, reason in found.items()} == {
        path: field for path, (_, field) in wrong.items()
    }


async def test_a_request_as_large_and_deep_as_may_be_is_run(
    stack: Settings, http: httpx.AsyncClient, producer: AIOKafkaProducer, project: str
) -> None:
    accepted = (await http.post("/document", json=body(project))).json()
    request = factories.request(
        project,
        document_id=accepted["document_id"],
        content_hash=accepted["content_hash"],
        force=True,
        tenant=[json.loads("[" * (DEEPEST - 1) + "]" * (DEEPEST - 1)), "x" * 1_000_000],
    )
    await producer.send_and_wait(stack.kafka_enrichment_topic, request.model_dump_json().encode())
    ended = await completed_of(stack, accepted["document_id"], 2)
    assert request.correlation_id in [event["value"]["correlation_id"] for event in ended]
