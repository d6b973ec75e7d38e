"""In: what a verb wants of the bridge. Out: typed answers, or errors of ours that name the problem."""

import contextlib
from collections.abc import AsyncIterator, Mapping
from typing import Any

import httpx

from archon.contracts.documents import (
    DocumentAccepted,
    DocumentPage,
    DocumentRow,
    DocumentView,
    SearchResults,
    Statistics,
)
from archon.contracts.errors import ArchonError, InvalidInputError, NotFoundError, StoreUnavailableError


class BridgeApi:
    """The bridge over HTTP. Raises StoreUnavailableError when it is unreachable or answers 5xx,
    InvalidInputError or NotFoundError for what it refuses."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    @classmethod
    @contextlib.asynccontextmanager
    async def connect(cls, url: str) -> AsyncIterator["BridgeApi"]:
        async with httpx.AsyncClient(base_url=url, timeout=30) as http:
            yield cls(http)

    async def index(self, document: Mapping[str, Any]) -> DocumentAccepted:
        return DocumentAccepted.model_validate(await self._call("POST", "/document", json=document))

    async def document(self, document_id: str, project: str | None = None) -> DocumentView:
        found = await self._call("GET", f"/document/{document_id}", params=_given(project=project))
        return DocumentView.model_validate(found)

    async def search(
        self, text: str, project: str | None = None, language: str | None = None, limit: int = 10
    ) -> SearchResults:
        params = _given(q=text, project=project, language=language, limit=limit)
        return SearchResults.model_validate(await self._call("GET", "/search", params=params))

    async def statistics(self, project: str | None = None) -> Statistics:
        return Statistics.model_validate(
            await self._call("GET", "/statistics", params=_given(project=project))
        )

    async def documents(
        self, project: str | None = None, status: str | None = None
    ) -> AsyncIterator[DocumentRow]:
        """Every document, page by page."""
        after: str | None = None
        while True:
            params = _given(project=project, status=status, after=after, limit=1000)
            page = DocumentPage.model_validate(await self._call("GET", "/documents", params=params))
            for row in page.documents:
                yield row
            if page.next is None:
                return
            after = page.next

    async def _call(self, method: str, path: str, **options: Any) -> Any:
        try:
            response = await self._http.request(method, f"/api/bridge{path}", **options)
        except httpx.TransportError as error:
            raise StoreUnavailableError(
                "bridge", f"{self._http.base_url} does not answer ({error!r})"
            ) from error
        if response.is_success:
            return response.json()
        raise _refused(response)


def _refused(response: httpx.Response) -> ArchonError:
    try:
        detail = str(response.json()["detail"])
    except (ValueError, KeyError, TypeError):
        detail = response.text[:500]
    if response.status_code == httpx.codes.NOT_FOUND:
        return NotFoundError(detail)
    if response.is_server_error:
        return StoreUnavailableError("bridge", f"HTTP {response.status_code}: {detail}")
    field, _, reason = detail.partition(": ")
    return InvalidInputError(field, reason) if reason else InvalidInputError("request", detail)


def _given(**values: str | int | None) -> dict[str, str | int]:
    return {name: value for name, value in values.items() if value is not None}
