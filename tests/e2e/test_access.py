"""Access rights at a bridge with API keys: every route without a key, with a wrong one, and with another
project's. The bridge is a second one in front of the session's stack."""

import gzip
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

from archon.contracts import identity
from archon.contracts.events import DeadLetter, ErrorDetails
from archon.contracts.operations.api_keys import Access, mint
from archon.contracts.types import FailureType
from archon.runtime.http import api_keys
from archon.runtime.kafka.publisher import KafkaPublisher
from archon.runtime.settings import Settings
from archon.runtime.temporal import client as temporal
from archon.runtime.temporal.client import EnrichmentClient
from bridge.requests import access
from tests import factories
from tests.e2e.command import enrich
from tests.e2e.keyed import add_key, client, keyed_bridge
from tests.eventually import eventually

pytestmark = pytest.mark.threat
PATH = "src/secret.py"
WORDS = "def the_secret_of_the_tarpon(): return 'tarpon'\n"
LIMIT = 256 * 1024


@dataclass
class Guarded:
    """A bridge with keys, and clients with the key of all projects, of the project, and of another one."""

    app: FastAPI
    settings: Settings
    keys: Path
    project: str
    document: str
    letters: dict[str, str]
    everything: httpx.AsyncClient
    mine: httpx.AsyncClient
    reader: httpx.AsyncClient
    others: httpx.AsyncClient
    nobody: httpx.AsyncClient


@pytest.fixture(scope="session")
async def guarded(stack: Settings, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Guarded]:
    keys = tmp_path_factory.mktemp("keys") / "keys.json"
    mine, other = (f"project-{uuid4().hex[:10]}" for _ in range(2))
    given = (
        add_key(keys, "*"),
        add_key(keys, [mine]),
        add_key(keys, [mine], Access.READ),
        add_key(keys, [other]),
        None,
    )
    async with keyed_bridge(stack, keys, max_body_bytes=LIMIT) as bridge:
        settings, app = bridge.settings, bridge.app
        everything, *clients = (client(settings, each) for each in given)
        found = Guarded(app, settings, keys, mine, "", {}, everything, *clients)
        found.document = await index(found, mine)
        await index(found, other)
        found.letters = await dead_letters(settings, mine, other)
        yield found
        for each in (everything, *clients):
            await each.aclose()


async def index(guarded: Guarded, project: str) -> str:
    """An enriched document of a project."""
    body = {"project_id": project, "source_path": PATH, "document_id": "own-id", "full_text": WORDS}
    answer = await guarded.everything.post("/api/bridge/document", json=body)
    assert answer.status_code == 200, answer.text
    document: str = answer.json()["document_id"]

    async def enriched() -> bool:
        shown = await guarded.everything.get(f"/api/bridge/document/{document}")
        return bool(shown.json()["enrichment_status"] == "completed")

    await eventually(enriched)
    return document


async def dead_letters(settings: Settings, mine: str, other: str) -> dict[str, str]:
    """A letter of each project and one without a project, by owner."""
    async with KafkaPublisher.connect(settings, "test") as publisher:
        keys = {}
        for name, project in (("mine", mine), ("other", other), ("poison", None)):
            letter = DeadLetter(
                document_id=str(uuid4()) if project else None,
                project_name=project,
                failure_reason="no",
                failure_timestamp=datetime.now(UTC),
                failure_type=FailureType.DATA_QUALITY,
                error_details=ErrorDetails(exception_type="E", exception_message="no"),
                source=f"topic:0:{uuid4().int}",
            )
            keys[name] = letter.document_id or letter.source or ""
            await publisher.dead_letter(letter, key=keys[name])
        return keys


def routes(app: FastAPI) -> set[tuple[str, str]]:
    """Every method and path that needs a key."""
    return {
        (method, route.path)
        for route in iter_route_contexts(app.routes)
        for method in (route.methods or ())
        if route.path not in access.PUBLIC
    }


