"""Deletion on a running stack, checked with plain clients: leftovers, late writes, and revived documents."""

import asyncio
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
from fastapi import Response
from temporalio.client import Client

from archon.runtime.settings import Settings
from tests import stores
from tests.e2e.conftest import FaultyStack
from tests.e2e.events import read_all
from tests.e2e.faulty import refusing, well
from tests.eventually import eventually

BARE = {"entity_id", "version", "enrichment_status", "deleted_at", "changed_key", "lock"}


async def post(bridge: httpx.AsyncClient, project: str, path: str, text: str) -> dict[str, Any]:
    body = {"project_id": project, "source_path": path, "full_text": text}
    answer = await bridge.post("/document", json=body)
    assert answer.status_code == 200, answer.text
    accepted: dict[str, Any] = answer.json()
    return accepted


async def until(bridge: httpx.AsyncClient, project: str, **expected: int) -> None:
    async def as_expected() -> bool:
        found = (await bridge.get("/statistics", params={"project": project})).json()["statuses"]
        return bool(found == expected)

    await eventually(as_expected, 90)


async def nodes(settings: Settings, ids: list[str]) -> dict[str, dict[str, Any]]:
    rows = await stores.query(
        settings, "MATCH (d:Document) WHERE d.entity_id IN $ids RETURN properties(d)", ids=ids
    )
    return {node["entity_id"]: dict(node) for (node,) in rows}


async def count(settings: Settings, label: str, project: str) -> int:
    rows = await stores.query(settings, f"MATCH (n:{label} {{project_name: $p}}) RETURN count(n)", p=project)
    return int(rows[0][0])


async def points_of(settings: Settings, project: str) -> list[Any]:
    key = {"api-key": settings.qdrant_api_key.get_secret_value()}
    async with httpx.AsyncClient(base_url=settings.qdrant_url, headers=key) as http:
        match = {"key": "project_name", "match": {"value": project}}
        url = f"/collections/{settings.qdrant_collection}/points/scroll"
        answer = await http.post(url, json={"filter": {"must": [match]}, "limit": 100})
    found: list[Any] = answer.json()["result"]["points"]
    return found


def files(settings: Settings, content_hash: str) -> list[str]:
    """The content store's files for a content, by kind."""
    root = Path(settings.content_store_url.removeprefix("file://"))
    return sorted(
        path.relative_to(root).parts[0]
        for path in root.rglob("*")
        if path.is_file() and content_hash in path.relative_to(root).parts
    )


async def open_runs(settings: Settings, project: str) -> set[str]:
    client = await Client.connect(settings.temporal_address)
    query = f'ProjectName = "{project}" AND ExecutionStatus = "Running"'
    return {run.id async for run in client.list_workflows(query)}


async def last_letter(settings: Settings, document_id: str) -> Any:
    records = await read_all(settings, settings.kafka_dlq_topic)
    return [each["value"] for each in records if each["key"] == document_id][-1]


async def tombstones(settings: Settings, ids: list[str]) -> dict[str, dict[str, Any]]:
    """Tombstones of exactly these documents."""
    found = await nodes(settings, ids)
    assert {frozenset(node) for node in found.values()} == {frozenset(BARE)}
    assert set(found) == set(ids)
    return found


async def until_open(settings: Settings, project: str, runs: set[str]) -> None:
    """The list lags slightly, and a run ends slightly after its document."""

    async def are_open() -> bool:
        return await open_runs(settings, project) == runs

    await eventually(are_open)


async def nothing_else_of(settings: Settings, project: str, ids: list[str]) -> None:
    assert [await count(settings, label, project) for label in ("Document", "Entity", "Module")] == [0, 0, 0]
    assert await points_of(settings, project) == []
    assert await stores.points(settings, ids) == {}
    await until_open(settings, project, {f"delete-project-{project}"})


