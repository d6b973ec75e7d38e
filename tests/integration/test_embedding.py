"""The intelligence service behaves the same with every embedder: the bundled model, and a real server with
OpenAI's protocol."""

import contextlib
import math
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from pydantic import SecretStr

import intelligence.app as intelligence
from archon.clients.intelligence import IntelligenceClient
from archon.contracts import errors
from archon.contracts.analysis import AnalysisRequest, AnalysisResult
from archon.contracts.types import EnrichmentType
from archon.runtime.http.serving import serve_http
from archon.runtime.local_ports import free_ports
from archon.runtime.settings import Settings
from intelligence.embedding import vectors as embedding
from intelligence.service.embedders import BATCH_TEXTS
from tests import factories

CODE = "def read_settings():\n    return parse(environment)\n\n\ndef water_roses():\n    garden.pour()\n"


@dataclass
class EmbeddingServer:
    """The bundled model behind OpenAI's protocol; `answer` takes precedence."""

    answer: Callable[[], Response] | None = None
    received: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[str]:
        """The address before /embeddings."""
        app = FastAPI()

        @app.post("/v1/embeddings")
        async def embeddings(request: Request) -> Response:
            body = await request.json()
            self.received.append(body)
            self.keys.append(request.headers.get("authorization", ""))
            return self.answer() if self.answer is not None else openai(embedding.embed(body["input"]))

        (port,) = free_ports(1)
        async with serve_http(app, Settings(shutdown_timeout=1), port):
            yield f"http://127.0.0.1:{port}/v1"


def openai(vectors: Sequence[Sequence[float]]) -> Response:
    """Vectors with their own length, in no particular order, which the protocol allows."""
    items = [
        {"object": "embedding", "index": n, "embedding": [3 * value for value in vector]}
        for n, vector in enumerate(vectors)
    ]
    return JSONResponse({"object": "list", "data": items[::-1], "model": "m", "usage": {}})


@contextlib.asynccontextmanager
async def service(**settings: Any) -> AsyncIterator[IntelligenceClient]:
    (port,) = free_ports(1)
    url = f"http://127.0.0.1:{port}"
    own = Settings(intelligence_service_url=url, intelligence_workers=1, shutdown_timeout=1, **settings)
    async with (
        serve_http(intelligence.create_app(own), own, port),
        IntelligenceClient.connect(own) as client,
    ):
        yield client


@pytest.fixture(scope="module")
async def bundled() -> AsyncIterator[IntelligenceClient]:
    async with service() as client:
        yield client


@dataclass
class Remote:
    server: EmbeddingServer
    url: str
    client: IntelligenceClient


@pytest.fixture(scope="module")
async def shared() -> AsyncIterator[Remote]:
    server = EmbeddingServer()
    async with server.serving() as url, service(embedding_service_url=url) as client:
        yield Remote(server, url, client)


@pytest.fixture
def remote(shared: Remote) -> Iterator[Remote]:
    """Answers as the model does, before and after the test."""
    yield shared
    shared.server.answer = None


@pytest.fixture(params=["bundled", "remote"])
def client(request: pytest.FixtureRequest, bundled: IntelligenceClient, remote: Remote) -> IntelligenceClient:
    return bundled if request.param == "bundled" else remote.client


@pytest.fixture
async def server() -> EmbeddingServer:
    return EmbeddingServer()


async def analysed(
    client: IntelligenceClient, text: str = CODE, kind: EnrichmentType = EnrichmentType.FULL
) -> AnalysisResult:
    of = factories.request()
    return await client.process(
        AnalysisRequest(
            document_id=of.document_id,
            project_name="p",
            file_path="a.py",
            content_hash=of.content_hash,
            content=text,
            language="python",
            enrichment_type=kind,
        )
    )


def cosine(one: Sequence[float] | None, other: Sequence[float]) -> float:
    assert one is not None
    return sum(a * b for a, b in zip(one, other, strict=True))


async def test_documents_and_their_chunks_have_vectors_of_unit_length(client: IntelligenceClient) -> None:
    found = await analysed(client)
    assert [each.symbol for each in found.chunks] == ["read_settings", "water_roses"]
    for vector in (found.embedding, *(each.embedding for each in found.chunks)):
        assert vector is not None
        assert len(vector) == 256
        assert math.hypot(*vector) == pytest.approx(1, abs=1e-3)
    assert found.analyser_version == (await client.version()).analyser_version