async def test_without_a_valid_key_every_route_refuses(guarded: Guarded) -> None:
    expired = add_key(guarded.keys, "*", expires_at=datetime.now(UTC) - timedelta(seconds=1))
    unknown = mint()[1]
    known = guarded.mine.headers["authorization"].removeprefix("Bearer ")
    forged = known[:-1] + ("0" if known[-1] != "0" else "1")
    wrong = [{"authorization": f"Bearer {key}"} for key in (expired, unknown, forged, "x", "é")]
    wrong += [{"x-api-key": unknown}, {"authorization": f"Basic {known}"}, {}]
    for method, path in routes(guarded.app):
        for headers in wrong:
            encoded = {name: value.encode() for name, value in headers.items()}
            answer = await guarded.nobody.request(method, path, headers=encoded)
            assert answer.status_code == 401, (method, path, headers)
            assert answer.headers["www-authenticate"] == "Bearer"
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.json()["correlation_id"] == answer.headers["x-correlation-id"]
            assert known not in answer.text


async def test_what_is_not_there_is_refused_alike(guarded: Guarded) -> None:
    assert (await guarded.nobody.get("/api/bridge/nothing")).status_code == 401
    assert (await guarded.nobody.get("/static-offline-docs-not/x")).status_code == 401
    assert (await guarded.mine.get("/api/bridge/nothing")).status_code == 404


async def test_both_headers_carry_a_key(guarded: Guarded) -> None:
    key = guarded.mine.headers["authorization"].removeprefix("Bearer ")
    url = f"/api/bridge/document/{guarded.document}"
    assert (await guarded.nobody.get(url, headers={"x-api-key": key})).status_code == 200
    assert (await guarded.nobody.get(url, headers={"authorization": f"bearer {key}"})).status_code == 200


Attempt = Callable[[Guarded], Awaitable[None]]
BRIDGE = "/api/bridge"


async def index_one(guarded: Guarded) -> None:
    body = {"project_id": guarded.project, "source_path": PATH, "full_text": "x"}
    assert (await guarded.others.post(f"{BRIDGE}/document", json=body)).status_code == 403


async def index_batch(guarded: Guarded) -> None:
    body = {"project_id": guarded.project, "source_path": PATH, "full_text": "x"}
    answer = await guarded.others.post(f"{BRIDGE}/documents", json={"documents": [body]})
    assert answer.json()["accepted"] == 0
    assert answer.json()["results"][0]["problem"]["status"] == 403


def hidden(method: str, path: str) -> Attempt:
    """A route with something of another project finds nothing."""

    async def attempt(guarded: Guarded) -> None:
        url = path.format(document=guarded.document, letter=guarded.letters["mine"])
        answer = await guarded.others.request(method, f"{BRIDGE}/{url}")
        assert answer.status_code == 404, answer.text
        nothing = await guarded.others.request(
            method, f"{BRIDGE}/{path.format(document=uuid4(), letter=uuid4())}"
        )
        assert set(answer.json()) == set(nothing.json())
        assert answer.json()["title"] == nothing.json()["title"]

    return attempt


def listed(path: str, items: str, project: str, **params: str) -> Attempt:
    """A listing contains only the caller's documents, and refuses another project's name."""

    async def shown(by: httpx.AsyncClient, **more: str) -> set[str]:
        answer = await by.get(f"{BRIDGE}/{path}", params={**params, **more})
        return {item[project] for item in answer.json()[items]}

    async def attempt(guarded: Guarded) -> None:
        mine, others = await shown(guarded.mine), await shown(guarded.others)
        assert mine == {guarded.project}
        assert guarded.project not in others and len(others) == 1
        # By name: leftovers of other tests may fill a page.
        for each in mine | others:
            assert await shown(guarded.everything, project=each) == {each}
        named = await guarded.others.get(f"{BRIDGE}/{path}", params={**params, "project": guarded.project})
        assert named.status_code == 403
        if path != "search":
            listing = (await guarded.mine.get(f"{BRIDGE}/{path}", params=params)).json()
            assert f"%27{guarded.project}%27" in listing["workflows"]

    return attempt


async def statistics(guarded: Guarded) -> None:
    everything, mine, others = [
        (await each.get(f"{BRIDGE}/statistics")).json()["documents"]
        for each in (guarded.everything, guarded.mine, guarded.others)
    ]
    assert (mine, others) == (1, 1)
    assert everything >= 2
    named = await guarded.others.get(f"{BRIDGE}/statistics", params={"project": guarded.project})
    assert named.status_code == 403