async def test_of_a_project_nothing_is_left_but_tombstones(
    faulty: FaultyStack, bridge: httpx.AsyncClient, project: str
) -> None:
    settings, released = faulty.settings, asyncio.Event()

    async def behaviour(body: dict[str, Any]) -> Response:
        if "held" in body["content"]:
            await released.wait()
        return await (refusing(400) if "refused" in body["content"] else well)(body)

    faulty.intelligence.behaviour = behaviour
    shared = f"def shared(): pass  # {uuid4()}\n"
    texts = {f"src/m{number}.py": f"def f(): pass  # {uuid4()}\n" for number in range(8)}
    texts |= {"src/shared.py": shared, "src/refused.py": f"refused {uuid4()}", "src/old.py": f"old {uuid4()}"}
    posted = {path: await post(bridge, project, path, text) for path, text in texts.items()}
    neighbour = await post(bridge, f"{project}-2", "src/shared.py", shared)
    await until(bridge, project, completed=10, failed=1)
    await until(bridge, f"{project}-2", completed=1)
    replaced = posted["src/old.py"]["content_hash"]
    posted["src/old.py"] = await post(bridge, project, "src/old.py", f"new {uuid4()}")
    await until(bridge, project, completed=10, failed=1)
    posted["src/held.py"] = await post(bridge, project, "src/held.py", f"held {uuid4()}")
    await until(bridge, project, completed=10, failed=1, processing=1)
    waiting = {posted[path]["workflow_id"] for path in ("src/refused.py", "src/held.py")}
    await until_open(settings, project, waiting)
    ids = [each["document_id"] for each in posted.values()]
    hashes = [replaced, *(each["content_hash"] for each in posted.values())]
    assert await last_letter(settings, posted["src/refused.py"]["document_id"]) is not None
    assert files(settings, replaced) == ["analysis", "content"]

    answer = await bridge.delete(f"/projects/{project}")

    assert answer.status_code == 200, answer.text
    receipt = answer.json()
    assert receipt["state"] == "removed"
    assert receipt["counts"] == {
        "documents": 12,
        "entities": 9,
        "modules": 0,
        "points": 12,
        "chunks": 10,
        "contents": 12,
        "contents_kept": 1,
        "analyses": 10,
        "dead_letters": 1,
        "runs_ended": 2,
    }
    found = await tombstones(settings, ids)
    versions = {path: found[each["document_id"]]["version"] for path, each in posted.items()}
    assert versions == {path: 3 if path == "src/old.py" else 2 for path in posted}
    await nothing_else_of(settings, project, ids)
    kept = neighbour["content_hash"]
    assert {each: files(settings, each) for each in hashes if each != kept} == {
        each: [] for each in hashes if each != kept
    }
    assert files(settings, kept) == ["analysis", "analysis", "content"]
    assert await last_letter(settings, posted["src/refused.py"]["document_id"]) is None

    assert (await bridge.get(f"/projects/{project}/deletion")).json() == receipt
    for each in ids:
        assert (await bridge.get(f"/document/{each}")).status_code == 404
    assert (await bridge.get("/documents", params={"project": project})).json()["documents"] == []

    released.set()  # the analysis of the running enrichment returns now
    again = await post(bridge, project, "src/m0.py", texts["src/m0.py"])
    assert (again["document_id"], again["document_version"]) == (ids[0], 3)
    await until(bridge, project, completed=1)
    assert set(await stores.nodes(settings, project)) == {ids[0]}
    assert set(await stores.points(settings, ids)) == {ids[0]}
    assert {each: node for each, node in (await nodes(settings, ids)).items() if each != ids[0]} == {
        each: node for each, node in found.items() if each != ids[0]
    }
    assert files(settings, posted["src/held.py"]["content_hash"]) == []
    assert (await stores.nodes(settings, f"{project}-2"))[neighbour["document_id"]]["version"] == 1

    once_more = (await bridge.delete(f"/document/{ids[0]}")).json()
    assert (once_more["state"], once_more["document_version"]) == ("removed", 4)
