"""Possible failures of an intelligence service, and operators' reactions, on a running stack."""

import asyncio
import json
import os
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from aiokafka import AIOKafkaProducer
from fastapi import Response
from fastapi.responses import HTMLResponse, JSONResponse
from temporalio.api.enums.v1 import EventType

from archon.contracts import names
from archon.devstack.process import ChildProcess
from archon.devstack.stack import service
from archon.runtime.local_ports import free_ports
from archon.runtime.temporal import client as temporal
from tests import stores
from tests.e2e import command
from tests.e2e.conftest import BACKLOG, BURST, FaultyStack
from tests.e2e.events import completed_of, read_all
from tests.e2e.faulty import refusing, slow, well
from tests.eventually import eventually
from tests.examples import examples

SLOW_SECONDS = float(os.environ.get("ARCHON_TEST_SLOW_SECONDS", "4"))
DOWN_SECONDS = float(os.environ.get("ARCHON_TEST_DOWN_SECONDS", "4"))
pytestmark = pytest.mark.timeout(180 + SLOW_SECONDS + DOWN_SECONDS)


async def post(bridge: httpx.AsyncClient, project: str, number: int = 0) -> str:
    text = f"def f_{number}(): pass\n# {uuid4()}\n"
    document = {"project_id": project, "source_path": f"src/m{number}.py", "full_text": text}
    response = await bridge.post("/document", json=document)
    assert response.status_code == 200, response.text
    document_id: str = response.json()["document_id"]
    return document_id


async def post_many(bridge: httpx.AsyncClient, project: str, count: int) -> list[str]:
    slots = asyncio.Semaphore(8)

    async def one(number: int) -> str:
        async with slots:
            return await post(bridge, project, number)

    return list(await asyncio.gather(*map(one, range(count))))


async def statuses(bridge: httpx.AsyncClient, project: str) -> Counter[str]:
    found = (await bridge.get("/statistics", params={"project": project})).json()["statuses"]
    return Counter(found)


async def until(bridge: httpx.AsyncClient, project: str, seconds: float = 90, **expected: int) -> None:
    async def as_expected() -> bool:
        return await statuses(bridge, project) == Counter(expected)

    await eventually(as_expected, seconds)


async def letters(faulty: FaultyStack, project: str) -> list[dict[str, Any]]:
    """The published dead letters of a project, and those that tombstones left."""
    found = await read_all(faulty.settings, faulty.settings.kafka_dlq_topic)
    return [each for each in found if each["value"] and each["value"].get("project_name") == project]


async def until_cleared(bridge: httpx.AsyncClient, document_id: str) -> None:
    async def cleared() -> bool:
        return (await bridge.get(f"/dead-letters/{document_id}")).status_code == 404

    await eventually(cleared)


async def breaker(faulty: FaultyStack) -> dict[str, Any]:
    async with httpx.AsyncClient() as http:
        url = f"http://127.0.0.1:{faulty.settings.worker_port}/metrics/circuit_breaker"
        found: dict[str, Any] = (await http.get(url)).json()
        return found


async def until_open(faulty: FaultyStack) -> None:
    async def is_open() -> bool:
        return (await breaker(faulty))["state"] != "closed"

    await eventually(is_open)


async def attempts_of(faulty: FaultyStack, document_id: str) -> list[int]:
    """The attempt number of each analysis of the document, from its workflow's history."""
    client = await temporal.connect(faulty.settings)
    found = []
    async for execution in client.list_workflows(f'{names.SEARCH_DOCUMENT_ID} = "{document_id}"'):
        handle = client.get_workflow_handle(execution.id, run_id=execution.run_id)
        events = [event async for event in handle.fetch_history_events()]
        queues = {
            event.event_id: event.activity_task_scheduled_event_attributes.task_queue.name
            for event in events
            if event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED
        }
        found += [
            event.activity_task_started_event_attributes.attempt
            for event in events
            if event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_STARTED
            and queues[event.activity_task_started_event_attributes.scheduled_event_id]
            == names.QUEUE_INTELLIGENCE
        ]
    return found


async def enrich(faulty: FaultyStack, *arguments: str) -> command.Finished:
    return await command.enrich(*arguments, environment={**os.environ, **faulty.environment})


