"""In: requests to analyse documents. Out: their analyses, or why one has none, by the worker processes."""

from collections.abc import Sequence
from typing import Annotated

from pydantic import BaseModel, Field

from archon.contracts.analysis import AnalysisRequest, AnalysisResult
from archon.contracts.errors import ArchonError, ContentMissingError, TooLargeError
from archon.contracts.types import EnrichmentType
from intelligence import analyser
from intelligence.pool import Pool, PoolError

BATCH_DOCUMENTS = 100


class Batch(BaseModel):
    """Body of `POST /process/document/batch`."""

    documents: Annotated[list[AnalysisRequest], Field(min_length=1, max_length=BATCH_DOCUMENTS)]


class BatchItem(BaseModel):
    """One document's result, or why it has none: `error` begins with the field, `code` tells programs."""

    result: AnalysisResult | None = None
    error: str | None = None
    code: str | None = None


class BatchResult(BaseModel):
    results: list[BatchItem]


class Processor:
    """`limit` is the size in bytes of the largest document."""

    def __init__(self, pool: Pool, limit: int) -> None:
        self._pool = pool
        self._limit = limit

    async def one(self, request: AnalysisRequest, kind: EnrichmentType | None = None) -> AnalysisResult:
        """Raises ContentMissingError, TooLargeError or PoolError."""
        content = self._content(request)
        return await self._pool.run(
            analyser.analyse, content, request.language, kind or request.enrichment_type
        )

    async def each(self, requests: Sequence[AnalysisRequest]) -> list[BatchItem]:
        """In order. One that cannot be analysed does not touch the others."""
        items: dict[int, BatchItem] = {}
        sound: dict[int, tuple[str, str | None, EnrichmentType]] = {}
        for number, request in enumerate(requests):
            try:
                sound[number] = (self._content(request), request.language, request.enrichment_type)
            except (ContentMissingError, TooLargeError) as error:
                items[number] = _refused(number, error)
        sizes = [len(content) for content, *_ in sound.values()]
        outcomes = await self._pool.run_each(analyser.analyse, list(sound.values()), sizes)
        for number, outcome in zip(sound, outcomes, strict=True):
            found = BatchItem(result=outcome) if isinstance(outcome, AnalysisResult) else None
            items[number] = found or _refused(number, outcome)
        return [items[number] for number in range(len(requests))]

    def _content(self, request: AnalysisRequest) -> str:
        content, limit = request.content, self._limit
        if content is None:
            raise ContentMissingError("content: this service keeps no documents; send the text")
        # A character has at most four bytes in UTF-8: what is short need not be encoded to know.
        if 4 * len(content) > limit and len(content.encode(errors="replace")) > limit:
            raise TooLargeError("content", f"more than {limit} bytes in UTF-8")
        return content


def _refused(number: int, error: object) -> BatchItem:
    prefix = f"documents.{number}."
    if isinstance(error, PoolError):
        return BatchItem(error=f"{prefix}content: {error}", code=error.code)
    assert isinstance(error, ArchonError)
    missing = isinstance(error, ContentMissingError)
    return BatchItem(error=f"{prefix}{error}", code="content_missing" if missing else "too_large")
