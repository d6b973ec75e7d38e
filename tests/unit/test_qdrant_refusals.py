"""Refusals of Qdrant, from a test server: which ones wait, and which are a document's fault."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from temporalio.common import RetryPolicy
from temporalio.testing import ActivityEnvironment

from activities import failures
from archon.contracts.errors import StoreError, StoreMismatchError, StoreRejectedError, StoreUnavailableError
from archon.contracts.types import EnrichmentStatus
from archon.runtime.http import problems
from archon.runtime.settings import Settings
from archon.stores.vectors.store import VectorStore
from tests import factories

WRITE = "POST /collections/documents/points/batch"
READ = "POST /collections/documents/points"


@dataclass
class Qdrant:
    """`answers`: by method and path, a status, headers and a body; `received`: all requests so far."""

    answers: dict[str, tuple[int, Mapping[str, str], Any]] = field(default_factory=dict)
    received: list[str] = field(default_factory=list)

    def refuse(self, request: str, status: int, error: str = "", **headers: str) -> None:
        self.answers[request] = (status, headers, {"status": {"error": error}, "time": 0})

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[VectorStore]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with server, VectorStore.connect(Settings(qdrant_url=url)) as store:
            yield store

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
                size = next(
                    (line[16:] for line in head.splitlines() if line.startswith("content-length:")), "0"
                )
                await reader.readexactly(int(size))
                method, target, *_ = head.split(" ")
                request = f"{method.upper()} {target.partition('?')[0]}"
                self.received.append(request)
                status, headers, body = self.answers.get(request, (200, {}, {"result": True}))
                content = json.dumps(body).encode()
                lines = [f"HTTP/1.1 {status} X", "content-type: application/json"]
                lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
                writer.write(
                    "\r\n".join([*lines, f"content-length: {len(content)}", "", ""]).encode() + content
                )
        writer.close()


async def refusal(server: Qdrant) -> StoreError:
    """Of a document's write."""
    async with server.serving() as store:
        with pytest.raises(StoreError) as raised:
            await store.write(factories.step(factories.request()), EnrichmentStatus.COMPLETED, [1.0] * 256)
    return raised.value


STRICT = 'Bad request: Index required but not found for "version". Help: Create an index for this key'
OUTAGES = [
    (400, STRICT),
    (400, "Wrong input: Vector dimension error: expected dim: 384, got 256"),
    (400, "Wrong input: Not existing vector name error: content"),
    (401, "Must provide an API key"),
    (403, "Forbidden: Global manage access is required"),
    (404, "Not found: Collection `documents` doesn't exist!"),
    (418, "what nobody has heard of"),
    (429, "Rate limiting exceeded: Write rate limit exceeded, retry later"),
    (500, "Service internal error: task panicked"),
    (503, "Service unavailable"),
    (507, "No space left on device"),
]


@pytest.mark.parametrize(("status", "error"), OUTAGES, ids=lambda value: str(value)[:30])
async def test_a_fault_of_the_server_is_an_outage(status: int, error: str) -> None:
    server = Qdrant()
    server.refuse(WRITE, status, error)
    refused = await refusal(server)
    assert isinstance(refused, StoreUnavailableError)
    assert f"HTTP {status}" in str(refused)
    assert error.partition('"')[0] in str(refused)
    assert failures.treatment_of(refused).again is failures.Again.PATIENTLY


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, "Format error in JSON body: data did not match any variant of untagged enum"),
        (413, "JSON payload (40000000 bytes) is larger than allowed (limit: 33554432 bytes)."),
        (422, "Validation error in JSON body: [payload: too deep]"),
    ],
)
async def test_a_malformed_point_rejects_its_document(status: int, error: str) -> None:
    server = Qdrant()
    server.refuse(WRITE, status, error)
    assert isinstance(await refusal(server), StoreRejectedError)


@pytest.mark.parametrize("status", [429, 503, 507])
async def test_no_request_is_sent_before_the_time_that_a_server_names(status: int) -> None:
    server = Qdrant()
    server.refuse(WRITE, status, "later", retry_after="7")
    async with server.serving() as store:
        for _ in range(3):
            with pytest.raises(StoreUnavailableError) as raised:
                await store.write(factories.step(factories.request()), EnrichmentStatus.COMPLETED, None)
            assert raised.value.retry_after == pytest.approx(7, abs=1)
        assert server.received == [WRITE]
        with contextlib.suppress(StoreError):  # reads have their own limit
            await store.get(factories.request().document_id)
        assert server.received == [WRITE, READ]
    assert problems.headers_of(raised.value) == {"Retry-After": "7"}


async def test_the_next_attempt_waits_as_long_as_the_server_says() -> None:
    environment = ActivityEnvironment()

    async def attempt() -> None:
        with failures.as_application_errors():
            raise StoreUnavailableError("qdrant", "later", 40.0)

    with pytest.raises(Exception, match="later") as raised:
        await environment.run(attempt)
    assert 40 <= raised.value.next_retry_delay.total_seconds() <= 48


async def test_a_step_with_counted_attempts_also_pauses_for_the_server(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(failures, "PATIENT", RetryPolicy())
    answers: list[Exception | str] = [StoreUnavailableError("qdrant", "later", 0.05), "read"]
    slept = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    async def read() -> str:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(failures.asyncio, "sleep", sleep)
    assert await failures.patiently(read, 60) == "read"
    assert slept == [pytest.approx(0.055, abs=0.006)]


async def test_a_time_that_cannot_be_read_is_an_outage_like_another() -> None:
    server = Qdrant()
    server.refuse(WRITE, 429, "later", retry_after="soon")
    refused = await refusal(server)
    assert isinstance(refused, StoreUnavailableError)
    assert refused.retry_after is None


async def test_a_vector_that_is_not_of_the_set_dimensions_is_its_analysis_fault() -> None:
    server = Qdrant()
    async with server.serving() as store:
        with pytest.raises(StoreRejectedError, match="dimension 3; EMBEDDING_DIMENSIONS is 256"):
            await store.write(
                factories.step(factories.request()), EnrichmentStatus.COMPLETED, [1.0, 2.0, 3.0]
            )
    assert server.received == []


@pytest.mark.parametrize("version", ["1.15.3", "1.9.12", "0.11.0"])
async def test_a_server_that_is_too_old_is_named_before_the_first_write(version: str) -> None:
    server = Qdrant({"GET /": (200, {}, {"title": "qdrant", "version": version})})
    async with server.serving() as store:
        with pytest.raises(StoreMismatchError, match=rf"version {version}; 1\.15\.4 or newer is required"):
            await store.ensure_collections()
    assert server.received == ["GET /"]


@pytest.mark.parametrize("version", ["1.15.4", "1.20.0", "2.0.0-dev"])
async def test_a_server_that_is_new_enough_is_used(version: str) -> None:
    server = Qdrant({"GET /": (200, {}, {"title": "qdrant", "version": version})})
    server.refuse("GET /collections/documents", 404, "Not found: Collection `documents` doesn't exist!")
    server.refuse("PUT /collections/documents", 403, "Forbidden: Global manage access is required")
    async with server.serving() as store:
        with pytest.raises(
            StoreUnavailableError, match="documents is missing and cannot be created: HTTP 403"
        ):
            await store.ensure_collections()