async def test_three_calls_in_ten_failing_lose_nothing(
    faulty: FaultyStack, bridge: httpx.AsyncClient, project: str
) -> None:
    async def sometimes(body: dict[str, Any]) -> Response:
        if faulty.intelligence.calls % 10 in {0, 4, 7}:
            return await refusing(503)(body)
        return await well(body)

    faulty.intelligence.behaviour = sometimes
    await post_many(bridge, project, 30)

    async def all_settled() -> bool:
        found = await statuses(bridge, project)
        return found["completed"] + found["failed"] == 30

    await eventually(all_settled, 90)
    parked = (await statuses(bridge, project))["failed"]
    published = await letters(faulty, project)
    assert len(published) == parked
    assert {each["value"]["failure_type"] for each in published} <= {"transient"}
    faulty.intelligence.heal()
    if parked:
        assert (await enrich(faulty, "dlq", "retry", "-p", project)).code == 0
    await until(bridge, project, completed=30)


async def test_a_service_that_is_down_costs_no_attempt_and_no_document(
    faulty: FaultyStack, bridge: httpx.AsyncClient, project: str
) -> None:
    down = asyncio.Event()

    async def gone(body: dict[str, Any]) -> Response:
        return await (refusing(503)(body) if not down.is_set() else well(body))

    faulty.intelligence.behaviour, faulty.intelligence.healthy = gone, False
    ids = await post_many(bridge, project, 12)
    await until_open(faulty)
    status = await breaker(faulty)
    assert status["opened_at"] is not None
    assert "503" in status["last_failure"]
    await asyncio.sleep(DOWN_SECONDS)  # the duration of the outage is the subject of the test
    assert (await statuses(bridge, project))["failed"] == 0
    down.set()
    faulty.intelligence.healthy = True
    await until(bridge, project, completed=12)
    assert await letters(faulty, project) == []
    for document_id in ids:
        assert all(attempt <= 3 for attempt in await attempts_of(faulty, document_id))
    assert (await breaker(faulty))["state"] == "closed"


async def test_a_wrong_key_parks_nothing(
    faulty: FaultyStack, bridge: httpx.AsyncClient, project: str
) -> None:
    faulty.intelligence.behaviour = refusing(401)
    ids = await post_many(bridge, project, 10)
    await until_open(faulty)
    before = faulty.intelligence.calls

    async def probed_again() -> bool:
        return faulty.intelligence.calls >= before + 2

    await eventually(probed_again)
    assert (await statuses(bridge, project))["failed"] == 0
    faulty.intelligence.heal()
    await until(bridge, project, completed=10)
    assert await letters(faulty, project) == []
    assert [await attempts_of(faulty, document_id) for document_id in ids] == [[1]] * 10


async def html(_: dict[str, Any]) -> Response:
    return HTMLResponse("<html>welcome</html>")


async def half(_: dict[str, Any]) -> Response:
    return JSONResponse({"entities_extracted": 1, "quality_score": 0.5, "patterns_detected": []})


@pytest.mark.parametrize(
    ("behaviour", "reason"), [(html, "JSON"), (half, "complexity_score")], ids=["rubbish", "half"]
)
async def test_an_answer_that_is_none_is_parked_and_says_why(
    faulty: FaultyStack, bridge: httpx.AsyncClient, project: str, behaviour: Any, reason: str
) -> None:
    faulty.intelligence.behaviour = behaviour
    before = faulty.intelligence.calls
    document_id = await post(bridge, project)
    await until(bridge, project, failed=1)
    assert faulty.intelligence.calls == before + 1
    (letter,) = await letters(faulty, project)
    assert letter["key"] == document_id
    assert letter["value"]["failure_type"] == "permanent"
    assert reason in letter["value"]["failure_reason"]
    assert letter["value"]["error_details"]["exception_type"] == "IntelligenceResponseError"
    assert "IntelligenceResponseError" in letter["value"]["error_details"]["stack_trace"]
    assert set(letter["value"]["error_details"]["service_health"].values()) == {"healthy"}
    faulty.intelligence.heal()
    answer = (await bridge.post(f"/document/{document_id}/retry")).json()
    assert answer["action"] == "retry"
    await until(bridge, project, completed=1)
    again = await bridge.post(f"/document/{document_id}/retry")
    assert (again.status_code, again.json()["title"]) == (409, "Not parked")