async def test_a_query_is_nearest_to_what_means_the_same(client: IntelligenceClient) -> None:
    settings, roses = (await analysed(client)).chunks
    query = await client.embed(["settings from the environment"])
    (vector,), (terms,) = query.embeddings, query.terms or []
    assert cosine(settings.embedding, vector) > cosine(roses.embedding, vector)
    assert settings.terms is not None
    assert set(terms.indices) & set(settings.terms.indices)


async def test_vectors_come_in_the_order_of_their_texts(client: IntelligenceClient) -> None:
    texts = [f"number{number}" for number in range(2 * BATCH_TEXTS + 7)]
    found = (await client.embed(texts)).embeddings
    expected = embedding.embed(texts)
    assert len({tuple(vector) for vector in expected}) > 100
    for vector, same in zip(found, expected, strict=True):
        assert cosine(vector, same) == pytest.approx(1, abs=1e-3)


async def test_a_text_without_words_has_a_vector_too(client: IntelligenceClient) -> None:
    for text in ("", "\n", "---"):
        assert (await analysed(client, text)).embedding is not None


async def test_a_part_is_not_embedded(client: IntelligenceClient) -> None:
    found = await analysed(client, kind=EnrichmentType.QUALITY_ONLY)
    assert (found.embedding, found.chunks) == (None, [])


async def test_what_is_asked_of_the_service(server: EmbeddingServer) -> None:
    key = SecretStr("s3cret")
    async with (
        server.serving() as url,
        service(embedding_service_url=url, embedding_model="m-1", embedding_api_key=key) as client,
    ):
        await analysed(client)
    (body,) = server.received
    assert (body["model"], len(body["input"]), body["encoding_format"]) == ("m-1", 3, "float")
    assert body["input"][1].startswith("read_settings\n")
    assert server.keys == ["Bearer s3cret"]


@pytest.mark.parametrize(
    ("answer", "error", "expected"),
    [
        (lambda: Response("busy", 500), errors.IntelligenceUnavailableError, "HTTP 503.*busy"),
        (lambda: Response("later", 429), errors.IntelligenceUnavailableError, "HTTP 503.*HTTP 429"),
        (lambda: Response("who?", 401), errors.IntelligenceUnavailableError, "HTTP 502.*HTTP 401"),
        (lambda: Response("no such model", 404), errors.IntelligenceUnavailableError, "no such model"),
        (lambda: Response("def secret(): ...", 400), errors.IntelligenceRejectedError, "HTTP 422.*HTTP 400"),
        (lambda: Response("<html>"), errors.IntelligenceUnavailableError, "HTTP 502.*JSON"),
        (
            lambda: openai([[1.0, 0.0]] * 3),
            errors.IntelligenceUnavailableError,
            "2 dim.*EMBEDDING_DIMENSIONS",
        ),
        (lambda: openai([[1.0] * 256]), errors.IntelligenceUnavailableError, "1 vectors for 3 texts"),
        (lambda: openai([[0.0] * 256] * 3), errors.IntelligenceUnavailableError, "without a direction"),
    ],
)
async def test_a_service_that_fails_says_how(
    remote: Remote, answer: Callable[[], Response], error: type[Exception], expected: str
) -> None:
    remote.server.answer = answer
    with pytest.raises(error, match=expected) as raised:
        await analysed(remote.client)
    assert "secret" not in str(raised.value), "what refuses a text may quote it"
    remote.server.answer = None
    assert (await analysed(remote.client)).embedding is not None


async def test_a_service_that_is_away_is_unavailable() -> None:
    (port,) = free_ports(1)
    async with service(embedding_service_url=f"http://127.0.0.1:{port}") as client:
        with pytest.raises(errors.IntelligenceUnavailableError, match="HTTP 503"):
            await analysed(client)
        assert (await analysed(client, kind=EnrichmentType.ENTITIES_ONLY)).entities_extracted == 2


async def test_the_version_is_of_the_embedder_too(bundled: IntelligenceClient, remote: Remote) -> None:
    other = {"embedding_service_url": remote.url, "embedding_model": "m"}
    async with service(**other) as named, service(**other, embedding_dimensions=8) as short:
        versions = [await client.version() for client in (bundled, remote.client, named, short)]
    assert [each.embedding_dimensions for each in versions] == [256, 256, 256, 8]
    assert len({each.analyser_version for each in versions}) == 4


async def test_the_bundled_model_has_its_own_dimensions() -> None:
    with pytest.raises(errors.ConfigurationError, match="EMBEDDING_DIMENSIONS"):
        async with service(embedding_dimensions=384):
            pass
