"""The intelligence service over HTTP: sizes, limits and batches."""

import contextlib
from array import array
from collections.abc import AsyncIterator, Sequence
from typing import Any

import httpx
import pytest

from archon.contracts.analysis import AnalysisRequest
from archon.contracts.errors import IntelligenceRejectedError
from archon.contracts.packed import Vector
from archon.runtime.settings import Settings
from intelligence.app import create_app
from intelligence.service.pool import Pool
from intelligence.service.processing import Processor
from tests import factories
from tests.unit.intelligence import works

pytestmark = pytest.mark.slow  # the service starts a process
LIMIT = 2000


@contextlib.asynccontextmanager
async def service(**settings: Any) -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(Settings(intelligence_workers=1, intelligence_max_document_bytes=LIMIT, **settings))
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://service", timeout=60) as http,
    ):
        yield http


def document(content: str | None, language: str = "python") -> dict[str, Any]:
    of = factories.request()
    return {
        "document_id": of.document_id,
        "project_name": "p",
        "file_path": "a.py",
        "language": language,
        "content_hash": of.content_hash,
        "content": content,
    }


@pytest.fixture(scope="module")
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with service() as client:
        yield client


@pytest.mark.parametrize("path", ["/process/document", "/extract/code", "/assess/code"])
async def test_a_document_that_is_too_large_is_refused_by_name(http: httpx.AsyncClient, path: str) -> None:
    answer = await http.post(path, json=document("x" * (LIMIT + 1)))
    assert (answer.status_code, answer.headers["content-type"]) == (413, "application/problem+json")
    assert answer.json()["errors"] == [{"field": "content", "reason": f"more than {LIMIT} bytes in UTF-8"}]
    assert (await http.post(path, json=document("x" * LIMIT))).status_code == 200


async def test_the_size_is_that_of_the_bytes(http: httpx.AsyncClient) -> None:
    assert (await http.post("/process/document", json=document("é" * (LIMIT // 2)))).status_code == 200
    assert (await http.post("/process/document", json=document("é" * (LIMIT // 2 + 1)))).status_code == 413


async def test_a_body_that_is_too_large_is_refused_unread(http: httpx.AsyncClient) -> None:
    body = {"documents": [document("x" * LIMIT)] * 9}
    answer = await http.post("/process/document/batch", json=body)
    assert (answer.status_code, answer.json()["title"]) == (413, "Content too large")


async def test_a_batch_answers_for_each_in_order(http: httpx.AsyncClient) -> None:
    contents = ["def f(): pass\n", None, "x" * (LIMIT + 1), "def g(): pass\n"]
    answer = await http.post("/process/document/batch", json={"documents": list(map(document, contents))})
    first, missing, large, last = answer.json()["results"]
    assert [item["result"]["entities"][0]["name"] for item in (first, last)] == ["f", "g"]
    assert (missing["code"], missing["error"].split(":")[0]) == ("content_missing", "documents.1.content")
    assert (large["code"], large["error"].split(":")[0]) == ("too_large", "documents.2.content")
    alone = await http.post("/process/document", json=document(contents[0]))
    assert first["result"] == alone.json()


async def test_a_document_that_takes_too_long_is_refused_by_name() -> None:
    async with service(intelligence_time_limit=1e-6) as http:
        answer = await http.post("/process/document", json=document("x = 1\n"))
        problem = answer.json()
        assert (answer.status_code, problem["code"]) == (422, "time_limit")
        assert [error["field"] for error in problem["errors"]] == ["content"]
        batch = await http.post("/process/document/batch", json={"documents": [document("x = 1\n")] * 3})
        assert [item["code"] for item in batch.json()["results"]] == ["time_limit"] * 3


class Choosy:
    """An embedder that refuses some texts, and counts its calls."""

    bundled = False
    identity = "choosy"

    def __init__(self) -> None:
        self.calls: list[int] = []

    async def embed(self, texts: Sequence[str]) -> list[Vector]:
        self.calls.append(len(texts))
        if any("refused" in text for text in texts):
            raise IntelligenceRejectedError("HTTP 400")
        return [array("f", [len(text), 0.0]) for text in texts]


async def test_a_batch_is_embedded_together_and_one_that_is_refused_by_itself() -> None:
    pool = Pool(1, 30, works.nothing)
    choosy = Choosy()
    processor = Processor(pool, choosy, LIMIT)
    try:
        await pool.warm()
        contents = [f"def f{number}(): pass\n" for number in range(6)]
        requests = [AnalysisRequest.model_validate(document(content)) for content in contents]
        together = await processor.each(requests)
        alone = [await processor.one(request) for request in requests]
        assert [item.result for item in together] == alone
        assert len(choosy.calls) == 1 + len(requests)
        bad = AnalysisRequest.model_validate(document("def refused(): pass\n"))
        found = await processor.each([*requests[:2], bad, *requests[2:]])
        assert [item.result for item in found] == [*alone[:2], None, *alone[2:]]
        assert (found[2].code, found[2].error) == ("embedding_rejected", "documents.2.content: HTTP 400")
    finally:
        pool.close()
