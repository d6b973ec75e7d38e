"""The rollout on all real services: projects in synchronous mode, others, and changing flags."""

import asyncio
import json
from collections import Counter
from typing import Any

import httpx
import pytest
from fastapi import Response

from archon.contracts.operations.rollout import bucket
from tests import stores
from tests.e2e.conftest import FaultyStack
from tests.e2e.faulty import refusing, well
from tests.eventually import eventually

TEXT = "def f():\n    return 1\n"


def switch(faulty: FaultyStack, **flags: Any) -> None:
    """Replaces the file atomically, like a mounted volume."""
    new = faulty.flags.with_suffix(".new")
    new.write_text(json.dumps(flags))
    new.replace(faulty.flags)


async def post(bridge: httpx.AsyncClient, project: str, name: str = "a.py", **more: Any) -> httpx.Response:
    headers = more.pop("headers", {})
    body = {"project_id": project, "source_path": name, "full_text": f"# {name}\n{TEXT}", **more}
    return await bridge.post("/document", json=body, headers=headers)


async def all_enriched(faulty: FaultyStack, project: str, count: int) -> None:
    async def enriched() -> bool:
        nodes = await stores.nodes(faulty.settings, project)
        return len(nodes) == count and all(
            node["enrichment_status"] == "completed" for node in nodes.values()
        )

    await eventually(enriched)


async def test_a_project_outside_is_enriched_within_the_request(
    faulty: FaultyStack, bridge: httpx.AsyncClient, project: str
) -> None:
    switch(faulty, enable_async_enrichment=False)
    response = await post(bridge, project)
    answer = response.json()
    assert (response.status_code, answer["status"]) == (200, "enriched")
    assert answer["enrichment_status"] == "completed"
    assert answer["enrichment"]["entities_extracted"] == 1
    assert answer["enrichment"]["quality_score"] == 0.5
    again = await post(bridge, project)
    assert again.json()["status"] == "unchanged"


async def test_a_failure_is_in_the_answer(
    faulty: FaultyStack, bridge: httpx.AsyncClient, project: str
) -> None:
    switch(faulty, enable_async_enrichment=False)
    faulty.intelligence.behaviour = refusing(400)
    response = await post(bridge, project)
    answer = response.json()
    assert (response.status_code, answer["status"]) == (200, "parked")
    assert answer["enrichment_status"] == "failed"
    assert "HTTP 400" in answer["failure"]
    faulty.intelligence.heal()
    # Posting the same document again wakes the waiting run, and waits for it.
    assert (await post(bridge, project)).json()["status"] == "enriched"


async def test_at_the_time_limit_the_enrichment_goes_on(
    faulty: FaultyStack, bridge: httpx.AsyncClient, project: str
) -> None:
    switch(faulty, enable_async_enrichment=False)
    answered = asyncio.Event()

    async def once_answered(body: dict[str, Any]) -> Response:
        await answered.wait()
        return await well(body)

    faulty.intelligence.behaviour = once_answered
    response = await post(bridge, project, headers={"Prefer": "wait=1"})
    answered.set()
    answer = response.json()
    assert (response.status_code, answer["status"]) == (202, "waiting")
    assert answer["workflow_id"].startswith(f"enrich-{answer['document_id']}")
    await all_enriched(faulty, project, 1)


async def test_who_prefers_not_to_wait_does_not(
    faulty: FaultyStack, bridge: httpx.AsyncClient, project: str
) -> None:
    switch(faulty, enable_async_enrichment=False)
    response = await post(bridge, project, headers={"Prefer": "respond-async"})
    assert (response.status_code, response.json()["status"]) == (202, "waiting")
    await all_enriched(faulty, project, 1)


async def test_a_skipped_document_is_indexed_alone_and_enriched_when_it_is_posted_again(
    faulty: FaultyStack, bridge: httpx.AsyncClient, project: str
) -> None:
    switch(faulty, skip_intelligence_enrichment=True)
    answer = (await post(bridge, project)).json()
    assert (answer["status"], answer["enrichment_status"]) == ("skipped", "skipped")
    node = (await stores.nodes(faulty.settings, project))[answer["document_id"]]
    assert (node["enrichment_status"], node.get("outbox")) == ("skipped", None)
    switch(faulty)
    assert (await post(bridge, project)).json()["status"] == "indexed"
    await all_enriched(faulty, project, 1)


@pytest.mark.parametrize("percentage", [0, 10, 50, 100])
async def test_the_bridge_lets_in_the_projects_of_the_formula(
    faulty: FaultyStack, bridge: httpx.AsyncClient, project: str, percentage: int
) -> None:
    """A project of a low bucket, one of a high bucket, and a listed one."""
    names = [f"{project}-{number}" for number in range(400)]
    low = next(name for name in names if bucket(name) < 10)
    high = next(name for name in names if bucket(name) >= 50)
    listed = next(name for name in names if name != high and bucket(name) >= 50)
    switch(
        faulty,
        async_enrichment_rollout_percentage=percentage,
        async_enrichment_enabled_projects=[listed],
    )
    answers = await asyncio.gather(*(post(bridge, name) for name in (low, high, listed)))
    inside = [bucket(low) < percentage, bucket(high) < percentage, True]
    assert [each.json()["status"] == "indexed" for each in answers] == inside
    for name in (low, high, listed):
        await all_enriched(faulty, name, 1)


async def test_flags_that_change_during_traffic_lose_nothing(
    faulty: FaultyStack, bridge: httpx.AsyncClient, project: str
) -> None:
    stages: list[dict[str, Any]] = [
        {},
        {"enable_async_enrichment": False},
        {"async_enrichment_rollout_percentage": 0, "async_enrichment_enabled_projects": [project]},
        {"async_enrichment_rollout_percentage": 0},
    ]
    statuses: Counter[str] = Counter()
    numbers = iter(range(48))

    async def client() -> None:
        for number in numbers:
            if number % 6 == 0:
                switch(faulty, **stages[number // 6 % len(stages)])
            response = await post(bridge, project, f"{number}.py")
            assert response.status_code in {200, 202}, response.text
            statuses[response.json()["status"]] += 1

    await asyncio.gather(*(client() for _ in range(4)))
    assert sum(statuses.values()) == 48
    # Within the request, even if a busy machine exceeded the time limit.
    within = statuses["enriched"] + statuses["waiting"]
    assert min(statuses["indexed"], within) > 0, statuses
    assert statuses["indexed"] + within == 48, statuses
    await all_enriched(faulty, project, 48)


async def test_the_flags_are_shown(faulty: FaultyStack) -> None:
    async with httpx.AsyncClient(base_url=faulty.settings.bridge_url) as plain:

        async def shown() -> dict[str, Any]:
            found: dict[str, Any] = (await plain.get("/health/enrichment")).json()
            return found

        assert (await shown())["enabled"] is True
        switch(faulty, async_enrichment_rollout_percentage=10, async_enrichment_enabled_projects=["one"])
        assert (await shown())["rollout"] == {
            "rollout_percentage": 10,
            "enabled_projects": ["one"],
            "skip": False,
            "problem": None,
        }
        switch(faulty, skip_intelligence_enrichment=True)
        assert (await shown())["enabled"] is False
        faulty.flags.write_text("{")
        broken = await shown()
        assert broken["status"] == "degraded"
        assert str(faulty.flags) in broken["rollout"]["problem"]
        assert broken["rollout"]["skip"] is True
