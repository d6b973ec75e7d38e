"""In: requests to analyse documents. Out: their analyses, or the reasons for failures, from the worker
processes."""

import asyncio
from collections.abc import Sequence
from itertools import islice
from typing import Annotated, NamedTuple

from pydantic import BaseModel, Field

from archon.contracts.analysis import AnalysisRequest, AnalysisResult
from archon.contracts.errors import (
    ArchonError,
    ContentMissingError,
    IntelligenceRejectedError,
    TooLargeError,
)
from archon.contracts.types import EnrichmentType
from intelligence.analysis.analyser import Draft, analyser_version, as_json, draft, written
from intelligence.service.embedders import BATCH_TEXTS, Embedder
from intelligence.service.pool import Pool, PoolError, parts

BATCH_DOCUMENTS = 100


class Batch(BaseModel):
    """Body of `POST /process/document/batch`."""

    documents: Annotated[list[AnalysisRequest], Field(min_length=1, max_length=BATCH_DOCUMENTS)]


class BatchItem(BaseModel):
    """One document's result or error: `error` starts with the field, `code` is for programs."""

    result: AnalysisResult | None = None
    error: str | None = None
    code: str | None = None


class BatchResult(BaseModel):
    results: list[BatchItem]


class Outcome(NamedTuple):
    """A BatchItem whose `result` is already JSON text."""

    result: bytes | None = None
    error: str | None = None
    code: str | None = None

    @property
    def json(self) -> bytes:
        if self.result is None:
            return BatchItem(error=self.error, code=self.code).model_dump_json().encode()
        return b'{"result":%b,"error":null,"code":null}' % self.result


class Processor:
    """`limit`: maximum size of a document in bytes. A result is an AnalysisResult as JSON text: the worker
    serialises it, and only the client parses it."""

    def __init__(self, pool: Pool, embedder: Embedder, limit: int) -> None:
        self._pool = pool
        self._embedder = embedder
        self._limit = limit

    async def one(self, request: AnalysisRequest, kind: EnrichmentType | None = None) -> bytes:
        """Raises ContentMissingError, TooLargeError, PoolError or, from the embedder, IntelligenceError."""
        work = (self._content(request), request.language, kind or request.enrichment_type)
        if self._embedder.bundled:
            return await self._pool.run(written, *work, self._version)
        return (await self._embedded([await self._pool.run(draft, *work)]))[0]

    async def each(self, requests: Sequence[AnalysisRequest]) -> list[Outcome]:
        """Results in order. A document that cannot be analysed does not affect the others."""
        outcomes: dict[int, Draft | bytes | ArchonError] = {}
        sound: dict[int, tuple[str, str | None, EnrichmentType]] = {}
        for number, request in enumerate(requests):
            try:
                sound[number] = (self._content(request), request.language, request.enrichment_type)
            except (ContentMissingError, TooLargeError) as error:
                outcomes[number] = error
        outcomes |= zip(sound, await self._analysed(list(sound.values())), strict=True)
        drafted = {number: each for number, each in outcomes.items() if isinstance(each, Draft)}
        outcomes |= zip(drafted, await self._completed(list(drafted.values())), strict=True)
        return [_outcome(number, outcomes[number]) for number in range(len(requests))]

    async def _analysed(
        self, works: Sequence[tuple[str, str | None, EnrichmentType]]
    ) -> Sequence[Draft | bytes | ArchonError]:
        sizes = [len(content) for content, *_ in works]
        if self._embedder.bundled:
            return await self._pool.run_each(written, [(*work, self._version) for work in works], sizes)
        return await self._pool.run_each(draft, works, sizes)

    async def _completed(self, drafts: Sequence[Draft]) -> list[bytes | ArchonError]:
        """Embeds texts of several documents together, up to the size of one request."""
        counts = [len(each.texts) for each in drafts]
        groups = [drafts[part] for part in parts(counts, BATCH_TEXTS)]
        found = await asyncio.gather(*map(self._apart, groups))
        return [each for group in found for each in group]

    async def _apart(self, drafts: Sequence[Draft]) -> list[bytes | ArchonError]:
        """A document whose texts are refused does not affect the others."""
        try:
            return [*await self._embedded(drafts)]
        except ArchonError as error:
            if len(drafts) == 1:
                return [error]
            return [each for alone in drafts for each in await self._apart([alone])]

    async def _embedded(self, drafts: Sequence[Draft]) -> list[bytes]:
        texts = [text for each in drafts for text in each.texts]
        vectors = iter(await self._embedder.embed(texts) if texts else [])
        return [
            as_json(each.complete(list(islice(vectors, len(each.texts))), self._version)) for each in drafts
        ]

    @property
    def _version(self) -> str:
        return analyser_version(self._embedder.identity)

    def _content(self, request: AnalysisRequest) -> str:
        content, limit = request.content, self._limit
        if content is None:
            raise ContentMissingError("content: this service keeps no documents; send the text")
        # A character has at most four bytes in UTF-8, so short text need not be encoded.
        if 4 * len(content) > limit and len(content.encode(errors="replace")) > limit:
            raise TooLargeError("content", f"more than {limit} bytes in UTF-8")
        return content


def _outcome(number: int, outcome: Draft | bytes | ArchonError) -> Outcome:
    if isinstance(outcome, bytes):
        return Outcome(outcome)
    message = (
        str(outcome) if isinstance(outcome, ContentMissingError | TooLargeError) else f"content: {outcome}"
    )
    return Outcome(error=f"documents.{number}.{message}", code=_code(outcome))


def _code(error: object) -> str:
    if isinstance(error, PoolError):
        return error.code
    codes = {
        ContentMissingError: "content_missing",
        TooLargeError: "too_large",
        IntelligenceRejectedError: "embedding_rejected",
    }
    return next((code for kind, code in codes.items() if isinstance(error, kind)), "embedding_failed")
