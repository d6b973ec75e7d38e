"""A deletion on the session's stack: what is found afterwards, the command, and Temporal away."""

import os
from collections.abc import Mapping
from uuid import uuid4

import httpx

from archon.runtime.http.serving import serve_http
from archon.runtime.local_ports import free_ports
from archon.runtime.settings import Settings
from bridge.app import create_app
from tests import stores
from tests.e2e import command
from tests.e2e.test_deletion import post, until, until_open


async def test_a_deleted_document_is_found_no_more_and_its_receipt_is_given_again(
    stack: Settings, project: str
) -> None:
    async with httpx.AsyncClient(base_url=f"{stack.bridge_url}/api/bridge", timeout=30) as bridge:
        text = f"import os\n\ndef walk_the_{project.replace('-', '_')}(): pass\n"
        body = {"project_id": project, "document_id": "my/own id", "source_path": "a.py", "full_text": text}
        document_id = (await bridge.post("/document", json=body)).json()["document_id"]
        await until(bridge, project, completed=1)
        await until_open(stack, project, set())
        search_query = {"q": f"walk the {project}", "project": project}
        found = (await bridge.get("/search", params=search_query)).json()["hits"]
        assert {hit["document_id"] for hit in found} == {document_id}
        assert (await bridge.get("/document/my%2Fown%20id/deletion", params=search_query)).status_code == 404

        first = await bridge.delete("/document/my%2Fown%20id", params={"project": project})

        assert first.status_code == 200, first.text
        assert first.json()["counts"] == {
            "documents": 1,
            "entities": 1,
            "modules": 1,
            "points": 1,
            "chunks": 2,
            "contents": 1,
            "contents_kept": 0,
            "analyses": 1,
            "dead_letters": 0,
            "runs_ended": 0,
        }
        assert (await bridge.get("/search", params=search_query)).json()["hits"] == []
        assert (await bridge.get(f"/document/{document_id}")).status_code == 404
        for path in (f"/document/{document_id}", f"/document/{document_id}/deletion"):
            again = await bridge.request("GET" if path.endswith("deletion") else "DELETE", path)
            assert (again.status_code, again.json()) == (200, first.json())
        for path in (f"/document/{uuid4()}", "/document/nobody", f"/projects/{project}"):
            assert (await bridge.delete(path)).status_code == 404
        assert (await bridge.post("/document", json=body)).json()["document_version"] == 3


async def test_the_command_asks_waits_and_prints_the_receipt(stack: Settings, project: str) -> None:
    environment: Mapping[str, str] = {**os.environ, "BRIDGE_URL": stack.bridge_url}
    async with httpx.AsyncClient(base_url=f"{stack.bridge_url}/api/bridge", timeout=30) as bridge:
        documents = [await post(bridge, project, f"a{number}.md", f"# {uuid4()}\n") for number in range(3)]
    refused = await command.enrich("delete", "-p", project, environment=environment)
    assert (refused.code, "--yes" in refused.err) == (2, True)
    one = documents[0]["document_id"]
    finished = await command.enrich("delete", one, "-o", "json", environment=environment)
    assert finished.code == 0, finished.err
    assert (finished.json()["document_id"], finished.json()["counts"]["documents"]) == (one, 1)
    whole = await command.enrich("delete", "-p", project, "--yes", environment=environment)
    assert whole.code == 0, whole.err
    assert ["Documents", "2"] in [line.split() for line in whole.out.splitlines()]
    left = await stores.points(stack, [each["document_id"] for each in documents])
    assert (left, await stores.nodes(stack, project)) == ({}, {})
    unknown = await command.enrich("delete", str(uuid4()), environment=environment)
    assert unknown.code == 4


async def test_without_temporal_nothing_is_deleted(stack: Settings, project: str) -> None:
    port, nowhere = free_ports(2)
    settings = stack.model_copy(update={"bridge_port": port, "temporal_address": f"127.0.0.1:{nowhere}"})
    async with (
        serve_http(create_app(settings), settings, port),
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}/api/bridge", timeout=30) as bridge,
    ):
        document = await post(bridge, project, "a.md", f"# {uuid4()}\n")
        for path in (f"/document/{document['document_id']}", f"/projects/{project}"):
            answer = await bridge.delete(path)
            assert (answer.status_code, answer.json()["title"]) == (503, "Temporal unavailable")
        assert (await bridge.get(f"/document/{document['document_id']}")).status_code == 200
