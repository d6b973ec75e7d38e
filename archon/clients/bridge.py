"""In: calls of a verb. Out: the bridge's typed answers, or our errors with the problem."""

import asyncio
import contextlib
import math
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from random import uniform
from typing import Any, Final, TypeVar
from urllib.parse import quote

import httpx
from httpx_sse import EventSource
from pydantic import BaseModel

from archon.contracts.documents import DocumentAccepted
from archon.contracts.errors import (
    ArchonError,
    ForbiddenError,
    InvalidInputError,
    NotFoundError,
    NotParkedError,
    StoreUnavailableError,
    UnauthorizedError,
)
from archon.contracts.estate import EstateStatus
from archon.contracts.operations.dead_letters import (
    DeadLetterFilter,
    DeadLetterList,
    ParkedAnswer,
    StoredDeadLetter,
)
from archon.contracts.operations.deletion import DeletionReceipt
from archon.contracts.operations.parked import ParkedDocument, ParkedPage
from archon.contracts.streams import HEADER_LAST_EVENT_ID
from archon.contracts.views import DocumentPage, DocumentRow, DocumentView, SearchResults, Statistics
from archon.runtime.flow.backoff import Backoff
from archon.runtime.http.clients import bearer, retry_after
from archon.runtime.http.health import Readiness
from archon.runtime.reasons import in_words, place
from archon.runtime.settings import Settings

_STREAM: Final = httpx.Timeout(30, read=45)
"""A stream sends a keep-alive every 15 seconds."""
_LONGEST_PAUSE: Final = 5.0

Parameter = str | int | float | Sequence[str] | None
Found = TypeVar("Found", bound=BaseModel)


