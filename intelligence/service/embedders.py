"""In: settings. Out: the selected embedder: the bundled model, or a service with OpenAI's protocol.

The protocol is `POST {url}/embeddings` {model, input} -> {data: [{index, embedding}]}.
"""

import asyncio
import contextlib
import math
from array import array
from collections.abc import AsyncIterator, Sequence
from typing import Final, Protocol

import httpx
from pydantic import BaseModel, ValidationError

from archon.contracts.errors import (
    ConfigurationError,
    IntelligenceAuthError,
    IntelligenceRejectedError,
    IntelligenceResponseError,
    IntelligenceThrottledError,
    IntelligenceUnavailableError,
)
from archon.contracts.packed import Vector
from archon.runtime.http.clients import bearer, retry_after
from archon.runtime.reasons import in_words, place
from archon.runtime.settings import Settings
from intelligence.embedding import vectors as embedding
from intelligence.service.pool import Pool

BATCH_TEXTS: Final = 96
_AT_ONCE: Final = 4
"""Maximum number of concurrent requests of one process to the embedding service."""
_CONNECT_SECONDS: Final = 3.0
_FEW: Final = 4
_DETAIL_CHARACTERS: Final = 300
_OF_THE_TEXT: Final = frozenset({400, 413, 422})


class Embedder(Protocol):
    """`identity` changes whenever vectors may change; `bundled`: whether the worker processes can use the
    same model themselves. Raises IntelligenceError."""

    @property
    def bundled(self) -> bool: ...

    @property
    def identity(self) -> str: ...

    async def embed(self, texts: Sequence[str]) -> list[Vector]:
        """One vector of unit length for each text, in order."""
        ...


@contextlib.asynccontextmanager
async def connected(settings: Settings, pool: Pool) -> AsyncIterator[Embedder]:
    """Raises ConfigurationError if the dimensions differ from the bundled model's."""
    if settings.embedding_service_url:
        async with _Remote.connect(settings) as remote:
            yield remote
        return
    if settings.embedding_dimensions != embedding.DIMENSIONS:
        raise ConfigurationError(
            f"EMBEDDING_DIMENSIONS: the bundled model has {embedding.DIMENSIONS}; another one needs"
            " EMBEDDING_SERVICE_URL"
        )
    yield _Bundled(pool)


class _Bundled:
    bundled = True
    identity = embedding.IDENTITY

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def embed(self, texts: Sequence[str]) -> list[Vector]:
        """In this process: a query takes a millisecond and must not queue behind documents."""
        if len(texts) <= _FEW:
            return await asyncio.to_thread(embedding.embed_queries, texts)
        return await self._pool.run(embedding.embed_queries, texts)


class _Item(BaseModel):
    index: int
    embedding: list[float]


class _Answer(BaseModel):
    data: list[_Item]


class _Remote:
    bundled = False

    def __init__(self, http: httpx.AsyncClient, model: str, dimensions: int) -> None:
        self._http = http
        self._model = model
        self._dimensions = dimensions
        self._slots = asyncio.Semaphore(_AT_ONCE)

    @classmethod
    @contextlib.asynccontextmanager
    async def connect(cls, settings: Settings) -> AsyncIterator["_Remote"]:
        async with httpx.AsyncClient(
            base_url=settings.embedding_service_url,
            timeout=httpx.Timeout(settings.intelligence_time_limit, connect=_CONNECT_SECONDS),
            headers=bearer(settings.embedding_api_key),
        ) as http:
            yield cls(http, settings.embedding_model, settings.embedding_dimensions)

    @property
    def identity(self) -> str:
        return f"{self._http.base_url} {self._model} {self._dimensions}"

    async def embed(self, texts: Sequence[str]) -> list[Vector]:
        batches = [texts[start : start + BATCH_TEXTS] for start in range(0, len(texts), BATCH_TEXTS)]
        found = await asyncio.gather(*map(self._batch, batches))
        return [vector for vectors in found for vector in vectors]

    async def _batch(self, texts: Sequence[str]) -> list[Vector]:
        # Some services refuse a text without words.
        body = {"input": [text if text.strip() else "empty" for text in texts], "encoding_format": "float"}
        if self._model:
            body["model"] = self._model
        async with self._slots:
            try:
                response = await self._http.post("/embeddings", json=body)
            except httpx.RequestError as error:
                at = place(str(self._http.base_url), "embedding_service_url")
                reason = f"the embedding service at {at}: {in_words(error)}"
                raise IntelligenceUnavailableError(reason) from error
        _require_success(response)
        return self._vectors(response, len(texts))

    def _vectors(self, response: httpx.Response, count: int) -> list[Vector]:
        """Raises IntelligenceResponseError."""
        try:
            items = _Answer.model_validate_json(response.content).data
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            raise _garbled(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from error
        if sorted(item.index for item in items) != list(range(count)):
            raise _garbled(f"{len(items)} vectors for {count} texts")
        return [self._unit(item.embedding) for item in sorted(items, key=lambda item: item.index)]

    def _unit(self, vector: Sequence[float]) -> Vector:
        if len(vector) != self._dimensions:
            raise _garbled(
                f"vectors of {len(vector)} dimensions, but EMBEDDING_DIMENSIONS is {self._dimensions}"
            )
        length = math.hypot(*vector)
        if not math.isfinite(length) or length == 0:
            raise _garbled("a vector without a direction")
        return array("f", [value / length for value in vector])


def _garbled(reason: str) -> IntelligenceResponseError:
    return IntelligenceResponseError(f"embedding service answered {reason}")


def _require_success(response: httpx.Response) -> None:
    if response.is_success:
        return
    # A message about a refused text may quote the text.
    status = response.status_code
    if status in _OF_THE_TEXT:
        raise IntelligenceRejectedError(f"embedding service: HTTP {status}")
    message = f"embedding service: HTTP {status}: {response.text[:_DETAIL_CHARACTERS]}"
    if status == httpx.codes.TOO_MANY_REQUESTS:
        raise IntelligenceThrottledError(message, retry_after(response.headers.get("retry-after")))
    if status in {httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN}:
        raise IntelligenceAuthError(message)
    raise IntelligenceUnavailableError(message)
