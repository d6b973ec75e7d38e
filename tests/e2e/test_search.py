"""Search results for documents in all states of the pipeline."""

import os
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import httpx
import pytest
from qdrant_client import models

from archon.contracts.types import EnrichmentStatus
from archon.runtime.settings import Settings
from archon.stores.graph.store import GraphStore
from archon.stores.vectors.store import VectorStore, qdrant
from tests import factories
from tests.e2e.command import enrich
from tests.eventually import eventually
from tests.stacks import TestServers

PYTHON = '''"""Reads settings."""


class SettingsReader:
    """Knows where they are."""

    def parse_timeout(self, text: str) -> float:
        return float(text.removesuffix("s"))


def reconnect_with_backoff(client):
    while not client.connected:
        client.sleep()
'''
CHANGED = PYTHON.replace("reconnect_with_backoff", "dial_again")
PROSE = "# Operations\n\nIntro.\n\n## Rotate keys\n\nMake a new key.\n"


@pytest.fixture
async def bridge(stack: Settings) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=f"{stack.bridge_url}/api/bridge", timeout=30) as client:
        yield client


async def indexed(bridge: httpx.AsyncClient, project: str, path: str, text: str) -> str:
    body = {"project_id": project, "source_path": path, "full_text": text}
    return str((await bridge.post("/document", json=body)).json()["document_id"])


async def enriched(bridge: httpx.AsyncClient, project: str, path: str, text: str, version: int = 1) -> str:
    document_id = await indexed(bridge, project, path, text)

    async def is_enriched() -> bool:
        found = (await bridge.get(f"/document/{document_id}")).json()
        return (found["enrichment_status"], found["version"]) == ("completed", version)

    await eventually(is_enriched, 90)
    return document_id


async def hits(bridge: httpx.AsyncClient, q: str, **filters: Any) -> list[dict[str, Any]]:
    answer = await bridge.get("/search", params={"q": q, **filters})
    answer.raise_for_status()
    found: list[dict[str, Any]] = answer.json()["hits"]
    return found


async def chunks_of(settings: Settings, document_id: str) -> list[models.Record]:
    match = models.MatchValue(value=document_id)
    client = qdrant(settings)
    found, _ = await client.scroll(
        settings.qdrant_symbols_collection,
        models.Filter(must=[models.FieldCondition(key="document_id", match=match)]),
        limit=1000,
        with_vectors=True,
    )
    await client.close()
    return found


async def test_a_symbol_is_found_with_its_lines(
    stack: Settings, bridge: httpx.AsyncClient, project: str
) -> None:
    document_id = await enriched(bridge, project, "src/settings.py", PYTHON)
    await enriched(bridge, project, "docs/operations.md", PROSE)
    first, *_ = await hits(bridge, "reconnecting after a backoff", project=project)
    stored = (await bridge.get(f"/document/{document_id}")).json()
    score, why = first.pop("score"), first.pop("why")
    assert 0 < score <= 1
    assert sum(why["parts"].values()) == pytest.approx(score, abs=0.001)
    assert {"terms", "embedding", "name"} <= set(why["parts"])
    assert why["matched"] == ["reconnecting", "backoff"]
    assert first == {
        "document_id": document_id,
        "project_name": project,
        "file_path": "src/settings.py",
        "title": "settings.py",
        "language": "python",
        "document_type": "code",
        "symbol": "reconnect_with_backoff",
        "kind": "function",
        "start_line": 11,
        "end_line": 13,
        "snippet": "\n".join(PYTHON.split("\n")[10:13]),
        "fresh": True,
        "copies": 0,
        "overloads": 0,
        "enrichment_status": "completed",
        "enriched_at": stored["enriched_at"],
        "indexed_at": stored["indexed_at"],
    }
    assert {(each.payload or {})["symbol"] for each in await chunks_of(stack, document_id)} == {
        None,
        "SettingsReader",
        "SettingsReader.parse_timeout",
        "reconnect_with_backoff",
    }
    (named, *_) = await hits(bridge, "parse_timeout", project=project, mode="lexical")
    assert named["symbol"] == "SettingsReader.parse_timeout"
    (section, *_) = await hits(bridge, "how to rotate keys", project_name=project)
    assert (section["symbol"], section["start_line"]) == ("Operations > Rotate keys", 5)


