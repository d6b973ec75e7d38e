"""In: a bridge, of this commit or of another. Out: the few fields of its answers that a load test reads.

Not the contracts' models: they refuse a field that they do not know, and the stack may be older or newer.
"""

import contextlib
from collections.abc import AsyncIterator
from datetime import datetime

from pydantic import BaseModel

from archon.clients.bridge import BridgeApi, segment
from archon.contracts.types import WORKING
from archon.runtime.settings import Settings


class Accepted(BaseModel):
    """Of the answer to a POST. `status`: what the bridge has done with the document."""

    document_id: str
    content_hash: str
    workflow_id: str
    status: str


class Row(BaseModel):
    """Of a document, alone or in a listing."""

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
    """Raises as BridgeApi does."""

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
        """How many documents have which status. The graph counts all of the project's for it."""
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
