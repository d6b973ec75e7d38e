"""In: documents over HTTP. Out: their analyses; the CPU work is done in worker processes."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from importlib.metadata import version
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.responses import JSONResponse
from fastapi_offline import FastAPIOffline
from pydantic import BaseModel, Field

from archon.contracts.analysis import (
    AnalysisRequest,
    AnalysisResult,
    EmbedRequest,
    EmbedResponse,
    ServiceVersion,
)
from archon.contracts.errors import ArchonError, ContentMissingError, IntelligenceRejectedError
from archon.contracts.types import EnrichmentType
from archon.runtime import problems
from archon.runtime.health import health_router
from archon.runtime.lifecycle import serve_http, stop_on_signals
from archon.runtime.metrics import Exposition
from archon.runtime.settings import Settings
from archon.runtime.tracing_http import TracingMiddleware
from intelligence import analyser, embedders, terms
from intelligence.access import guard
from intelligence.embedders import Embedder
from intelligence.pool import Pool, TimeLimitError, WorkerDiedError

BATCH_DOCUMENTS = 100
REFUSED: Final[dict[int | str, dict[str, Any]]] = {
    400: problems.described("The body cannot be read"),
    401: problems.described("The bearer key is missing or wrong, where the service has one"),
    422: problems.described("Invalid input, `content_missing`, or `embedding_rejected`"),
    502: problems.described("The embedding service's answer is of no use, or it does not know us"),
    503: problems.described("The embedding service is unreachable or busy"),
    504: problems.described("The analysis took longer than INTELLIGENCE_TIME_LIMIT"),
}


class Health(BaseModel):
    """`simulated_latency`: seconds by which answers are made slower."""

    status: str = "healthy"
    simulated_latency: float = 0


class Batch(BaseModel):
    """Body of `POST /process/document/batch`."""

    documents: Annotated[list[AnalysisRequest], Field(min_length=1, max_length=BATCH_DOCUMENTS)]


class BatchItem(BaseModel):
    """One document's result, or why it has none."""

    result: AnalysisResult | None = None
    error: str | None = None


class BatchResult(BaseModel):
    results: list[BatchItem]


def create_app(settings: Settings) -> FastAPI:
    """The service; its worker processes live as long as its lifespan."""

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        workers = settings.intelligence_workers or os.cpu_count() or 1
        app.state.pool = Pool(workers, settings.intelligence_time_limit)
        try:
            async with embedders.connected(settings, app.state.pool) as app.state.embedder:
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
    app.add_middleware(TracingMiddleware)
    app.add_exception_handler(ContentMissingError, _on_content_missing)
    app.add_exception_handler(TimeLimitError, _on_time_limit)
    app.add_exception_handler(WorkerDiedError, _on_worker_died)
    app.add_exception_handler(IntelligenceRejectedError, _on_text_refused)
    app.state.simulated_latency = settings.intelligence_simulated_latency
    guarded = APIRouter(dependencies=[Depends(guard(settings.intelligence_api_key))], responses=REFUSED)
    analysing = APIRouter(dependencies=[Depends(_simulate_latency)])
    _install_processing(analysing)
    guarded.include_router(analysing)
    _install_rest(guarded, settings.embedding_dimensions)
    app.include_router(guarded)
    app.add_api_route("/health", health, operation_id="health", tags=["health"])
    app.include_router(health_router(dict, Exposition.of("intelligence")))
    return app


def _pool(request: Request) -> Pool:
    pool: Pool = request.app.state.pool
    return pool


PoolDep = Annotated[Pool, Depends(_pool)]


def _embedder(request: Request) -> Embedder:
    embedder: Embedder = request.app.state.embedder
    return embedder


EmbedderDep = Annotated[Embedder, Depends(_embedder)]


def _latency(request: Request) -> float:
    latency: float = request.app.state.simulated_latency
    return latency


LatencyDep = Annotated[float, Depends(_latency)]


async def _simulate_latency(latency: LatencyDep) -> None:
    """Outside the pool: a slow service of another kind would not hold our processors meanwhile."""
    await asyncio.sleep(latency)


