"""In: a submission. Out: text in the content store, node, point, and an enrichment request on Kafka.

The graph comes first, because it assigns the version. What fails after it leaves the document indexed:
without the point the answer is `partial`, without the publish `deferred`.
"""

import asyncio
import time

from archon.contracts import names
from archon.contracts.documents import Document, DocumentAccepted, DocumentSubmission, Indexed, Links
from archon.contracts.errors import InvalidInputError, PublishError, StoreError
from archon.contracts.events import EnrichmentRequest, RequestMetadata
from archon.contracts.types import EnrichmentStatus
from archon.runtime import metrics, tracing
from archon.runtime.crash import crash_point
from archon.runtime.kafka import KafkaPublisher
from archon.runtime.logs import get_logger, milliseconds
from archon.runtime.settings import Settings
from bridge.clients import Stores
from bridge.normalise import normalise
from bridge.outbox import OutboxRelay

_log = get_logger(__name__)


class Indexer:
    """Indexes one document at a time; safe to use concurrently."""

    def __init__(
        self, settings: Settings, stores: Stores, publisher: KafkaPublisher, relay: OutboxRelay
    ) -> None:
        self._settings = settings
        self._graph = stores.graph
        self._vectors = stores.vectors
        self._content = stores.content
        self._publisher = publisher
        self._relay = relay

    async def index(self, submission: DocumentSubmission, correlation_id: str) -> DocumentAccepted:
        """Index and request enrichment, in the trace of the document.

        Raises InvalidInputError, ProjectConflictError, or StoreError when nothing was indexed.
        """
        with tracing.span("index document", correlation_id=correlation_id):
            started = time.monotonic()
            try:
                accepted = await self._index(submission, correlation_id)
            except StoreError as error:
                metrics.INDEXING_ERRORS.labels(type(error).__name__).inc()
                raise
            seconds = time.monotonic() - started
            metrics.INDEXING_SECONDS.observe(seconds)
            metrics.DOCUMENTS_INDEXED.labels(accepted.status).inc()
            _log.info(
                "document_indexed",
                document_id=accepted.document_id,
                correlation_id=correlation_id,
                project_name=accepted.project_name,
                status=accepted.status,
                duration_ms=milliseconds(seconds),
            )
        return accepted

    async def _index(self, submission: DocumentSubmission, correlation_id: str) -> DocumentAccepted:
        text = await self._text(submission)
        document = normalise(submission, text)
        if submission.content_ref is None:
            await self._content.put_text(document.content_hash, text)
        indexed = await self._graph.index(document, correlation_id, priority=submission.priority)
        crash_point("document-indexed")
        request = _request(document, indexed, correlation_id, submission)
        enriched = indexed.status is EnrichmentStatus.COMPLETED
        if enriched:
            stored = await self._store_point(document, indexed)
            published = True
        else:
            stored, published = await asyncio.gather(
                self._store_point(document, indexed), self._publish(request)
            )
        return self._accepted(document, indexed, correlation_id, _status(enriched, stored, published))

    async def _text(self, submission: DocumentSubmission) -> str:
        if (submission.full_text is None) == (submission.content_ref is None):
            raise InvalidInputError("full_text", "exactly one of full_text and content_ref is needed")
        if submission.content_ref is None:
            assert submission.full_text is not None
            return submission.full_text
        text = await self._content.get_text(submission.content_ref)
        if text is None:
            raise InvalidInputError("content_ref", "the content store holds no text under this hash")
        return text

    async def _store_point(self, document: Document, indexed: Indexed) -> bool:
        try:
            await self._vectors.index(document, indexed)
        except StoreError as error:
            _log.warning("point_not_indexed", document_id=document.entity_id, error=str(error))
            return False
        return True

    async def _publish(self, request: EnrichmentRequest) -> bool:
        try:
            await self._publisher.request(request)
        except PublishError as error:
            _log.warning("publish_deferred", document_id=request.document_id, error=str(error))
            self._relay.wake()
            return False
        self._relay.published(request)
        return True

    def _accepted(
        self, document: Document, indexed: Indexed, correlation_id: str, status: str
    ) -> DocumentAccepted:
        workflow_id = names.enrichment_workflow_id(document.entity_id, document.content_hash)
        return DocumentAccepted(
            document_id=document.entity_id,
            external_id=document.external_id,
            project_name=document.project_name,
            content_hash=document.content_hash,
            document_version=indexed.version,
            status=status,
            enrichment_status=indexed.status,
            workflow_id=workflow_id,
            correlation_id=correlation_id,
            links=Links(
                document=f"/api/bridge/document/{document.entity_id}",
                workflow=self._settings.workflow_url(workflow_id),
            ),
        )


def _status(enriched: bool, stored: bool, published: bool) -> str:
    if not stored:
        return "partial"
    if not published:
        return "deferred"
    return "unchanged" if enriched else "indexed"


def _request(
    document: Document, indexed: Indexed, correlation_id: str, submission: DocumentSubmission
) -> EnrichmentRequest:
    return EnrichmentRequest(
        document_id=document.entity_id,
        project_name=document.project_name,
        content_hash=document.content_hash,
        file_path=document.file_path,
        indexed_at=document.indexed_at,
        correlation_id=correlation_id,
        document_type=document.document_type,
        language=document.language,
        priority=submission.priority,
        metadata=RequestMetadata.within(document.metadata),
        document_version=indexed.version,
    )