async def test_a_slow_analysis_is_waited_for(
    faulty: FaultyStack, bridge: httpx.AsyncClient, project: str
) -> None:
    faulty.intelligence.behaviour = slow(SLOW_SECONDS)
    document_id = await post(bridge, project)
    await until(bridge, project, 60 + SLOW_SECONDS, completed=1)
    assert await attempts_of(faulty, document_id) == [1]


async def test_a_worker_that_is_stopped_finishes_what_it_has_begun(
    faulty: FaultyStack, bridge: httpx.AsyncClient, project: str
) -> None:
    before = faulty.intelligence.calls
    faulty.intelligence.behaviour = slow(2)
    document_id = await post(bridge, project)

    async def begun() -> bool:
        return faulty.intelligence.calls > before

    await eventually(begun)
    await faulty.services.worker.stop()
    await faulty.services.worker.start()
    await until(bridge, project, completed=1)
    assert await attempts_of(faulty, document_id) == [1]
    assert faulty.intelligence.calls == before + 1


def joined(ingress: ChildProcess) -> int:
    """Number of partition assignments."""
    return ingress.log.read_text().count('"partitions_assigned"')


@pytest.mark.full
async def test_consumers_that_come_and_go_lose_nothing(
    faulty: FaultyStack, bridge: httpx.AsyncClient, project: str, tmp_path: Path
) -> None:
    (port,) = free_ports(1)
    second = service("ingress", port, tmp_path, {**faulty.environment, "INGRESS_PORT": str(port)})
    posting = asyncio.create_task(post_many(bridge, project, 60))
    async with second:
        await faulty.services.ingress.stop()
        before = joined(faulty.services.ingress)
        await faulty.services.ingress.start()

        async def both_groups_are_formed() -> bool:
            return joined(faulty.services.ingress) >= before + 2

        # The embedded broker keeps a leader that leaves while its group forms.
        await eventually(both_groups_are_formed)
    await posting
    await until(bridge, project, completed=60)


async def test_a_throttled_call_waits_as_long_as_it_was_told(
    faulty: FaultyStack, bridge: httpx.AsyncClient, project: str
) -> None:
    times: list[float] = []

    async def throttled(body: dict[str, Any]) -> Response:
        times.append(asyncio.get_running_loop().time())
        return await (refusing(429, {"Retry-After": "3"})(body) if len(times) == 1 else well(body))

    faulty.intelligence.behaviour = throttled
    await post(bridge, project)
    await until(bridge, project, completed=1)
    assert times[1] - times[0] >= 3


async def test_a_discarded_document_is_indexed_and_left_alone(
    faulty: FaultyStack, bridge: httpx.AsyncClient, project: str
) -> None:
    faulty.intelligence.behaviour = refusing(400)
    document_id = await post(bridge, project)
    await until(bridge, project, failed=1)
    assert (await bridge.post(f"/document/{document_id}/discard")).json()["action"] == "discard"
    await until(bridge, project, discarded=1)
    await until_cleared(bridge, document_id)
    faulty.intelligence.heal()
    await bridge.post(f"/document/{document_id}/retry")  # no run waits any longer, so a new one starts
    await until(bridge, project, completed=1)


async def test_a_run_that_was_terminated_is_asked_for_as_it_was(
    faulty: FaultyStack, bridge: httpx.AsyncClient, project: str
) -> None:
    faulty.intelligence.behaviour = refusing(400)
    wanted = {"priority": "high", "enrichment_type": "incremental"}
    body = {"project_id": project, "source_path": "a.py", "full_text": f"# {project}\n", **wanted}
    accepted = (await bridge.post("/document", json=body)).json()
    await until(bridge, project, failed=1)
    client = await temporal.connect(faulty.settings)
    run = client.get_workflow_handle(accepted["workflow_id"])
    await run.terminate()
    faulty.intelligence.heal()
    answer = (await bridge.post(f"/document/{accepted['document_id']}/retry")).json()
    assert answer["action"] == "resubmit"
    await until(bridge, project, completed=1)
    history = await client.get_workflow_handle(accepted["workflow_id"]).fetch_history()
    (signal,) = (
        event.workflow_execution_signaled_event_attributes
        for event in history.events
        if event.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED
    )
    request = json.loads(signal.input.payloads[0].data)
    assert {name: request[name] for name in wanted} == wanted