async def _process(
    pool: Pool, embedder: Embedder, request: AnalysisRequest, kind: EnrichmentType | None = None
) -> AnalysisResult:
    if request.content is None:
        raise ContentMissingError("content: this service keeps no documents; send the text")
    kind = kind or request.enrichment_type
    drafted = await pool.run(analyser.draft, request.content, request.language, kind)
    vectors = await embedder.embed(drafted.texts) if drafted.texts else []
    return drafted.complete(vectors, analyser.analyser_version(embedder.identity))


async def health(latency: LatencyDep) -> Health:
    """Whether the service takes documents."""
    return Health(simulated_latency=latency)


def _install_processing(router: APIRouter) -> None:
    @router.post("/process/document", operation_id="process_document", tags=["analysis"])
    async def process_document(
        request: AnalysisRequest, pool: PoolDep, embedder: EmbedderDep
    ) -> AnalysisResult:
        """Analyse one document; `enrichment_type` says how much of it."""
        return await _process(pool, embedder, request)

    @router.post("/process/document/batch", operation_id="process_documents", tags=["analysis"])
    async def process_documents(batch: Batch, pool: PoolDep, embedder: EmbedderDep) -> BatchResult:
        """Analyse many documents, each by itself: one that fails does not touch the others."""

        async def one(request: AnalysisRequest) -> BatchItem:
            try:
                return BatchItem(result=await _process(pool, embedder, request))
            except ArchonError as error:
                return BatchItem(error=str(error))

        return BatchResult(results=list(await asyncio.gather(*map(one, batch.documents))))

    @router.post("/extract/code", operation_id="extract_code", tags=["analysis"])
    async def extract_code(request: AnalysisRequest, pool: PoolDep, embedder: EmbedderDep) -> AnalysisResult:
        """Entities and relationships alone."""
        return await _process(pool, embedder, request, EnrichmentType.ENTITIES_ONLY)

    @router.post("/assess/code", operation_id="assess_code", tags=["analysis"])
    async def assess_code(request: AnalysisRequest, pool: PoolDep, embedder: EmbedderDep) -> AnalysisResult:
        """Scores, patterns and anti-patterns alone."""
        return await _process(pool, embedder, request, EnrichmentType.QUALITY_ONLY)


def _install_rest(router: APIRouter, dimensions: int) -> None:
    @router.post("/embed", operation_id="embed_texts", tags=["embedding"])
    async def embed_texts(request: EmbedRequest, embedder: EmbedderDep) -> EmbedResponse:
        """The two signals of a query that is each text, in order: a vector of unit length, and its terms."""
        return EmbedResponse(
            embeddings=await embedder.embed(request.texts), terms=list(map(terms.of_query, request.texts))
        )

    @router.get("/version", operation_id="get_version", tags=["health"])
    async def get_version(latency: LatencyDep, embedder: EmbedderDep) -> ServiceVersion:
        """The analyser's version, which changes whenever results may."""
        return ServiceVersion(
            name="archon-intelligence",
            version=version("archon-enrichment"),
            analyser_version=analyser.analyser_version(embedder.identity),
            path_free=True,
            embedding_dimensions=dimensions,
            simulated_latency=latency,
        )


def _problem(request: Request, status: int, title: str, error: Exception, code: str) -> JSONResponse:
    problem = problems.Problem(title=title, status=status, detail=str(error), code=code)
    return problems.respond(problem, request)


async def _on_content_missing(request: Request, error: Exception) -> Any:
    return _problem(request, 422, "Content missing", error, "content_missing")


async def _on_text_refused(request: Request, error: Exception) -> Any:
    return _problem(request, 422, "Text refused", error, "embedding_rejected")


async def _on_time_limit(request: Request, error: Exception) -> Any:
    return _problem(request, 504, "Time limit exceeded", error, "time_limit")


async def _on_worker_died(request: Request, error: Exception) -> Any:
    return _problem(request, 500, "Analysis failed", error, "worker_died")


async def run(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT."""
    app = create_app(settings)
    async with stop_on_signals() as stop, serve_http(app, settings, settings.intelligence_port):
        await stop.wait()