async def parked_runs(guarded: Guarded) -> None:
    """Temporal's list is limited to the caller's projects too: here to those of a third one."""
    third = f"project-{uuid4().hex[:10]}"
    request = factories.request(project_name=third, text=str(uuid4()))  # its text is nowhere
    await EnrichmentClient(await temporal.connect(guarded.settings)).submit(request)

    async def shown(by: httpx.AsyncClient, **params: str) -> set[tuple[str, str]]:
        answer = await by.get(f"{BRIDGE}/parked", params={"limit": "1000", **params})
        return {(each["project_name"], each["document_id"]) for each in answer.json()["parked"]}

    async def is_parked() -> bool:
        return await shown(guarded.everything, project=third) == {(third, request.document_id)}

    await eventually(is_parked)
    assert {project for project, _ in await shown(guarded.mine)} <= {guarded.project}
    named = await guarded.mine.get(f"{BRIDGE}/parked", params={"project": third})
    assert named.status_code == 403


async def project_events(guarded: Guarded) -> None:
    url = f"{BRIDGE}/projects/{guarded.project}/events"
    assert (await guarded.others.get(url)).status_code == 403
    async with guarded.mine.stream("GET", url) as stream:
        assert stream.status_code == 200
        first = [line async for line in until_blank(stream.aiter_lines())]
    (data,) = [json.loads(line.removeprefix("data: ")) for line in first if line.startswith("data: ")]
    assert data["documents"] == 1


async def until_blank(lines: AsyncIterator[str]) -> AsyncIterator[str]:
    """The first event of a stream with data."""
    seen = False
    async for line in lines:
        seen = seen or line.startswith("data: ")
        if seen and not line:
            return
        yield line


async def document_deletion(guarded: Guarded) -> None:
    """Deletes another document, so that the common one stays."""
    body = {"project_id": guarded.project, "source_path": "src/gone.py", "full_text": "gone"}
    document = (await guarded.mine.post(f"{BRIDGE}/document", json=body)).json()["document_id"]
    url = f"{BRIDGE}/document/{document}"
    for _ in range(2):
        assert (await guarded.others.delete(url)).status_code == 404
        assert (await guarded.others.get(f"{url}/deletion")).status_code == 404
        named = await guarded.others.get(f"{url}/deletion", params={"project": guarded.project})
        assert named.status_code == 403
        assert (await guarded.reader.delete(url)).status_code == 403
        assert (await guarded.mine.delete(url)).status_code == 200
    receipt = await guarded.reader.get(f"{url}/deletion")
    assert receipt.json()["counts"]["documents"] >= 1
    whole = (await guarded.everything.get(f"{url}/deletion")).json()
    assert whole["counts"]["documents"] == receipt.json()["counts"]["documents"]


@pytest.mark.parametrize("others_have", ["it", "had it", "nothing"])
async def test_a_receipt_tells_nothing_of_what_others_have(guarded: Guarded, others_have: str) -> None:
    text = f"def shared(): return {uuid4().int}\n"
    own, other = (f"project-{uuid4().hex[:10]}" for _ in range(2))
    mine = client(guarded.settings, add_key(guarded.keys, [own]))

    async def posted(project: str) -> str:
        body = {"project_id": project, "source_path": f"src/{uuid4().hex}.py", "full_text": text}
        answer = await guarded.everything.post(f"{BRIDGE}/document", json=body)
        document_id: str = answer.json()["document_id"]

        async def enriched() -> bool:
            found = (await guarded.everything.get(f"{BRIDGE}/document/{document_id}")).json()
            return bool(found["enrichment_status"] == "completed")

        await eventually(enriched)
        return document_id

    if others_have != "nothing":
        theirs = await posted(other)
        if others_have == "had it":
            body = {"project_id": other, "document_id": theirs, "source_path": "src/x.py", "full_text": "x"}
            assert (await guarded.everything.post(f"{BRIDGE}/document", json=body)).status_code == 200
    document_id = await posted(own)
    async with mine:
        receipt = (await mine.delete(f"{BRIDGE}/document/{document_id}")).json()
    removed = {name: receipt["counts"][name] for name in ("contents", "contents_kept", "analyses")}
    assert removed == {"contents": 1, "contents_kept": 0, "analyses": 0}
    whole = (await guarded.everything.get(f"{BRIDGE}/document/{document_id}/deletion")).json()["counts"]
    assert (whole["contents_kept"] == 1) == (others_have == "it")


