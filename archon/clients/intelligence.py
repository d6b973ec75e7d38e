"""In: documents and texts. Out: analyses and embeddings of the intelligence service, or its failure as one of
our errors."""

import contextlib
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractContextManager
from typing import Any, Final, TypeVar

import httpx
from opentelemetry.trace import Span
from pydantic import BaseModel, ValidationError

from archon.contracts.analysis import (
    AnalysisRequest,
    AnalysisResult,
    Assessment,
    EmbedRequest,
    EmbedResponse,
    Extraction,
    ServiceVersion,
)
from archon.contracts.errors import (
    ArchonError,
    ContentMissingError,
    IntelligenceAuthError,
    IntelligenceError,
    IntelligenceRejectedError,
    IntelligenceResponseError,
    IntelligenceThrottledError,
    IntelligenceUnavailableError,
)
from archon.contracts.types import EnrichmentType
from archon.runtime.http.clients import Transport, bearer, retry_after
from archon.runtime.reasons import in_words, place
from archon.runtime.settings import Settings
from archon.runtime.telemetry import metrics, tracing

_VERSION_SECONDS: Final = 60.0
_CONNECT_SECONDS: Final = 3.0
_DETAIL_CHARACTERS: Final = 500
_PARTS: Final[Mapping[EnrichmentType, tuple[str, type[AnalysisResult]]]] = {
    EnrichmentType.QUALITY_ONLY: ("/assess/code", Assessment),
    EnrichmentType.ENTITIES_ONLY: ("/extract/code", Extraction),
}
_WHOLE: Final = ("/process/document", AnalysisResult)
Answer = TypeVar("Answer", bound=BaseModel)


class IntelligenceClient:
    """Raises IntelligenceError, or ContentMissingError if the service needs a text that the request lacks."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http
        self._place = f"the intelligence service at {place(str(http.base_url), 'intelligence_service_url')}"
        self._server = tracing.server(str(http.base_url))
        self._version: tuple[float, ServiceVersion] | None = None

    @classmethod
    @contextlib.asynccontextmanager
    async def connect(cls, settings: Settings) -> AsyncIterator["IntelligenceClient"]:
        timeout = httpx.Timeout(settings.intelligence_timeout, connect=_CONNECT_SECONDS)
        async with httpx.AsyncClient(
            base_url=settings.intelligence_service_url,
            timeout=timeout,
            headers=bearer(settings.intelligence_api_key),
            transport=Transport(),
        ) as http:
            yield cls(http)

    async def version(self) -> ServiceVersion:
        """Called at most once a minute; a service without `/version` gets the defaults."""
        now = time.monotonic()
        if self._version is None or now - self._version[0] > _VERSION_SECONDS:
            try:
                found = await self._call("GET", "/version", ServiceVersion)
            except IntelligenceRejectedError:
                found = ServiceVersion()
            self._version = (now, found)
        return self._version[1]

    async def process(self, request: AnalysisRequest) -> AnalysisResult:
        """The whole analysis, or the requested part from its own route."""
        path, model = _PARTS.get(request.enrichment_type, _WHOLE)
        body = request.model_dump_json(exclude_none=True).encode()
        metrics.INTELLIGENCE_REQUESTS.inc()
        try:
            with metrics.INTELLIGENCE_SECONDS.time():
                return await self._call("POST", path, model, body)
        except ArchonError as error:
            metrics.INTELLIGENCE_ERRORS.labels(type(error).__name__).inc()
            raise

    async def embed(self, texts: list[str]) -> EmbedResponse:
        """One vector for each text, in order, and its terms, if the service returns them."""
        body = EmbedRequest(texts=texts).model_dump_json().encode()
        answer = await self._call("POST", "/embed", EmbedResponse, body)
        for what, found in (("vectors", answer.embeddings), ("terms", answer.terms)):
            if found is not None and len(found) != len(texts):
                raise IntelligenceResponseError(
                    f"{self._place}: /embed: {len(found)} {what} for {len(texts)} texts"
                )
        return answer

    async def ping(self) -> None:
        with translated(self._place):
            response = await self._http.get("/health", timeout=_CONNECT_SECONDS)
        if not response.is_success:
            raise _refused(response, self._place)

    def _span(self, method: str, path: str) -> AbstractContextManager[Span]:
        attributes = {"http.request.method": method, "url.template": path, **self._server}
        return tracing.within(f"{method} {path}", attributes)

    async def _call(self, method: str, path: str, model: type[Answer], body: bytes | None = None) -> Answer:
        with self._span(method, path) as span:
            headers = tracing.headers()
            if body is not None:
                headers["content-type"] = "application/json"
            with translated(self._place):
                response = await self._http.request(method, path, content=body, headers=headers)
            span.set_attribute("http.response.status_code", response.status_code)
            if not response.is_success:
                raise _refused(response, self._place)
        try:
            return model.model_validate_json(response.content)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            field = ".".join(str(part) for part in first["loc"]) or "body"
            raise IntelligenceResponseError(
                f"{self._place}: {path} answered {field}: {first['msg']}"
            ) from error


@contextlib.contextmanager
def translated(place: str = "the intelligence service") -> Any:
    """Raises the client's errors as ours. `place`: the service's address and setting."""
    try:
        yield
    except httpx.RequestError as error:
        raise IntelligenceUnavailableError(f"{place}: {in_words(error)}") from error
    except httpx.InvalidURL as error:
        raise IntelligenceRejectedError(str(error)) from error


def _refused(
    response: httpx.Response, place: str = "the intelligence service"
) -> IntelligenceError | ContentMissingError:
    problem = _problem(response)
    reason = f"{place}: HTTP {response.status_code}: {_detail(problem, response)}"
    if response.is_server_error or response.status_code == httpx.codes.REQUEST_TIMEOUT:
        return IntelligenceUnavailableError(reason)
    if response.status_code == httpx.codes.TOO_MANY_REQUESTS:
        return IntelligenceThrottledError(reason, retry_after(response.headers.get("retry-after")))
    if response.status_code in {httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN}:
        return IntelligenceAuthError(f"{reason}; INTELLIGENCE_API_KEY is missing or wrong")
    if problem.get("code") == "content_missing":
        return ContentMissingError(reason)
    return IntelligenceRejectedError(reason)


def _detail(problem: Mapping[str, Any], response: httpx.Response) -> str:
    """The service's own message. A detail that is not text, such as a framework's list of errors, may quote
    the document and is omitted."""
    if not problem:
        return response.text[:_DETAIL_CHARACTERS]
    detail = problem.get("detail")
    return detail[:_DETAIL_CHARACTERS] if isinstance(detail, str) else "no detail"


def _problem(response: httpx.Response) -> Mapping[str, Any]:
    try:
        body = response.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}
