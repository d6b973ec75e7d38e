"""In: an operator's retry or discard of a document. Out: a signal to its waiting run, or a new submission."""

from archon.contracts.errors import NotParkedError
from archon.contracts.names import SIGNAL_DISCARD, SIGNAL_RETRY, enrichment_workflow_id
from archon.contracts.operations.dead_letters import ParkedAnswer
from archon.contracts.types import EnrichmentStatus
from archon.contracts.views import StoredDocument
from archon.runtime.settings import Settings
from archon.runtime.temporal.client import EnrichmentClient
from archon.stores.graph.store import GraphStore


class ParkedRuns:
    """Raises NotParkedError if there is nothing to do, WorkflowUnavailableError without Temporal,
    StoreError."""

    def __init__(self, settings: Settings, client: EnrichmentClient, graph: GraphStore) -> None:
        self._settings = settings
        self._client = client
        self._graph = graph

    async def retry(self, document: StoredDocument, correlation_id: str) -> ParkedAnswer:
        """Wakes the waiting run; if it was terminated or discarded, requests a new one."""
        workflow_id = enrichment_workflow_id(document.document_id, document.content_hash)
        parked = await self._parked(document, workflow_id)
        if parked:
            await self._client.signal(workflow_id, SIGNAL_RETRY)
            return self._answer(document, workflow_id, SIGNAL_RETRY)
        worked_on = parked is False and document.enrichment_status is not EnrichmentStatus.DISCARDED
        if worked_on or document.enrichment_status is EnrichmentStatus.COMPLETED:
            raise NotParkedError(_why(document))
        await self._client.submit(await self._graph.request(document.document_id, correlation_id))
        return self._answer(document, workflow_id, "resubmit")

    async def discard(self, document: StoredDocument) -> ParkedAnswer:
        """Makes the waiting run discard its document."""
        workflow_id = enrichment_workflow_id(document.document_id, document.content_hash)
        if not await self._parked(document, workflow_id):
            raise NotParkedError(_why(document))
        await self._client.signal(workflow_id, SIGNAL_DISCARD)
        return self._answer(document, workflow_id, SIGNAL_DISCARD)

    async def _parked(self, document: StoredDocument, workflow_id: str) -> bool | None:
        """None if no run is open. The node is `failed` shortly before the run is parked; a signal in between
        is kept."""
        parked = await self._client.parked(workflow_id)
        return parked if parked is None else parked or document.enrichment_status is EnrichmentStatus.FAILED

    def _answer(self, document: StoredDocument, workflow_id: str, action: str) -> ParkedAnswer:
        return ParkedAnswer(
            document_id=document.document_id,
            workflow_id=workflow_id,
            workflow_url=self._settings.workflow_url(workflow_id),
            action=action,
        )


def _why(document: StoredDocument) -> str:
    return f"document {document.document_id} is not parked; its status is {document.enrichment_status}"