async def project_deletion(guarded: Guarded) -> None:
    url = f"{BRIDGE}/projects/{guarded.project}"
    assert (await guarded.others.delete(url)).status_code == 403
    assert (await guarded.reader.delete(url)).status_code == 403
    assert (await guarded.others.get(f"{url}/deletion")).status_code == 403
    assert (await guarded.mine.get(f"{url}/deletion")).status_code == 404


async def estate_status(guarded: Guarded) -> None:
    found = (await guarded.others.get(f"{BRIDGE}/status")).json()
    assert all(each["address"] is None for each in found["parts"])
    assert "_URL" not in json.dumps(found)
    refused = await guarded.others.get(f"{BRIDGE}/status", params={"project": guarded.project})
    assert refused.status_code == 403
    assert "MEMGRAPH_URI" in (await guarded.everything.get(f"{BRIDGE}/status")).text


def asked(question: str, body: bool = False, **params: str) -> Attempt:
    """A question about code has no answer about another project, whether it exists or not."""

    async def ask(by: httpx.AsyncClient, project: str) -> httpx.Response:
        url = f"{BRIDGE}/graph/{question}"
        if body:
            files = [{"present": {"file_path": PATH}}]
            return await by.post(url, json={"project": project, "files": files}, params=params)
        return await by.get(url, params={**params, "project": project})

    def shown(answer: httpx.Response, project: str) -> dict[str, Any]:
        problem: dict[str, Any] = json.loads(answer.text.replace(project, "PROJECT"))
        del problem["correlation_id"]
        return problem

    async def attempt(guarded: Guarded) -> None:
        nothing = f"project-{uuid4().hex[:10]}"
        refused, unknown = await ask(guarded.others, guarded.project), await ask(guarded.others, nothing)
        assert refused.status_code == unknown.status_code == 403
        assert shown(refused, guarded.project) == shown(unknown, nothing)
        listing = (await guarded.others.get(f"{BRIDGE}/documents")).json()["documents"]
        own = await ask(guarded.others, listing[0]["project_name"])
        assert own.status_code == 200, own.text
        assert guarded.document not in own.text and guarded.project not in own.text
        mine = await ask(guarded.reader, guarded.project)
        assert (mine.status_code, mine.json()["project_name"]) == (200, guarded.project)
        if question not in {"outline", "importers"}:
            assert guarded.document in mine.text

    return attempt


SYMBOL = "the_secret_of_the_tarpon"
ATTEMPTS: dict[tuple[str, str], Attempt] = {
    ("GET", f"{BRIDGE}/graph/find"): asked("find", name=SYMBOL),
    ("GET", f"{BRIDGE}/graph/show"): asked("show", symbol=SYMBOL),
    ("GET", f"{BRIDGE}/graph/callers"): asked("callers", symbol=SYMBOL),
    ("GET", f"{BRIDGE}/graph/callees"): asked("callees", symbol=SYMBOL),
    ("GET", f"{BRIDGE}/graph/implementers"): asked("implementers", symbol=SYMBOL),
    ("GET", f"{BRIDGE}/graph/importers"): asked("importers", path=PATH),
    ("GET", f"{BRIDGE}/graph/path"): asked("path", source=SYMBOL, target=SYMBOL),
    ("GET", f"{BRIDGE}/graph/neighbours"): asked("neighbours", symbol=SYMBOL),
    ("GET", f"{BRIDGE}/graph/outline"): asked("outline"),
    ("GET", f"{BRIDGE}/graph/symbols"): asked("symbols", path=PATH),
    ("GET", f"{BRIDGE}/graph/impact"): asked("impact", symbol=SYMBOL),
    ("POST", f"{BRIDGE}/graph/impact"): asked("impact", body=True),
    ("POST", f"{BRIDGE}/document"): index_one,
    ("POST", f"{BRIDGE}/documents"): index_batch,
    ("GET", f"{BRIDGE}/document/{{document_id:text}}"): hidden("GET", "document/{document}"),
    ("POST", f"{BRIDGE}/document/{{document_id:text}}/retry"): hidden("POST", "document/{document}/retry"),
    ("POST", f"{BRIDGE}/document/{{document_id:text}}/discard"): hidden(
        "POST", "document/{document}/discard"
    ),
    ("GET", f"{BRIDGE}/document/{{document_id:text}}/events"): hidden("GET", "document/{document}/events"),
    ("GET", f"{BRIDGE}/projects/{{name:text}}/events"): project_events,
    ("DELETE", f"{BRIDGE}/document/{{document_id:text}}"): document_deletion,
    ("GET", f"{BRIDGE}/document/{{document_id:text}}/deletion"): document_deletion,
    ("DELETE", f"{BRIDGE}/projects/{{name:text}}"): project_deletion,
    ("GET", f"{BRIDGE}/projects/{{name:text}}/deletion"): project_deletion,
    ("GET", f"{BRIDGE}/documents"): listed("documents", "documents", "project_name", limit="1000"),
    ("GET", f"{BRIDGE}/search"): listed("search", "hits", "project_name", q="the secret of the tarpon"),
    ("GET", f"{BRIDGE}/statistics"): statistics,
    ("GET", f"{BRIDGE}/parked"): parked_runs,
    ("GET", f"{BRIDGE}/status"): estate_status,
    ("GET", f"{BRIDGE}/dead-letters"): listed(
        "dead-letters", "dead_letters", "project_name", failure_type="data_quality"
    ),
    ("GET", f"{BRIDGE}/dead-letters/{{key:text}}"): hidden("GET", "dead-letters/{letter}"),
    ("POST", f"{BRIDGE}/dead-letters/{{key:text}}/discard"): hidden("POST", "dead-letters/{letter}/discard"),
}
"""The result of each route with another project's key."""