async def test_a_newer_version_ends_the_run_that_waits(
    faulty: FaultyStack, bridge: httpx.AsyncClient, project: str
) -> None:
    faulty.intelligence.behaviour = refusing(400)
    old = await bridge.post(
        "/document", json={"project_id": project, "source_path": "a.py", "full_text": f"# {project}\n"}
    )
    await until(bridge, project, failed=1)
    faulty.intelligence.heal()
    await bridge.post(
        "/document", json={"project_id": project, "source_path": "a.py", "full_text": f"# not {project}\n"}
    )
    await until(bridge, project, completed=1)
    client = await temporal.connect(faulty.settings)
    outcome = await client.get_workflow_handle(old.json()["workflow_id"]).result()
    assert outcome["outcome"] == "superseded"
    document_id = old.json()["document_id"]
    await until_cleared(bridge, document_id)
    events = [each["value"] for each in await completed_of(faulty.settings, document_id, 2)]
    assert {(each["document_version"], each["enrichment_status"]) for each in events} == {
        (1, "superseded"),
        (2, "success"),
    }


@pytest.mark.full
async def test_the_temporal_cli_retries_a_hundred_parked_documents(
    faulty: FaultyStack, bridge: httpx.AsyncClient, project: str
) -> None:
    faulty.intelligence.behaviour = refusing(400)
    await post_many(bridge, project, 100)
    await until(bridge, project, failed=100)
    faulty.intelligence.heal()
    query = f'EnrichmentStatus="parked" AND ExecutionStatus="Running" AND ProjectName="{project}"'

    async def all_shown() -> bool:
        client = await temporal.connect(faulty.settings)
        return (await client.count_workflows(query)).count == 100

    await eventually(all_shown)
    signalled = await command.run(
        *(str(Path(sys.executable).parent / "temporal"), "workflow", "signal"),
        *("--address", faulty.settings.temporal_address, "--name", "retry", "--query", query, "--yes"),
        environment=os.environ,
    )
    assert signalled.code == 0, signalled.err
    await until(bridge, project, completed=100)

    async def none_stands() -> bool:
        return (await bridge.get("/dead-letters", params={"project": project})).json()["total"] == 0

    await eventually(none_stands)


async def test_a_part_that_failed_can_be_retried_though_the_document_is_enriched(
    faulty: FaultyStack, bridge: httpx.AsyncClient, project: str, tmp_path: Path
) -> None:
    document_id = await post(bridge, project)
    await until(bridge, project, completed=1)
    sent = await read_all(faulty.settings, faulty.settings.kafka_enrichment_topic)
    (request,) = [each["value"] for each in sent if each["key"] == document_id]
    request |= {"enrichment_type": "quality_only", "force": True, "correlation_id": str(uuid4())}
    (tmp_path / "request.json").write_text(json.dumps(request))
    faulty.intelligence.behaviour = refusing(400)
    assert (await enrich(faulty, "publish", str(tmp_path / "request.json"))).code == 0

    async def is_parked() -> bool:
        return (await bridge.get(f"/dead-letters/{document_id}")).status_code == 200

    await eventually(is_parked)
    faulty.intelligence.heal()

    async def retried() -> bool:
        return (await bridge.post(f"/document/{document_id}/retry")).json().get("action") == "retry"

    await eventually(retried)
    assert len(await completed_of(faulty.settings, document_id, 2)) == 2
    assert await statuses(bridge, project) == {"completed": 1}


async def park(faulty: FaultyStack, bridge: httpx.AsyncClient, project: str, count: int) -> Sequence[str]:
    faulty.intelligence.behaviour = refusing(422)
    ids = await post_many(bridge, project, count)
    await until(bridge, project, failed=count)
    return ids


