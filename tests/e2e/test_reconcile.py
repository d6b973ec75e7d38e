"""Lost data is found and repaired: a broker that loses its data, a missing point, on a separate stack."""

import asyncio
import json
import os
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from temporalio.client import ScheduleDescription
from temporalio.service import RPCError

from archon.contracts import names
from archon.devstack.stack import Stack
from archon.runtime.kafka.topics import ensure_topics
from archon.runtime.temporal import client as temporal
from archon.runtime.temporal.reconciliation import ensure_schedule
from archon.stores.vectors.store import qdrant
from tests import stores
from tests.e2e.command import Finished, enrich
from tests.e2e.faulty import FaultyIntelligence
from tests.eventually import eventually

DOCUMENTS = 60
CONSUMED, LOST = 12, 30
"""Number of requests before the ingress stops, and further ones that only Kafka has when it dies; the broker
then comes back empty."""
AT_ONCE = 16
INTERVAL = 86400


async def test_the_worker_sees_to_the_schedule_and_leaves_a_paused_one_paused(scripted: Stack) -> None:
    client = await temporal.connect(scripted.settings)
    schedule = client.get_schedule_handle(names.SCHEDULE_RECONCILE)
    every, now = timedelta(seconds=INTERVAL), datetime.now(UTC)

    async def described() -> ScheduleDescription | None:
        try:
            return await schedule.describe()
        except RPCError:
            return None

    found: ScheduleDescription = await eventually(described)
    assert found.schedule.spec.intervals[0].every == every
    first = found.info.next_action_times[0]
    assert first > now + every - timedelta(minutes=10), "not at once"
    await schedule.pause()
    await ensure_schedule(client, INTERVAL)
    again = await schedule.describe()
    assert (again.schedule.state.paused, again.info.next_action_times[0]) == (True, first)
    await ensure_schedule(client, 600)
    shorter = await schedule.describe()
    assert [each.every for each in shorter.schedule.spec.intervals] == [timedelta(minutes=10)]
    await ensure_schedule(client, 0)
    await ensure_schedule(client, 0)
    assert await described() is None
    await ensure_schedule(client, INTERVAL)


async def run(stack: Stack, *arguments: str) -> Finished:
    return await enrich(*arguments, "-o", "json", environment={**os.environ, **stack.environment})


async def index(stack: Stack, project: str, numbers: Iterable[int]) -> list[dict[str, Any]]:
    """The bridge's answers."""
    slots = asyncio.Semaphore(AT_ONCE)
    base = f"{stack.settings.bridge_url}/api/bridge"
    async with httpx.AsyncClient(base_url=base, timeout=60) as http:

        async def one(number: int) -> dict[str, Any]:
            body = {
                "project_id": project,
                "source_path": f"src/m{number}.py",
                "full_text": f"def f{number}(): pass\n",
            }
            async with slots:
                answer = await http.post("/document", json=body)
            answer.raise_for_status()
            found: dict[str, Any] = answer.json()
            return found

        return await asyncio.gather(*map(one, numbers))


async def with_value(stack: Stack, project: str, name: str, value: str) -> int:
    """Number of documents with this value of a property."""
    statement = f"MATCH (d:Document {{project_name: $project}}) WHERE d.{name} = $value RETURN count(d)"
    ((count,),) = await stores.query(stack.settings, statement, project=project, value=value)
    return int(count)


async def all_enriched(stack: Stack, project: str, documents: int) -> None:
    async def enriched() -> bool:
        return await with_value(stack, project, "enrichment_status", "completed") == documents

    await eventually(enriched, 240)