class BridgeApi:
    """The bridge over HTTP. Raises StoreUnavailableError if it is unreachable or answers 5xx,
    InvalidInputError or NotFoundError for a refused request, UnauthorizedError or ForbiddenError for a
    refused caller."""

    def __init__(self, http: httpx.AsyncClient, patience: float = 0.0) -> None:
        self._http = http
        self._place = place(str(http.base_url), "bridge_url")
        self._patience = patience
        self._has_answered = False
        self.on_wait: Callable[[str], None] = lambda _: None
        """Called with a message while the bridge is unreachable."""
        self.last_away = -math.inf
        """Last time it was unreachable, by time.monotonic()."""

    @classmethod
    @contextlib.asynccontextmanager
    async def connect(cls, settings: Settings, patience: float = 0.0) -> AsyncIterator["BridgeApi"]:
        """After its first answer the bridge may be unreachable for `patience` seconds; each call waits that
        long."""
        # A client that indexes many documents watches their enrichment by other means.
        headers = {**bearer(settings.bridge_api_key), "prefer": "respond-async"}
        async with httpx.AsyncClient(base_url=settings.bridge_url, timeout=30, headers=headers) as http:
            yield cls(http, patience)

    async def read(self, path: str, **params: str | int | None) -> Any:
        """The JSON of an answer, for callers that accept unknown fields."""
        return await self._call("GET", path, params=_given(**params))

    async def graph(
        self, question: str, answer: type[Found], body: BaseModel | None = None, **params: Parameter
    ) -> Found:
        """The answer to a question about code, a route below /graph. Raises NotFoundError with near
        matches."""
        path, given = f"/graph/{question}", _given(**params)
        if body is None:
            found = await self._call("GET", path, params=given)
        else:
            found = await self._call("POST", path, params=given, json=body.model_dump(mode="json"))
        return answer.model_validate(found)

    async def readiness(self) -> Readiness:
        """The bridge's readiness, with the services and stores behind it."""
        try:
            response = await self._http.get("/readyz")
            return Readiness.model_validate_json(response.content)
        except (httpx.TransportError, ValueError) as error:
            raise StoreUnavailableError("bridge", f"{self._http.base_url} does not answer") from error

    async def index(self, document: Mapping[str, Any]) -> DocumentAccepted:
        return DocumentAccepted.model_validate(await self._call("POST", "/document", json=document))

    async def document(self, document_id: str, project: str | None = None) -> DocumentView:
        found = await self._call("GET", f"/document/{segment(document_id)}", params=_given(project=project))
        return DocumentView.model_validate(found)

    async def search(self, text: str, limit: int = 10, **filters: str | None) -> SearchResults:
        """`filters`: project, language, document_type, kind and mode."""
        params = _given(q=text, limit=limit, **filters)
        return SearchResults.model_validate(await self._call("GET", "/search", params=params))

    async def statistics(self, project: str | None = None) -> Statistics:
        return Statistics.model_validate(
            await self._call("GET", "/statistics", params=_given(project=project))
        )

    async def status(self, project: str | None = None) -> EstateStatus:
        return EstateStatus.model_validate(await self._call("GET", "/status", params=_given(project=project)))

    async def documents(
        self, project: str | None = None, status: str | None = None
    ) -> AsyncIterator[DocumentRow]:
        """Every document, page by page."""
        async for page in self.document_pages(project, status):
            for row in page.documents:
                yield row

    async def document_pages(
        self, project: str | None = None, status: str | None = None
    ) -> AsyncIterator[DocumentPage]:
        """At least one page."""
        after: str | None = None
        while True:
            params = _given(project=project, status=status, after=after, limit=1000)
            page = DocumentPage.model_validate(await self._call("GET", "/documents", params=params))
            yield page
            if page.next is None:
                return
            after = page.next

    async def parked(self, project: str | None = None) -> AsyncIterator[ParkedDocument]:
        """Every document with a parked run, page by page, whatever its status in the graph."""
        after: str | None = None
        while True:
            params = _given(project=project, after=after, limit=1000)
            page = ParkedPage.model_validate(await self._call("GET", "/parked", params=params))
            for each in page.parked:
                yield each
            if page.next is None:
                return
            after = page.next

    async def dead_letters(self, wanted: DeadLetterFilter, limit: int) -> DeadLetterList:
        params = wanted.model_dump(mode="json", exclude_none=True) | {"limit": limit}
        return DeadLetterList.model_validate(await self._call("GET", "/dead-letters", params=params))

    async def dead_letter(self, key: str) -> StoredDeadLetter:
        return StoredDeadLetter.model_validate(await self._call("GET", f"/dead-letters/{segment(key)}"))

    async def discard_dead_letter(self, key: str) -> StoredDeadLetter:
        found = await self._call("POST", f"/dead-letters/{segment(key)}/discard")
        return StoredDeadLetter.model_validate(found)

    async def retry(self, document_id: str) -> ParkedAnswer:
        """Raises NotParkedError."""
        return ParkedAnswer.model_validate(
            await self._call("POST", f"/document/{segment(document_id)}/retry")
        )

    async def discard(self, document_id: str) -> ParkedAnswer:
        """Raises NotParkedError."""
        found = await self._call("POST", f"/document/{segment(document_id)}/discard")
        return ParkedAnswer.model_validate(found)

    async def delete(self, document_id: str, **params: str | int | None) -> dict[str, Any]:
        """The receipt, after everything is removed or the bridge stops waiting. Raises NotFoundError."""
        path = f"/document/{segment(document_id)}"
        receipt: dict[str, Any] = await self._call("DELETE", path, params=_given(**params))
        return receipt

    async def delete_document(self, document_id: str, project: str | None) -> DeletionReceipt:
        """Starts the deletion; the receipt shows its progress."""
        return DeletionReceipt.model_validate(await self.delete(document_id, project=project, wait=0))

    async def delete_project(self, project: str) -> DeletionReceipt:
        """Starts the deletion; the receipt shows its progress."""
        found = await self._call("DELETE", f"/projects/{segment(project)}", params={"wait": 0})
        return DeletionReceipt.model_validate(found)

    async def deletion(self, of: DeletionReceipt) -> DeletionReceipt:
        """The current receipt of the same deletion."""
        path = f"/document/{of.document_id}" if of.document_id else f"/projects/{segment(of.project_name)}"
        return DeletionReceipt.model_validate(await self._call("GET", f"{path}/deletion"))

    @contextlib.asynccontextmanager
    async def stream(self, path: str, last_id: str, params: Mapping[str, str]) -> AsyncIterator[EventSource]:
        """An event stream, starting after `last_id`. Raises StoreUnavailableError, also if it breaks off."""
        headers = {"Accept": "text/event-stream", **({HEADER_LAST_EVENT_ID: last_id} if last_id else {})}
        request = self._http.build_request(
            "GET", f"/api/bridge{path}", params=params, headers=headers, timeout=_STREAM
        )
        try:
            async with contextlib.aclosing(await self._http.send(request, stream=True)) as response:
                if not response.is_success:
                    await response.aread()
                    raise _refused(response)
                yield EventSource(response)
        except httpx.TransportError as error:
            raise StoreUnavailableError("bridge", f"{self._place} broke off ({in_words(error)})") from error

    async def _call(self, method: str, path: str, **options: Any) -> Any:
        since, backoff = None, Backoff(0.25, _LONGEST_PAUSE)
        while True:
            try:
                found = await self._answer(method, path, **options)
            except StoreUnavailableError as error:
                self.last_away = time.monotonic()
                since = since or self.last_away
                waited = self.last_away - since
                if not self._has_answered or waited + backoff.delay > self._patience:
                    raise
                self.on_wait(f"waiting for the {error}; {waited:.0f} s")
            else:
                self._has_answered = True
                return found
            await backoff.pause()

    async def _answer(self, method: str, path: str, **options: Any) -> Any:
        """Honours Retry-After if the bridge limits the rate."""
        while True:
            try:
                response = await self._http.request(method, f"/api/bridge{path}", **options)
            except httpx.TransportError as error:
                reason = f"{self._place} does not answer ({in_words(error)})"
                raise StoreUnavailableError("bridge", reason) from error
            if response.is_success:
                return response.json()
            if response.status_code != httpx.codes.TOO_MANY_REQUESTS:
                raise _refused(response)
            # Randomised, so that clients that wait together do not return together.
            await asyncio.sleep((retry_after(response.headers.get("retry-after")) or 1.0) * uniform(1.0, 1.5))


def _refused(response: httpx.Response) -> ArchonError:
    try:
        problem = response.json()
        title, detail = str(problem["title"]), str(problem["detail"])
    except (ValueError, KeyError, TypeError):
        title, detail = "", response.text[:500]
    if title == "Not parked":
        return NotParkedError(detail)
    if response.status_code == httpx.codes.UNAUTHORIZED:
        return UnauthorizedError(f"{detail}; BRIDGE_API_KEY or BRIDGE_API_KEY_FILE sets the key")
    if response.status_code == httpx.codes.FORBIDDEN:
        return ForbiddenError(detail)
    if response.status_code == httpx.codes.NOT_FOUND:
        return NotFoundError(detail)
    if response.is_server_error or response.status_code == httpx.codes.TOO_MANY_REQUESTS:
        return StoreUnavailableError("bridge", f"HTTP {response.status_code}: {detail}")
    field, _, reason = detail.partition(": ")
    return InvalidInputError(field, reason) if reason else InvalidInputError("request", detail)


def segment(text: str) -> str:
    """A name or an id as one path segment: escapes `/` and `..` (RFC 3986, 3.3)."""
    return quote(text, safe="").replace(".", "%2E")


def _given(**values: Parameter) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
