"""In: deleted documents. Out: their enrichment runs, informed and cancelled."""

import contextlib
from collections.abc import Mapping, Sequence
from typing import Final

from archon.contracts import names
from archon.contracts.errors import NotFoundError
from archon.runtime.temporal.attributes import DOCUMENT_ID, open_query_of
from archon.runtime.temporal.client import EnrichmentClient, translated

_NAMED_AT_ONCE: Final = 50
"""Maximum number of documents in one visibility query."""


class EnrichmentRuns(EnrichmentClient):
    """Ends runs of EnrichDocument. Raises WorkflowUnavailableError."""

    async def open_of(self, document_ids: Sequence[str]) -> Mapping[str, str]:
        """Their open runs in the visibility store, which lags slightly: document id by workflow id."""
        found = {}
        for start in range(0, len(document_ids), _NAMED_AT_ONCE):
            ids = ", ".join(f'"{each}"' for each in document_ids[start : start + _NAMED_AT_ONCE])
            query = f"{open_query_of(None, None)} AND {names.SEARCH_DOCUMENT_ID} IN ({ids})"
            with translated():
                async for run in self._client.list_workflows(query):
                    found[run.id] = run.typed_search_attributes.get(DOCUMENT_ID) or ""
        return found

    async def supersede(self, workflow_id: str, version: int) -> bool:
        """Signals the document's `version` to a run; False if none is open."""
        try:
            with translated():
                await self._client.get_workflow_handle(workflow_id).signal(names.SIGNAL_SUPERSEDE, version)
        except NotFoundError:
            return False
        return True

    async def cancel(self, workflow_id: str) -> None:
        """Cancels a run. A run that has already closed counts as cancelled."""
        with contextlib.suppress(NotFoundError), translated():
            await self._client.get_workflow_handle(workflow_id).cancel()