# On a busy machine the embedded broker, which is created anew, sometimes hides the first records of a
# partition that two batches reach at once.
@pytest.mark.full
@pytest.mark.timeout(700)  # minutes on a busy machine
async def test_a_broker_that_dies_in_an_ingest_and_forgets_it_loses_no_document(
    scripted: Stack, project: str, tmp_path: Path
) -> None:
    accepted = await index(scripted, project, range(CONSUMED))
    await scripted.services.ingress.kill()
    accepted += await index(scripted, project, range(CONSUMED, CONSUMED + LOST))

    async def acknowledged() -> bool:
        return not await with_value(scripted, project, "outbox", "pending")

    await eventually(acknowledged)
    await scripted.servers.kafka.kill()
    deferred = await index(scripted, project, range(CONSUMED + LOST, DOCUMENTS))
    assert {each["status"] for each in deferred} == {"deferred"}
    accepted += deferred
    submitted = tmp_path / "submitted.jsonl"
    submitted.write_text(
        "".join(
            json.dumps({name: each[name] for name in ("document_id", "content_hash")}) + "\n"
            for each in accepted
        )
    )
    validate = ("validate", "--against", str(submitted), "--older-than", "1s")
    found = await run(scripted, *validate)
    assert found.code == 10, found.err
    assert found.json()["drift"]["stuck"] >= LOST
    assert found.json()["submitted"]["documents"] == DOCUMENTS

    await scripted.servers.kafka.start()
    await ensure_topics(scripted.settings)
    await scripted.services.ingress.start()

    async def repaired() -> bool:
        """Reconciliation leaves requests in Kafka alone, so it runs again."""
        reconciled = await run(scripted, "reconcile", "--apply", "--older-than", "1s")
        assert reconciled.code == 0, reconciled.err
        return reconciled.json()["waiting"] == 0

    await eventually(repaired, 300)  # each check is a whole reconciliation
    await all_enriched(scripted, project, DOCUMENTS)
    found = await run(scripted, *validate)
    assert found.code == 0, found.out + found.err
    report = found.json()
    assert (report["enriched"], report["drift"]) == (DOCUMENTS, {})
    assert {name: report["submitted"][name] for name in ("documents", "missing", "changed")} == {
        "documents": DOCUMENTS,
        "missing": 0,
        "changed": 0,
    }


async def test_a_deleted_point_comes_back_without_another_analysis(
    scripted: Stack, intelligence: FaultyIntelligence, project: str
) -> None:
    (accepted,) = await index(scripted, project, [1])
    document_id = accepted["document_id"]

    await all_enriched(scripted, project, 1)
    before = await stores.points(scripted.settings, [document_id])
    client = qdrant(scripted.settings)
    await client.delete(scripted.settings.qdrant_collection, [document_id])
    await client.close()
    calls = intelligence.calls
    of_project = ("--project", project)
    lost = await run(scripted, "validate", *of_project)
    assert (lost.code, lost.json()["drift_examples"]) == (10, {"point_missing": [document_id]})
    assert (await run(scripted, "reconcile", *of_project)).code == 10
    repaired = await run(scripted, "reconcile", "--apply", *of_project)
    assert (repaired.code, repaired.json()["repaired"]) == (0, {"point_missing": 1})

    async def well() -> bool:
        return (await run(scripted, "validate", *of_project)).code == 0

    await eventually(well)
    after = await stores.points(scripted.settings, [document_id])
    assert (after, intelligence.calls) == (before, calls)


async def test_what_was_submitted_and_is_not_there_is_told(
    scripted: Stack, project: str, tmp_path: Path
) -> None:
    (accepted,) = await index(scripted, project, [1])
    absent = {"document_id": "0" * 8 + accepted["document_id"][8:], "content_hash": accepted["content_hash"]}
    changed = {"document_id": accepted["document_id"], "content_hash": "0" * 64}
    file = tmp_path / "submitted.jsonl"
    file.write_text(json.dumps(absent) + "\n\n" + json.dumps(changed) + "\n")
    found = await run(scripted, "validate", "--project", project, "--against", str(file))
    assert found.code == 10
    lists = found.json()["submitted"]
    assert (lists["missing_examples"], lists["changed_examples"]) == (
        [absent["document_id"]],
        [changed["document_id"]],
    )
    file.write_text(json.dumps(absent) + '\n{"document_id": "x"}\n')
    malformed = await run(scripted, "validate", "--against", str(file))
    assert malformed.code == 2
    assert f"{file.name}:2" in malformed.err
    assert (await run(scripted, "validate", "--against", str(tmp_path / "none"))).code != 0
    assert (await run(scripted, "reconcile", "--older-than", "soon")).code == 2
