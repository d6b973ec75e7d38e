"""In: a bridge of this or another commit. Out: the few fields of its answers that a load test needs.

The contracts' models do not fit: they reject unknown fields, and the stack may be older or newer.
"""

import contextlib
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

from pydantic import BaseModel

from archon.clients.bridge import BridgeApi, segment
from archon.contracts.types import WORKING
from archon.runtime.settings import Settings


class Accepted(BaseModel):
    """Part of the answer to a POST. `status`: the bridge's indexing status."""

    document_id: str
    content_hash: str
    workflow_id: str
    status: str


class Row(BaseModel):
    """Part of a document, alone or in a listing."""

    document_id: str
    content_hash: str
    enrichment_status: str
    enrichment_content_hash: str | None = None
    indexed_at: datetime
    enriched_at: datetime | None = None

    @property
    def working(self) -> bool:
        return self.enrichment_status in WORKING


class Reader:
    """Raises the same errors as BridgeApi."""

    def __init__(self, api: BridgeApi) -> None:
        self._api = api

    @classmethod
    @contextlib.asynccontextmanager
    async def connect(cls, settings: Settings) -> AsyncIterator["Reader"]:
        async with BridgeApi.connect(settings) as api:
            yield cls(api)

    async def document(self, document_id: str) -> Row:
        return Row.model_validate(await self._api.read(f"/document/{segment(document_id)}"))

    async def statuses(self, project: str) -> dict[str, int]:
        """Number of documents by status. The graph counts the whole project for it."""
        found: dict[str, int] = (await self._api.read("/statistics", project=project))["statuses"]
        return found

    async def documents(self, project: str) -> AsyncIterator[Row]:
        """Every document, page by page."""
        after: str | None = None
        while True:
            page = await self._api.read("/documents", project=project, after=after, limit=1000)
            for row in page["documents"]:
                yield Row.model_validate(row)
            if (after := page["next"]) is None:
                return

    async def search(self, text: str, project: str) -> None:
        await self._api.read("/search", q=text, project=project)

    async def question(self, question: str, project: str, **params: str | int) -> dict[str, Any]:
        """The answer to a question about the project's code."""
        found: dict[str, Any] = await self._api.read(f"/graph/{question}", project=project, **params)
        return found