async def test_dlq_lists_shows_filters_and_retries(
    faulty: FaultyStack, bridge: httpx.AsyncClient, project: str
) -> None:
    ids = await park(faulty, bridge, project, 3)
    listed = (await enrich(faulty, "dlq", "list", "-p", project, "-o", "json")).json()
    assert {row["key"] for row in listed["dead_letters"]} == set(ids)
    assert "src/m1.py" in (await enrich(faulty, "dlq", "list", "-p", project)).out
    for filters in (("--failure-type", "transient"), ("--older-than", "1h")):
        nothing = await enrich(faulty, "dlq", "list", "-p", project, *filters, "-o", "json")
        assert nothing.json()["total"] == 0
    recent = await enrich(faulty, "dlq", "list", "-p", project, "--newer-than", "1h", "-o", "json")
    assert recent.json()["total"] == 3
    shown = await enrich(faulty, "dlq", "show", ids[0][:8])
    assert "HTTP 422" in shown.out
    assert "intelligence_service healthy" in shown.out
    assert (await enrich(faulty, "dlq", "show", "nothing")).code == 4
    dated = await bridge.get("/dead-letters", params={"project": project, "before": "2020-01-01"})
    assert dated.json()["total"] == 0
    assert (await enrich(faulty, "dlq", "discard", "-p", project, "--older-than", "")).code == 2
    unnamed = await enrich(faulty, "dlq", "retry")
    assert (unnamed.code, unnamed.out) == (2, "")
    odd = await enrich(faulty, "dlq", "list", "--older-than", "soon")
    assert odd.code == 2
    assert "--older-than" in odd.err
    dry = await enrich(faulty, "dlq", "retry", "-p", project, "--dry-run", "-o", "json")
    assert [row["outcome"] for row in dry.json()["documents"]] == ["would be retried"] * 3
    assert (await statuses(bridge, project)) == {"failed": 3}
    faulty.intelligence.heal()
    one = await enrich(faulty, "dlq", "retry", ids[0], "-o", "json")
    assert [row["outcome"] for row in one.json()["documents"]] == ["retried"]
    await until(bridge, project, completed=1, failed=2)
    assert (await enrich(faulty, "dlq", "discard", "-p", project)).code == 0
    await until(bridge, project, completed=1, discarded=2)


async def test_a_canary_goes_first(faulty: FaultyStack, bridge: httpx.AsyncClient, project: str) -> None:
    await park(faulty, bridge, project, 4)
    before = faulty.intelligence.calls
    failed = await enrich(faulty, "dlq", "retry", "-p", project, "--canary", "-o", "json")
    outcomes = [row["outcome"] for row in failed.json()["documents"]]
    assert failed.code == 1
    assert outcomes[0].startswith("canary: failed again")
    assert outcomes[1:] == ["not tried: its canary did not recover"] * 3
    assert faulty.intelligence.calls == before + 1
    faulty.intelligence.heal()
    mended = await enrich(faulty, "dlq", "retry", "-p", project, "--canary", "-o", "json")
    assert mended.code == 0, mended.err
    outcomes = [row["outcome"] for row in mended.json()["documents"]]
    assert outcomes == ["canary: recovered", *["retried"] * 3]
    await until(bridge, project, completed=4)


async def test_a_message_that_was_none_is_listed_and_can_be_forgotten(
    faulty: FaultyStack, bridge: httpx.AsyncClient
) -> None:
    producer = AIOKafkaProducer(
        bootstrap_servers=faulty.settings.kafka_bootstrap_servers,
        enable_idempotence=faulty.settings.kafka_enable_idempotence,
    )
    await producer.start()
    topic = faulty.settings.kafka_enrichment_topic
    place = await producer.send_and_wait(topic, b"not JSON", partition=1)
    await producer.stop()
    key = f"{topic}:1:{place.offset}"

    async def is_listed() -> bool:
        return (await bridge.get(f"/dead-letters/{key}")).status_code == 200

    await eventually(is_listed)
    retried = await enrich(faulty, "dlq", "retry", key, "-o", "json")
    assert retried.code == 1
    assert "cannot be retried" in retried.json()["documents"][0]["outcome"]
    canary = await enrich(faulty, "dlq", "retry", key, "--canary", "-o", "json")
    assert canary.json() == retried.json()
    assert (await enrich(faulty, "dlq", "discard", key)).code == 0
    assert (await bridge.get(f"/dead-letters/{key}")).status_code == 404