async def test_a_copy_is_counted_and_a_symbol_of_a_long_line_is_shown_from_its_column(
    bridge: httpx.AsyncClient, project: str
) -> None:
    await enriched(bridge, project, "src/one.py", PYTHON)
    await enriched(bridge, project, "src/two.py", PYTHON)
    found = await hits(bridge, "reconnect with backoff", project=project)
    assert [hit["copies"] for hit in found if hit["symbol"] == "reconnect_with_backoff"] == [1]
    line = "function alpha(){return zebra}function beta(){return tarpon}\n"
    await enriched(bridge, project, "src/min.js", line)
    (named, *_) = await hits(bridge, "tarpon", project=project)
    assert (named["symbol"], named["snippet"]) == ("beta", "function beta(){return tarpon}")


async def test_words_without_spaces_are_found(bridge: httpx.AsyncClient, project: str) -> None:
    await enriched(bridge, project, "a.md", "# 設定\n\n接続の再試行について説明します。\n")
    await enriched(bridge, project, "b.md", "# 料金\n\n支払いの方法。\n")
    (first, *_) = await hits(bridge, "再試行", project=project, mode="lexical")
    assert first["file_path"] == "a.md"


async def test_a_language_is_found_however_it_is_spelt(bridge: httpx.AsyncClient, project: str) -> None:
    body = {"project_id": project, "source_path": "scripts/run", "full_text": PYTHON, "language": "Python"}
    await bridge.post("/document", json=body)

    async def found() -> bool:
        return bool(await hits(bridge, "parse the timeout", project=project))

    await eventually(found, 90)
    for spelt in ("python", "Python", "py"):
        (first, *_) = await hits(bridge, "parse the timeout", project=project, language=spelt)
        assert first["language"] == "python"
    assert not await hits(bridge, "parse the timeout", project=project, language="go")


async def test_a_header_of_cpp_is_found_as_cpp(
    stack: Settings, bridge: httpx.AsyncClient, project: str
) -> None:
    text = "struct Base { int a; };\nstruct Widget : Base { int reconnectDelay; };\n"
    document_id = await enriched(bridge, project, "src/widget.h", text)
    assert (await bridge.get(f"/document/{document_id}")).json()["language"] == "cpp"
    found = await hits(bridge, "reconnect delay", project=project, language="C++")
    assert {hit["language"] for hit in found} == {"cpp"}
    assert "Widget" in {hit["symbol"] for hit in found}
    assert await hits(bridge, "reconnect delay", project=project, language="c") == []
    # Posted again with the same name: the language from the enrichment stays.
    await indexed(bridge, project, "src/widget.h", text)
    assert (await bridge.get(f"/document/{document_id}")).json()["language"] == "cpp"
    async with VectorStore.connect(stack) as vectors:
        point = await vectors.get(document_id)
    assert point is not None and (point.payload or {})["language"] == "cpp"


async def test_what_is_asked_for_limits_what_is_found(bridge: httpx.AsyncClient, project: str) -> None:
    await enriched(bridge, project, "src/settings.py", PYTHON)
    await enriched(bridge, project, "docs/settings.md", "# Settings\n\nParse the timeout.\n")
    await enriched(bridge, f"{project}-2", "src/settings.py", PYTHON)

    async def found(**filters: Any) -> set[tuple[str, str]]:
        results = await hits(bridge, "parse the timeout", project=project, **filters)
        assert {hit["project_name"] for hit in results} <= {project}
        return {(hit["file_path"], hit["kind"]) for hit in results}

    assert len({file for file, _ in await found()}) == 2
    assert {file for file, _ in await found(language="Markdown")} == {"docs/settings.md"}
    assert {file for file, _ in await found(document_type="code")} == {"src/settings.py"}
    assert await found(kind="Method") == {("src/settings.py", "method")}
    assert await found(kind="interface") == set()
    assert len(await hits(bridge, "parse the timeout", project=project, limit=1)) == 1


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"q": ""}, "q"),
        ({"q": "!? \N{COOKIE}"}, "q"),
        ({"q": "x", "limit": 0}, "limit"),
        ({"q": "x", "mode": "psychic"}, "mode"),
        ({"q": "x", "document_type": "novel"}, "document_type"),
        ({"q": "x", "project": "a", "project_name": "b"}, "project_name"),
    ],
)
async def test_a_wrong_question_is_told_what_is_wrong(
    bridge: httpx.AsyncClient, query: dict[str, Any], field: str
) -> None:
    answer = await bridge.get("/search", params=query)
    assert answer.status_code == 422
    assert [each["field"] for each in answer.json()["errors"]] == [field]