async def test_there_is_an_attempt_on_every_route(guarded: Guarded) -> None:
    assert routes(guarded.app) == set(ATTEMPTS)


@pytest.mark.parametrize("route", ATTEMPTS, ids=" ".join)
async def test_another_projects_key_reads_and_changes_nothing(
    guarded: Guarded, route: tuple[str, str]
) -> None:
    await ATTEMPTS[route](guarded)
    shown = await guarded.mine.get(f"{BRIDGE}/document/{guarded.document}")
    assert shown.json()["version"] == 1
    assert (await guarded.mine.get(f"{BRIDGE}/dead-letters/{guarded.letters['mine']}")).status_code == 200


async def test_a_read_key_reads_and_does_not_write(guarded: Guarded) -> None:
    assert (await guarded.reader.get(f"{BRIDGE}/document/{guarded.document}")).status_code == 200
    for method, path in routes(guarded.app):
        if method == "POST" and "/graph/" not in path:
            body = {"project_id": guarded.project, "source_path": PATH, "full_text": "x"}
            given = {"documents": [body]} if path.endswith("documents") else body
            url = path.replace("{document_id:text}", guarded.document).replace(
                "{key:text}", guarded.letters["mine"]
            )
            answer = await guarded.reader.post(url, json=given)
            assert answer.status_code == 403, (path, answer.text)


async def test_a_clients_own_id_is_found_in_the_callers_projects_alone(guarded: Guarded) -> None:
    found = await guarded.mine.get(f"{BRIDGE}/document/own-id")
    assert found.json()["document_id"] == guarded.document
    both = await guarded.everything.get(f"{BRIDGE}/document/own-id")
    assert both.json()["errors"][0]["field"] == "project"
    named = await guarded.others.get(f"{BRIDGE}/document/own-id", params={"project": guarded.project})
    assert named.status_code == 403


async def test_an_id_that_another_project_has_is_a_name_like_any_other(guarded: Guarded) -> None:
    other = (await guarded.others.get(f"{BRIDGE}/documents")).json()["documents"][0]["project_name"]
    before = (await guarded.mine.get(f"{BRIDGE}/document/{guarded.document}")).json()
    answers = []
    for taken in (guarded.document, str(uuid4())):
        for spelt in (taken, taken.upper(), taken.replace("-", "")):
            body = {"project_id": other, "document_id": spelt, "full_text": f"x = {taken!r}"}
            answer = await guarded.others.post(f"{BRIDGE}/document", json=body)
            accepted = answer.json()
            assert (answer.status_code, accepted["external_id"]) == (200, taken)
            assert accepted["document_id"] != taken
            found = (await guarded.others.get(f"{BRIDGE}/document/{spelt}")).json()
            assert (found["document_id"], found["project_name"]) == (accepted["document_id"], other)
            answers.append(set(accepted))
    assert len({frozenset(each) for each in answers}) == 1
    after = (await guarded.mine.get(f"{BRIDGE}/document/{guarded.document}")).json()
    assert (after["version"], after["content_hash"]) == (before["version"], before["content_hash"])
    answer = await guarded.everything.post(
        f"{BRIDGE}/document", json={**body, "document_id": guarded.document}
    )
    assert answer.status_code == 409
    assert guarded.project not in answer.text