@pytest.mark.full
async def test_a_deep_backlog_pauses_consumption_and_loses_nothing(
    faulty: FaultyStack, bridge: httpx.AsyncClient, project: str
) -> None:
    go_on = asyncio.Event()

    async def held(body: dict[str, Any]) -> Response:
        await go_on.wait()
        return await well(body)

    async def health() -> dict[str, Any]:
        async with httpx.AsyncClient() as http:
            url = f"http://127.0.0.1:{faulty.settings.ingress_port}/health"
            found: dict[str, Any] = (await http.get(url)).json()
            return found

    async def is_paused() -> bool:
        return bool((await health())["consumer"]["state"] == "paused")

    faulty.intelligence.behaviour = held
    try:
        await post_many(bridge, project, 3 * BACKLOG)
        await eventually(is_paused)
        consumed = (await health())["consumer"]["messages_consumed"]
        late = await post_many(bridge, f"{project}-late", BURST + 10)
        await asyncio.sleep(2)  # enough time for a consumer that does not pause
        assert (await health())["consumer"]["messages_consumed"] <= consumed + BURST
    finally:
        go_on.set()
    await until(bridge, project, completed=3 * BACKLOG)
    await until(bridge, f"{project}-late", completed=len(late))
    assert (await health())["consumer"]["state"] == "consuming"


async def test_a_redelivery_is_counted(faulty: FaultyStack, bridge: httpx.AsyncClient, project: str) -> None:
    document_id = await post(bridge, project)
    await until(bridge, project, completed=1)
    sent = await read_all(faulty.settings, faulty.settings.kafka_enrichment_topic)
    (event,) = [each["value"] for each in sent if each["key"] == document_id]
    producer = AIOKafkaProducer(
        bootstrap_servers=faulty.settings.kafka_bootstrap_servers,
        enable_idempotence=faulty.settings.kafka_enable_idempotence,
    )
    await producer.start()
    for _ in range(3):
        await producer.send_and_wait(faulty.settings.kafka_enrichment_topic, json.dumps(event).encode())
    await producer.stop()

    async def counted() -> bool:
        async with httpx.AsyncClient() as http:
            url = f"http://127.0.0.1:{faulty.settings.ingress_port}/health"
            return bool((await http.get(url)).json()["consumer"]["duplicates"] >= 3)

    await eventually(counted)
    assert len(await completed_of(faulty.settings, document_id, 1)) == 1


async def test_racing_updates_end_with_the_newest_content_in_both_stores(
    faulty: FaultyStack, bridge: httpx.AsyncClient, project: str
) -> None:
    documents, slots = examples(20), asyncio.Semaphore(16)
    newest: dict[str, tuple[int, str]] = {}

    async def update(number: int) -> None:
        text = f"def f_{number}(): pass\n# {uuid4()}\n"
        document = {"project_id": project, "source_path": f"src/m{number % documents}.py", "full_text": text}
        async with slots:
            accepted = (await bridge.post("/document", json=document)).json()
        found = (accepted["document_version"], accepted["content_hash"])
        newest[accepted["document_id"]] = max(found, newest.get(accepted["document_id"], (0, "")))

    await asyncio.gather(*map(update, range(10 * documents)))
    assert [version for version, _ in newest.values()] == [10] * documents
    await until(bridge, project, completed=documents)
    await agree(faulty, project, newest)


async def agree(faulty: FaultyStack, project: str, newest: dict[str, tuple[int, str]]) -> None:
    """Graph and vectors have each document at the newest version and content that the submitter knows."""
    nodes = await stores.nodes(faulty.settings, project)
    points = await stores.points(faulty.settings, newest)
    for document_id, (version, content_hash) in newest.items():
        node, payload = nodes[document_id], points[document_id].payload or {}
        assert (node["version"], node["enrichment_content_hash"]) == (version, content_hash)
        assert (payload["version"], payload["content_hash"]) == (version, content_hash)
        assert (payload["embedded_hash"], payload["enrichment_status"]) == (content_hash, "completed")
        assert points[document_id].vector