@pytest.mark.parametrize("q", ["the of and", "x" * 4000, "ß 日本 ☃", '"; DROP'])
async def test_a_strange_question_has_a_sensible_answer(
    bridge: httpx.AsyncClient, project: str, q: str
) -> None:
    assert await hits(bridge, q, project=project) == []
    await enriched(bridge, project, "a.py", PYTHON)
    for mode in ("combined", "lexical", "dense"):
        assert len(await hits(bridge, q, project=project, mode=mode)) <= 5


async def test_the_old_content_is_found_until_the_new_one_is_enriched(
    stack: Settings, bridge: httpx.AsyncClient, project: str
) -> None:
    document_id = await enriched(bridge, project, "a.py", PYTHON)
    new = factories.document(project, CHANGED, entity_id=document_id, file_path="a.py")
    async with GraphStore.connect(stack) as graph, VectorStore.connect(stack) as vectors:
        # Indexed only, so that nothing enriches it during the test.
        indexing = await graph.index(new, str(uuid4()), status=EnrichmentStatus.SKIPPED)
        await vectors.index(new, indexing)
    (first, *_) = await hits(bridge, "reconnect with backoff", project=project)
    assert (first["symbol"], first["fresh"]) == ("reconnect_with_backoff", False)
    assert first["enrichment_status"] == "skipped"
    assert first["snippet"].startswith("def reconnect_with_backoff"), "the lines that were found"
    await enriched(bridge, project, "a.py", CHANGED, version=2)
    symbols = {(each.payload or {})["symbol"] for each in await chunks_of(stack, document_id)}
    assert "dial_again" in symbols
    assert "reconnect_with_backoff" not in symbols
    assert (await hits(bridge, "dial again", project=project))[0]["fresh"] is True


async def test_content_that_returns_is_found_again(
    stack: Settings, bridge: httpx.AsyncClient, project: str
) -> None:
    for version, text in enumerate((PYTHON, CHANGED, PYTHON), 1):
        document_id = await enriched(bridge, project, "a.py", text, version)
    found = await chunks_of(stack, document_id)
    assert {(each.payload or {})["version"] for each in found} == {3}
    (first, *_) = await hits(bridge, "reconnect with backoff", project=project)
    assert (first["symbol"], first["fresh"]) == ("reconnect_with_backoff", True)


async def deleted(bridge: httpx.AsyncClient, path: str) -> dict[str, Any]:
    """The receipt after everything is removed."""
    receipt: dict[str, Any] = (await bridge.delete(path)).json()

    async def removed() -> bool:
        receipt.update((await bridge.get(f"{path}/deletion")).json())
        return receipt["state"] == "removed"

    await eventually(removed, 90)
    return receipt


async def test_a_deleted_documents_chunks_are_gone(
    stack: Settings, bridge: httpx.AsyncClient, project: str
) -> None:
    document_id = await enriched(bridge, project, "a.py", PYTHON)
    kept = await enriched(bridge, project, "b.py", PYTHON)
    assert (await deleted(bridge, f"/document/{document_id}"))["counts"]["chunks"] == 4
    assert await chunks_of(stack, document_id) == []
    assert {hit["document_id"] for hit in await hits(bridge, "backoff", project=project)} == {kept}
    assert (await deleted(bridge, f"/projects/{project}"))["counts"]["chunks"] == 4
    assert await hits(bridge, "backoff", project=project) == []


async def test_the_command_line_shows_where(
    servers: TestServers, stack: Settings, bridge: httpx.AsyncClient, project: str
) -> None:
    await enriched(bridge, project, "src/settings.py", PYTHON)
    environment = {**os.environ, **servers.environment_of(stack)}
    command = ("search", "reconnect with backoff", "-p", project, "--type", "code")
    shown = await enrich(*command, environment=environment)
    assert "src/settings.py:11-13" in shown.out
    assert "reconnect_with_backoff" in shown.out
    assert "while not client.connected:" in shown.out
    methods = await enrich(*command, "--kind", "method", "-o", "json", environment=environment)
    assert [hit["symbol"] for hit in methods.json()["hits"]] == ["SettingsReader.parse_timeout"]
    nothing = await enrich("search", "x", "-p", f"{project}-none", environment=environment)
    assert "nothing found" in nothing.out
