"""In: a submission. Out: text in the content store, node, point, and a requested enrichment.

The request goes to Kafka, or directly to Temporal if the client waits for the end. The graph comes first,
because it assigns the version. Later failures leave the document indexed: without the point the answer is
`partial`, without the request `deferred`.
"""

import asyncio
import time
from collections.abc import Mapping
from typing import Final

from archon.contracts import identity, names
from archon.contracts.documents import (
    Document,
    DocumentAccepted,
    DocumentSubmission,
    Indexed,
    IndexingStatus,
    Links,
)
from archon.contracts.errors import InvalidInputError, NotFoundError, PublishError, StoreError
from archon.contracts.events import EnrichmentRequest, EnrichmentResults, RequestMetadata
from archon.contracts.operations.rollout import Mode
from archon.contracts.types import EnrichmentStatus
from archon.runtime.contents import Contents, FormerContents
from archon.runtime.crash import crash_point
from archon.runtime.flow.turns import SharedTurns
from archon.runtime.kafka.publisher import KafkaPublisher
from archon.runtime.logs import get_logger, milliseconds
from archon.runtime.settings import Settings
from archon.runtime.telemetry import metrics, tracing
from bridge.documents.normalise import normalise
from bridge.documents.outbox import OutboxRelay
from bridge.documents.synchronous import SynchronousEnrichment
from bridge.requests.clients import Stores
from bridge.requests.rollout import Rollout

_STATUSES: Final[Mapping[str, IndexingStatus]] = {
    "completed": IndexingStatus.ENRICHED,
    "parked": IndexingStatus.PARKED,
    "superseded": IndexingStatus.SUPERSEDED,
    "discarded": IndexingStatus.DISCARDED,
}
AT_ONCE: Final = 8
"""Indexings under way in one process: more are no faster, and each makes those of other projects wait."""
BESIDE: Final = 2
"""Of them those of one project, if another one has indexed a document recently. A document then costs half as
much processor time again, because fewer share a transaction."""
RECENT: Final = 2.0
"""Seconds."""
_log = get_logger(__name__)