async def test_a_path_cannot_be_taken_before_its_project_has_it(guarded: Guarded) -> None:
    other = (await guarded.others.get(f"{BRIDGE}/documents")).json()["documents"][0]["project_name"]
    path = f"src/{uuid4()}.py"
    (upcoming, _) = identity.document_id(guarded.project, None, path)
    taken = {"project_id": other, "document_id": upcoming, "full_text": "x"}
    assert (await guarded.others.post(f"{BRIDGE}/document", json=taken)).status_code == 200
    body = {"project_id": guarded.project, "source_path": path, "full_text": "y"}
    answer = await guarded.mine.post(f"{BRIDGE}/document", json=body)
    assert (answer.status_code, answer.json()["document_id"]) == (200, upcoming)
    again = {"project_id": guarded.project, "document_id": upcoming, "full_text": "z"}
    answer = await guarded.mine.post(f"{BRIDGE}/document", json=again)
    assert (answer.status_code, answer.json()["document_id"]) == (200, upcoming)
    assert (await guarded.others.delete(f"{BRIDGE}/document/{upcoming}")).status_code in {200, 202}
    assert (await guarded.mine.get(f"{BRIDGE}/document/{upcoming}")).status_code == 200
    assert (await guarded.mine.get(f"{BRIDGE}/document/{upcoming}/deletion")).status_code == 404
    assert (await guarded.others.get(f"{BRIDGE}/document/{upcoming}/deletion")).status_code == 200


async def test_a_text_that_another_project_has_cannot_be_had_by_its_hash(guarded: Guarded) -> None:
    other = (await guarded.others.get(f"{BRIDGE}/documents")).json()["documents"][0]["project_name"]
    body = {"project_id": other, "source_path": "mine.py", "content_ref": identity.content_hash(WORDS)}
    assert (await guarded.others.post(f"{BRIDGE}/document", json=body)).status_code == 403
    body["project_id"] = guarded.project
    assert (await guarded.everything.post(f"{BRIDGE}/document", json=body)).status_code == 200


async def test_messages_that_name_no_project_are_for_keys_of_all(guarded: Guarded) -> None:
    url = f"{BRIDGE}/dead-letters/{guarded.letters['poison']}"
    assert (await guarded.mine.get(url)).status_code == 404
    assert (await guarded.mine.post(f"{url}/discard")).status_code == 404
    assert (await guarded.everything.get(url)).status_code == 200


async def test_the_public_routes_tell_no_details_to_strangers(guarded: Guarded) -> None:
    for path in ("/livez", "/metrics", "/docs", "/openapi.json"):
        assert (await guarded.nobody.get(path)).status_code == 200
    await broken(guarded)
    strangers = (await guarded.nobody.get("/readyz")).json()["dependencies"]
    ours = (await guarded.everything.get("/readyz")).json()["dependencies"]
    assert strangers["api_keys"]["status"] == ours["api_keys"]["status"] == "unhealthy"
    assert not any(state["detail"] for state in strangers.values())
    assert "stays in force" in ours["api_keys"]["detail"]
    assert (await guarded.mine.get(f"{BRIDGE}/document/{guarded.document}")).status_code == 200
    await mended(guarded)


