"""The intelligence client against a real HTTP server whose handlers answer each case."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

import pytest
from fastapi import FastAPI, Request, Response

from archon.clients.intelligence import IntelligenceClient, retry_after
from archon.contracts import errors
from archon.contracts.analysis import AnalysisRequest
from archon.contracts.types import EnrichmentType
from archon.runtime.http.serving import serve_http
from archon.runtime.local_ports import free_ports
from archon.runtime.settings import Settings
from tests import factories

Handler = Callable[[Request], Response]
FIVE = (
    '{"entities_extracted": 3, "quality_score": 0.5, "complexity_score": 0.1, '
    '"patterns_detected": [], "anti_patterns_detected": []}'
)


@contextlib.asynccontextmanager
async def answering(handler: Handler, seconds: float = 5) -> AsyncIterator[IntelligenceClient]:
    app = FastAPI()

    @app.api_route("/{path:path}", methods=["GET", "POST"])
    async def any_route(request: Request) -> Response:
        if request.url.path == "/slow":
            await asyncio.Event().wait()
        return handler(request)

    (port,) = free_ports(1)
    settings = Settings(intelligence_service_url=f"http://127.0.0.1:{port}", intelligence_timeout=seconds)
    async with serve_http(app, settings, port), IntelligenceClient.connect(settings) as client:
        yield client


def analysis_request() -> AnalysisRequest:
    of = factories.request()
    return AnalysisRequest(
        document_id=of.document_id,
        project_name="p",
        file_path="a.py",
        content_hash=of.content_hash,
        content="x",
    )


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (500, "oops", errors.IntelligenceUnavailableError),
        (503, "", errors.IntelligenceUnavailableError),
        (429, "", errors.IntelligenceThrottledError),
        (401, "", errors.IntelligenceAuthError),
        (403, "", errors.IntelligenceAuthError),
        (400, "", errors.IntelligenceRejectedError),
        (413, "", errors.IntelligenceRejectedError),
        (422, '{"code": "content_missing", "detail": "no text"}', errors.ContentMissingError),
        (422, '["not a problem"]', errors.IntelligenceRejectedError),
        (200, "rubbish", errors.IntelligenceResponseError),
        (200, '{"entities_extracted": 3}', errors.IntelligenceResponseError),
        (200, FIVE.replace("0.5", "7.5"), errors.IntelligenceResponseError),
    ],
)
async def test_each_failure_is_one_of_ours(status: int, body: str, error: type[Exception]) -> None:
    async with answering(lambda _: Response(body, status)) as client:
        with pytest.raises(error) as raised:
            await client.process(analysis_request())
    assert type(raised.value) is error


async def test_the_platforms_five_fields_are_enough() -> None:
    async with answering(lambda _: Response(FIVE)) as client:
        result = await client.process(analysis_request())
    assert (result.entities_extracted, result.entities, result.embedding) == (3, [], None)


async def test_a_refused_field_is_named() -> None:
    async with answering(lambda _: Response(FIVE.replace("0.5", '"high"'))) as client:
        with pytest.raises(errors.IntelligenceResponseError, match="quality_score"):
            await client.process(analysis_request())


async def test_retry_after_is_heard() -> None:
    async with answering(lambda _: Response("", 429, {"retry-after": "7"})) as client:
        with pytest.raises(errors.IntelligenceThrottledError) as raised:
            await client.process(analysis_request())
    assert raised.value.retry_after == 7
    assert retry_after("Wed, 21 Oct 2015 07:28:00 GMT") == 0
    assert retry_after("soon") is None


async def test_a_service_without_a_version_is_not_path_free() -> None:
    calls = []

    def handler(request: Request) -> Response:
        calls.append(request.url.path)
        return Response("", 404)

    async with answering(handler) as client:
        assert not (await client.version()).path_free
        await client.version()
    assert calls == ["/version"]


async def test_nobody_there_is_unavailable() -> None:
    settings = Settings(intelligence_service_url="http://127.0.0.1:1")
    async with IntelligenceClient.connect(settings) as client:
        with pytest.raises(errors.IntelligenceUnavailableError):
            await client.ping()


@pytest.mark.parametrize(
    ("kind", "path", "body"),
    [
        (EnrichmentType.FULL, "/process/document", FIVE),
        (EnrichmentType.INCREMENTAL, "/process/document", FIVE),
        (EnrichmentType.QUALITY_ONLY, "/assess/code", FIVE.replace('"entities_extracted": 3, ', "")),
        (EnrichmentType.ENTITIES_ONLY, "/extract/code", '{"entities_extracted": 3}'),
    ],
)
async def test_each_type_has_its_route_and_a_part_answers_its_part(
    kind: EnrichmentType, path: str, body: str
) -> None:
    called: list[str] = []

    def handler(request: Request) -> Response:
        called.append(request.url.path)
        return Response(body, media_type="application/json")

    async with answering(handler) as client:
        found = await client.process(analysis_request().model_copy(update={"enrichment_type": kind}))
    assert called == [path]
    assert found.entities_extracted == (0 if kind is EnrichmentType.QUALITY_ONLY else 3)
    assert found.quality_score == (None if kind is EnrichmentType.ENTITIES_ONLY else 0.5)