class Indexer:
    """Indexes one document at a time; safe to use concurrently."""

    def __init__(
        self,
        settings: Settings,
        stores: Stores,
        publisher: KafkaPublisher,
        relay: OutboxRelay,
        rollout: Rollout,
        synchronous: SynchronousEnrichment,
    ) -> None:
        self._settings = settings
        self._graph = stores.graph
        self._at_work = stores.at_work
        self._turns = SharedTurns(AT_ONCE, BESIDE, RECENT)
        self._vectors = stores.vectors
        self._content = stores.content
        self._former = FormerContents(stores.graph, Contents(stores.graph.deletions, stores.content))
        self._publisher = publisher
        self._relay = relay
        self._rollout = rollout
        self._synchronous = synchronous

    async def index(
        self,
        submission: DocumentSubmission,
        correlation_id: str,
        deadline: float = 0.0,
        *,
        names_any: bool = True,
    ) -> DocumentAccepted:
        """Indexes a document and requests its enrichment, in the document's trace.

        `names_any`: the client may write to every project, so a UUID in the submission is the document's id.
        For other clients it is a name within the project: a project's ids must neither collide with those of
        other projects nor reveal them. For a project in synchronous mode, waits until `deadline`, a
        time.monotonic().

        Raises InvalidInputError, ProjectConflictError, or StoreError if nothing was indexed.
        """
        with tracing.span("index document", correlation_id=correlation_id):
            started = time.monotonic()
            try:
                async with self._turns.taken(submission.project_id):
                    with self._at_work.one():
                        accepted, request = await self._index(submission, correlation_id, names_any)
            except StoreError as error:
                metrics.INDEXING_ERRORS.labels(type(error).__name__).inc()
                raise
            seconds = time.monotonic() - started
            metrics.INDEXING_SECONDS.observe(seconds)
            if accepted.status is IndexingStatus.WAITING:
                accepted = await self._waited(accepted, request, deadline)
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

    async def superseded(
        self, submission: DocumentSubmission, correlation_id: str, newer: DocumentAccepted
    ) -> DocumentAccepted:
        """The answer to a submission that `newer`, of the same request, replaces before it is stored. Raises
        InvalidInputError as `index` does.
        """
        content_hash = normalise(submission, await self._text(submission)).content_hash
        if content_hash == newer.content_hash:
            return newer
        metrics.DOCUMENTS_INDEXED.labels(IndexingStatus.SUPERSEDED).inc()
        return newer.model_copy(
            update={
                "content_hash": content_hash,
                "status": IndexingStatus.SUPERSEDED,
                "correlation_id": correlation_id,
                "enrichment": None,
                "failure": None,
            }
        )

    async def _index(
        self, submission: DocumentSubmission, correlation_id: str, names_any: bool
    ) -> tuple[DocumentAccepted, EnrichmentRequest]:
        text = await self._text(submission)
        is_own = not names_any and not await self._holds(submission.document_id, submission.project_id)
        document = normalise(submission, text, is_own=is_own)
        mode = self._rollout.flags.mode(document.project_name)
        if submission.content_ref is None:
            await self._content.put_text(document.content_hash, text)
        indexed = await self._graph.index(
            document,
            correlation_id,
            priority=submission.priority,
            enrichment_type=submission.enrichment_type,
            status=EnrichmentStatus.SKIPPED if mode is Mode.SKIPPED else EnrichmentStatus.PENDING,
        )
        crash_point("document-indexed")
        request = _request(document, indexed, correlation_id, submission)
        requested, stored, *_ = await asyncio.gather(
            self._requested(request, indexed, mode),
            self._store_point(document, indexed),
            self._keep_text(document.content_hash, text),
            self._former.limit(document.entity_id, indexed.former),
        )
        # A client that waits for the enrichment also waits for the point.
        partial = not stored and requested is not IndexingStatus.WAITING
        status = IndexingStatus.PARTIAL if partial else requested
        return self._accepted(document, indexed, correlation_id, status), request

    async def _holds(self, document_id: str | None, project: str) -> bool:
        """Whether the project already has a document with this UUID."""
        canonical = identity.as_uuid(document_id) if document_id is not None else None
        if canonical is None:
            return False
        try:
            await self._graph.get(canonical, (project,))
        except NotFoundError:
            return False
        return True

    async def _requested(self, request: EnrichmentRequest, indexed: Indexed, mode: Mode) -> IndexingStatus:
        """Requests the remaining work in the project's mode."""
        if indexed.status is EnrichmentStatus.COMPLETED:
            return IndexingStatus.UNCHANGED
        if mode is Mode.SKIPPED:
            return IndexingStatus.SKIPPED
        if mode is Mode.SYNCHRONOUS and await self._synchronous.submit(request):
            self._relay.published(request)
            return IndexingStatus.WAITING
        return IndexingStatus.INDEXED if await self._publish(request) else IndexingStatus.DEFERRED

    async def _waited(
        self, accepted: DocumentAccepted, request: EnrichmentRequest, deadline: float
    ) -> DocumentAccepted:
        answer = await self._synchronous.wait(request, accepted.workflow_id, deadline)
        if answer is None:
            return accepted
        try:
            found = await self._graph.get(accepted.document_id)
        except NotFoundError:  # somebody deleted it during the wait
            return accepted
        status = _STATUSES[answer.state]
        enriched = status is IndexingStatus.ENRICHED
        results = found.model_dump(include=set(EnrichmentResults.model_fields), exclude_none=True)
        return accepted.model_copy(
            update={
                "status": status,
                "enrichment_status": found.enrichment_status,
                "failure": answer.reason,
                "enrichment": EnrichmentResults(**results) if enriched else None,
            }
        )

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

    async def _keep_text(self, content_hash: str, text: str) -> None:
        """Puts the text back if a deletion removed it before the graph recorded that this document uses
        it."""
        try:
            if not await self._content.has_text(content_hash):
                await self._content.put_text(content_hash, text)
        except StoreError as error:
            _log.warning("text_not_confirmed", content_hash=content_hash, error=str(error))

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
        self, document: Document, indexed: Indexed, correlation_id: str, status: IndexingStatus
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
        enrichment_type=submission.enrichment_type,
        priority=submission.priority,
        metadata=RequestMetadata.within(document.metadata),
        document_version=indexed.version,
    )
