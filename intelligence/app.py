"""In: documents over HTTP. Out: their analyses; worker processes do the CPU work."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from importlib.metadata import version
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, FastAPI, Request, Response
from fastapi.responses import JSONResponse
from fastapi_offline import FastAPIOffline
from pydantic import BaseModel

from archon.contracts.analysis import (
    AnalysisRequest,
    AnalysisResult,
    EmbedRequest,
    EmbedResponse,
    ServiceVersion,
)
from archon.contracts.errors import ContentMissingError, IntelligenceRejectedError
from archon.contracts.types import EnrichmentType
from archon.runtime.http import problems
from archon.runtime.http.body_limit import BodyLimitMiddleware
from archon.runtime.http.health import health_router
from archon.runtime.http.json_bodies import JsonRoute
from archon.runtime.http.serving import serve_http
from archon.runtime.settings import Settings
from archon.runtime.tasks import stop_on_signals
from archon.runtime.telemetry.http import TracingMiddleware
from archon.runtime.telemetry.metrics import Exposition
from intelligence.analysis import analyser
from intelligence.embedding import terms
from intelligence.service import embedders
from intelligence.service.access import guard
from intelligence.service.embedders import Embedder
from intelligence.service.pool import Pool, PoolError
from intelligence.service.processing import Batch, BatchResult, Processor

BODY_DOCUMENTS = 8
"""Maximum body size, as a multiple of the largest document: JSON may encode a byte as six, and a batch has
many documents."""
REFUSED: Final[dict[int | str, dict[str, Any]]] = {
    400: problems.described("The body cannot be read"),
    401: problems.described("The bearer key is missing or wrong, where the service has one"),
    413: problems.described("The document is larger than INTELLIGENCE_MAX_DOCUMENT_BYTES, or the body"),
    415: problems.described("The body is not JSON in Unicode, plain or compressed by gzip or zstd"),
    422: problems.described(
        "Invalid input; `content_missing`; `embedding_rejected`; or a document that cannot be analysed:"
        " `time_limit` (it takes longer than INTELLIGENCE_TIME_LIMIT), `memory_limit` (it needs more than"
        " INTELLIGENCE_MEMORY_LIMIT), `worker_died`, `analysis_failed`"
    ),
    502: problems.described("The embedding service's answer is invalid, or it does not accept our key"),
    503: problems.described("The embedding service is unreachable or busy"),
}


class Health(BaseModel):
    """`simulated_latency`: artificial delay of each answer, in seconds."""

    status: str = "healthy"
    simulated_latency: float = 0


def create_app(settings: Settings) -> FastAPI:
    """The service; its worker processes live as long as its lifespan."""

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        workers = settings.intelligence_workers or os.cpu_count() or 1
        app.state.pool = Pool(
            workers,
            settings.intelligence_time_limit,
            analyser.warm_up,
            settings.intelligence_memory_limit,
        )
        try:
            async with embedders.connected(settings, app.state.pool) as embedder:
                app.state.embedder = embedder
                app.state.processor = Processor(
                    app.state.pool, embedder, settings.intelligence_max_document_bytes
                )
                await app.state.pool.warm()
                yield
        finally:
            app.state.pool.close()

    app = FastAPIOffline(
        redoc_url=None,
        title="Archon intelligence",
        version=version("archon-enrichment"),
        summary="Entities, scores, patterns and an embedding from a document's text.",
        lifespan=lifespan,
    )
    problems.install(app)
    app.add_middleware(BodyLimitMiddleware, limit=BODY_DOCUMENTS * settings.intelligence_max_document_bytes)
    app.add_middleware(TracingMiddleware)
    app.add_exception_handler(ContentMissingError, _on_content_missing)
    app.add_exception_handler(PoolError, _on_pool_error)
    app.add_exception_handler(IntelligenceRejectedError, _on_text_refused)
    app.state.simulated_latency = settings.intelligence_simulated_latency
    guarded = APIRouter(
        dependencies=[Depends(guard(settings.intelligence_api_key))],
        responses=REFUSED,
        route_class=JsonRoute,
    )
    analysing = APIRouter(dependencies=[Depends(_simulate_latency)], route_class=JsonRoute)
    _install_processing(analysing)
    guarded.include_router(analysing)
    _install_rest(guarded, settings.embedding_dimensions)
    app.include_router(guarded)
    app.add_api_route("/health", health, operation_id="health", tags=["health"])
    app.include_router(health_router(dict, Exposition.of("intelligence")))
    return app


async def _processor(request: Request) -> Processor:
    processor: Processor = request.app.state.processor
    return processor


ProcessorDep = Annotated[Processor, Depends(_processor)]


async def _embedder(request: Request) -> Embedder:
    embedder: Embedder = request.app.state.embedder
    return embedder


EmbedderDep = Annotated[Embedder, Depends(_embedder)]


async def _latency(request: Request) -> float:
    latency: float = request.app.state.simulated_latency
    return latency


LatencyDep = Annotated[float, Depends(_latency)]


async def _simulate_latency(latency: LatencyDep) -> None:
    """Waits outside the pool: a slow external service would not use our processors either."""
    await asyncio.sleep(latency)


async def health(latency: LatencyDep) -> Health:
    """Whether the service accepts documents."""
    return Health(simulated_latency=latency)


class Written(Response):
    """JSON text from a worker process, passed through without parsing it again."""

    media_type = "application/json"


def _install_processing(router: APIRouter) -> None:
    analysis: dict[str, Any] = {"response_model": AnalysisResult, "tags": ["analysis"]}

    @router.post("/process/document", operation_id="process_document", **analysis)
    async def process_document(request: AnalysisRequest, processor: ProcessorDep) -> Response:
        """Analyse one document; `enrichment_type` selects the parts."""
        return Written(await processor.one(request))

    @router.post(
        "/process/document/batch",
        operation_id="process_documents",
        response_model=BatchResult,
        tags=["analysis"],
    )
    async def process_documents(batch: Batch, processor: ProcessorDep) -> Response:
        """Analyse many documents; one that fails does not affect the others."""
        outcomes = await processor.each(batch.documents)
        return Written(b'{"results":[%b]}' % b",".join(outcome.json for outcome in outcomes))

    @router.post("/extract/code", operation_id="extract_code", **analysis)
    async def extract_code(request: AnalysisRequest, processor: ProcessorDep) -> Response:
        """Entities and relationships only."""
        return Written(await processor.one(request, EnrichmentType.ENTITIES_ONLY))

    @router.post("/assess/code", operation_id="assess_code", **analysis)
    async def assess_code(request: AnalysisRequest, processor: ProcessorDep) -> Response:
        """Scores, patterns and anti-patterns only."""
        return Written(await processor.one(request, EnrichmentType.QUALITY_ONLY))


def _install_rest(router: APIRouter, dimensions: int) -> None:
    @router.post("/embed", operation_id="embed_texts", tags=["embedding"])
    async def embed_texts(request: EmbedRequest, embedder: EmbedderDep) -> EmbedResponse:
        """Both signals of each text as a query, in order: a vector of unit length, and its terms."""
        return EmbedResponse(
            embeddings=await embedder.embed(request.texts), terms=list(map(terms.of_query, request.texts))
        )

    @router.get("/version", operation_id="get_version", tags=["health"])
    async def get_version(latency: LatencyDep, embedder: EmbedderDep) -> ServiceVersion:
        """The analyser's version, which changes whenever results may change."""
        return ServiceVersion(
            name="archon-intelligence",
            version=version("archon-enrichment"),
            analyser_version=analyser.analyser_version(embedder.identity),
            path_free=True,
            embedding_dimensions=dimensions,
            simulated_latency=latency,
        )


async def _on_content_missing(request: Request, error: Exception) -> JSONResponse:
    problem = problems.Problem(title="Content missing", status=422, detail=str(error), code="content_missing")
    return problems.respond(problem, request)


async def _on_pool_error(request: Request, error: Exception) -> JSONResponse:
    """The document is at fault, not the service: the same text would fail again."""
    assert isinstance(error, PoolError)
    problem = problems.Problem(
        title="Analysis failed",
        status=422,
        detail=f"content: {error}",
        code=error.code,
        errors=[{"field": "content", "reason": str(error)}],
    )
    return problems.respond(problem, request)


async def _on_text_refused(request: Request, error: Exception) -> JSONResponse:
    problem = problems.Problem(title="Text refused", status=422, detail=str(error), code="embedding_rejected")
    return problems.respond(problem, request)


async def run(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT."""
    app = create_app(settings)
    async with stop_on_signals() as stop, serve_http(app, settings, settings.intelligence_port):
        await stop.wait()