async def broken(guarded: Guarded) -> None:
    whole = guarded.keys.read_text()
    guarded.keys.with_suffix(".whole").write_text(whole)
    guarded.keys.write_text(whole[: len(whole) // 2])


async def mended(guarded: Guarded) -> None:
    guarded.keys.with_suffix(".whole").replace(guarded.keys)
    dependencies = (await guarded.everything.get("/readyz")).json()["dependencies"]
    assert dependencies["api_keys"]["status"] == "healthy"


async def test_keys_come_and_go_without_a_restart(guarded: Guarded) -> None:
    key = add_key(guarded.keys, [guarded.project])
    async with client(guarded.settings, key) as new:
        assert (await new.get(f"{BRIDGE}/documents")).status_code == 200
        api_keys.revoke(guarded.keys, key.split("_")[1])
        assert (await new.get(f"{BRIDGE}/documents")).status_code == 401


async def test_a_key_makes_no_more_requests_than_it_may(guarded: Guarded) -> None:
    async with client(guarded.settings, add_key(guarded.keys, [guarded.project], rate=0.5)) as limited:
        assert (await limited.get(f"{BRIDGE}/documents")).status_code == 200
        answer = await limited.get(f"{BRIDGE}/documents")
    assert answer.status_code == 429
    assert 1 <= int(answer.headers["retry-after"]) <= 2
    assert (await guarded.mine.get(f"{BRIDGE}/documents")).status_code == 200


@pytest.mark.threat
@pytest.mark.parametrize("values", [1, 30_000], ids=["taken", "refused"])
async def test_a_large_body_counts_as_several_requests(guarded: Guarded, values: int) -> None:
    body = {
        "project_id": guarded.project,
        "source_path": "src/large.py",
        "full_text": "# " + uuid4().hex * 2_500,
        "metadata": {"numbers": [0] * values},
    }
    async with client(guarded.settings, add_key(guarded.keys, [guarded.project], rate=0.5)) as limited:
        taken = await limited.post(f"{BRIDGE}/document", json=body)
        assert taken.status_code == (200 if values == 1 else 422)
        answer = await limited.post(f"{BRIDGE}/document", json=body)
    assert answer.status_code == 429


@pytest.mark.threat
async def test_a_body_that_unpacks_to_too_much_counts_as_a_large_one(guarded: Guarded) -> None:
    bomb = gzip.compress(bytes(16 * LIMIT))
    headers = {"content-type": "application/json", "content-encoding": "gzip"}
    async with client(guarded.settings, add_key(guarded.keys, [guarded.project], rate=2)) as limited:
        taken = await limited.post(f"{BRIDGE}/document", content=bomb, headers=headers)
        assert taken.status_code == 413
        assert (await limited.get(f"{BRIDGE}/documents")).status_code == 429


async def test_the_command_line_shows_its_key_and_heeds_the_limit(guarded: Guarded, tmp_path: Path) -> None:
    for number in range(12):
        (tmp_path / f"{number}.py").write_text(f"x = {number}\n")
    project = f"project-{uuid4().hex[:10]}"
    secret = tmp_path.with_name(f"{tmp_path.name}.key")
    secret.write_text(add_key(guarded.keys, [project], rate=4) + "\n")
    key = {"BRIDGE_API_KEY_FILE": str(secret)}
    env = {**os.environ, "BRIDGE_URL": guarded.settings.bridge_url}
    ingest = ("ingest", str(tmp_path), "-p", project, "-o", "json")
    finished = await enrich(*ingest, environment={**env, **key})
    assert finished.code == 0, finished.err
    report = finished.json()
    assert report["enriched"] == report["documents"] == 12
    assert report["seconds"] > 2
    refused = await enrich("status", environment=env)
    assert refused.code == 1
    assert "BRIDGE_API_KEY" in refused.err


async def test_a_body_is_bounded_whether_or_not_it_says_its_length(guarded: Guarded) -> None:
    large = b'{"project_id": "' + b"x" * LIMIT + b'"}'

    async def stream() -> AsyncIterator[bytes]:
        for start in range(0, len(large), 1000):
            yield large[start : start + 1000]

    for content in (large, stream()):
        answer = await guarded.mine.post(f"{BRIDGE}/document", content=content)
        assert answer.status_code == 413
        assert answer.headers["content-type"] == "application/problem+json"


async def test_the_api_description_says_how_to_show_a_key(guarded: Guarded) -> None:
    described = (await guarded.nobody.get("/openapi.json")).json()
    assert set(described["components"]["securitySchemes"]) == {"bearer", "header"}
    for path, operations in described["paths"].items():
        for operation in operations.values():
            assert ("security" in operation) == (path not in access.PUBLIC), path


async def test_a_wrong_method_is_told_all_that_there_are(guarded: Guarded) -> None:
    answer = await guarded.mine.put(f"{BRIDGE}/documents")
    assert answer.status_code == 405
    assert answer.headers["allow"] == "GET, POST"
