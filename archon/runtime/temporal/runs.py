"""In: documents that are deleted. Out: their enrichment runs found, told so, and cancelled."""

import contextlib
from collections.abc import Mapping, Sequence
from typing import Final

from archon.contracts import names
from archon.contracts.errors import NotFoundError
from archon.runtime.temporal.attributes import DOCUMENT_ID, open_query_of
from archon.runtime.temporal.client import EnrichmentClient, translated

_NAMED_AT_ONCE: Final = 50
"""Documents that one question to the visibility store names."""


class EnrichmentRuns(EnrichmentClient):
    """Ends runs of EnrichDocument. Raises WorkflowUnavailableError."""

    async def open_of(self, document_ids: Sequence[str]) -> Mapping[str, str]:
        """Of their runs that the visibility store, a moment behind, knows as open: the document by workflow
        id."""
        found = {}
        for start in range(0, len(document_ids), _NAMED_AT_ONCE):
            ids = ", ".join(f'"{each}"' for each in document_ids[start : start + _NAMED_AT_ONCE])
            query = f"{open_query_of(None, None)} AND {names.SEARCH_DOCUMENT_ID} IN ({ids})"
            with translated():
                async for run in self._client.list_workflows(query):
                    found[run.id] = run.typed_search_attributes.get(DOCUMENT_ID) or ""
        return found

    async def supersede(self, workflow_id: str, version: int) -> bool:
        """Tell a run that its document is at `version`; False where none is open."""
        try:
            with translated():
                await self._client.get_workflow_handle(workflow_id).signal(names.SIGNAL_SUPERSEDE, version)
        except NotFoundError:
            return False
        return True

    async def cancel(self, workflow_id: str) -> None:
        """One that is not open any more is as well."""
        with contextlib.suppress(NotFoundError), translated():
            await self._client.get_workflow_handle(workflow_id).cancel()
