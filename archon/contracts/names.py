"""In: nothing. Out: names that several processes must spell alike (Temporal, Kafka, HTTP)."""

from typing import Final

from blake3 import blake3

WORKFLOW_ENRICH_DOCUMENT: Final = "EnrichDocument"
WORKFLOW_RECONCILE: Final = "ReconcileEnrichment"
ID_RECONCILE: Final = "reconcile"
"""Workflow id of a reconciliation that somebody starts; only one runs at a time."""
ID_RECONCILE_SCHEDULED: Final = "reconcile-scheduled"
"""Workflow id prefix of scheduled reconciliations; Temporal appends the time."""
SCHEDULE_RECONCILE: Final = "reconcile-enrichment"
WORKFLOW_BACKFILL: Final = "BackfillEnrichment"
ID_BACKFILL_ALL: Final = "backfill:all"
ID_BACKFILL_INPUT: Final = "backfill:input"
"""Workflow ids of a backfill of all projects, and of a backfill of a list of documents."""
SIGNAL_SUBMIT: Final = "submit"
SIGNAL_RETRY: Final = "retry"
SIGNAL_DISCARD: Final = "discard"
SIGNAL_SUPERSEDE: Final = "supersede"
SIGNAL_LETTER: Final = "publish-letter"
"""Sent to a parked run whose dead letter is lost."""
SIGNAL_PAUSE: Final = "pause"
SIGNAL_RESUME: Final = "resume"
SIGNAL_CANCEL: Final = "cancel"
QUERY_STATUS: Final = "status"
QUERY_PROGRESS: Final = "progress"
UPDATE_SETTLED: Final = "settled"

WORKFLOW_DELETE_DOCUMENT: Final = "DeleteDocument"
WORKFLOW_DELETE_PROJECT: Final = "DeleteProject"
SIGNAL_DELETE: Final = "delete"
QUERY_RECEIPT: Final = "receipt"

QUEUE_ENRICHMENT: Final = "enrichment"
QUEUE_INTELLIGENCE: Final = "intelligence"

SEARCH_PROJECT_NAME: Final = "ProjectName"
SEARCH_DOCUMENT_ID: Final = "DocumentId"
SEARCH_DOCUMENT_TYPE: Final = "DocumentType"
SEARCH_LANGUAGE: Final = "Language"
SEARCH_ENRICHMENT_STATUS: Final = "EnrichmentStatus"
SEARCH_FAILURE_TYPE: Final = "FailureType"
SEARCH_FILE_PATH: Final = "FilePath"
SEARCH_DOCUMENT_VERSION: Final = "DocumentVersion"
SEARCH_ATTRIBUTES: Final = (
    SEARCH_PROJECT_NAME,
    SEARCH_DOCUMENT_ID,
    SEARCH_DOCUMENT_TYPE,
    SEARCH_LANGUAGE,
    SEARCH_ENRICHMENT_STATUS,
    SEARCH_FAILURE_TYPE,
    SEARCH_FILE_PATH,
    SEARCH_DOCUMENT_VERSION,
)
"""All have type Keyword; an SQL visibility store has ten of these for each namespace. The server stores them
unencrypted, so they must not contain private data."""

STATUS_PARKED: Final = "parked"
"""Value of the EnrichmentStatus search attribute while a run waits for a retry."""
STATUS_DELETING: Final = "deleting"
STATUS_DELETED: Final = "deleted"
"""Value of the same search attribute for a deletion, from start to end."""

COLLECTION_DOCUMENTS: Final = "documents"
COLLECTION_SYMBOLS: Final = "symbols"
VECTOR_CONTENT: Final = "content"
VECTOR_TERMS: Final = "terms"
"""The sparse vector; only chunks of symbols have it."""

HEADER_CORRELATION_ID: Final = "X-Correlation-ID"

TOPIC_PREFIX: Final = "dev.archon-intelligence."
TOPIC_INDEX: Final = TOPIC_PREFIX + "tree.index.v1"
TOPIC_ENRICHMENT: Final = TOPIC_PREFIX + "enrich-document.v1"
TOPIC_BULK: Final = TOPIC_PREFIX + "enrich-document-bulk.v1"
TOPIC_DLQ: Final = TOPIC_PREFIX + "enrich-document-dlq.v1"
TOPIC_COMPLETED: Final = TOPIC_PREFIX + "enrichment-completed.v1"
TOPIC_PROGRESS: Final = TOPIC_PREFIX + "enrichment-progress.v1"


def enrichment_workflow_id(document_id: str, content_hash: str) -> str:
    """The workflow id for a document's content; a redelivery has the same id."""
    return f"enrich-{document_id}-{content_hash}"


def of_run(workflow_id: str) -> tuple[str, str]:
    """The document id and content hash in such a workflow id."""
    document_id, _, content_hash = workflow_id.removeprefix("enrich-").rpartition("-")
    return document_id, content_hash


_PROJECT_BYTES: Final = 900
"""Maximum length of a project's name in a workflow id; Temporal's limit is 1000 bytes for the id."""


def deletion_workflow_id(project_name: str, document_id: str | None) -> str:
    """The workflow id for the deletion of a document or, without a document, of a project."""
    if document_id is not None:
        return f"delete-{document_id}"
    return f"delete-project-{_fitting(project_name)}"


def backfill_workflow_id(project_name: str | None) -> str:
    """The workflow id of a backfill. Only one runs at a time for each project, and only one for all
    projects."""
    return ID_BACKFILL_ALL if project_name is None else f"backfill-{_fitting(project_name)}"


def _fitting(project_name: str) -> str:
    """The name, or its digest if the name is too long for a workflow id. The digest is longer than any name
    that fits, so no project name can equal it."""
    name = project_name.encode()
    fits = len(name) <= _PROJECT_BYTES
    return project_name if fits else blake3(name).hexdigest().ljust(_PROJECT_BYTES + 1, "-")
