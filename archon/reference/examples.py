"""In: the event models. Out: a published example of each message, built from real instances."""

from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from archon.contracts import identity, names
from archon.contracts.documents import DocumentSubmission
from archon.contracts.events import (
    DeadLetter,
    EnrichmentCompleted,
    EnrichmentProgress,
    EnrichmentRequest,
    EnrichmentResults,
    ErrorDetails,
    RequestMetadata,
    ServiceHealth,
)
from archon.contracts.operations.dead_letters import original_message
from archon.contracts.types import DocumentType, FailureType, Outcome
from archon.contracts.workflow import Stage

PROJECT: Final = "shop"
PATH: Final = "src/cart.py"
TEXT: Final = '"""A cart."""\n\n\ndef total(items: list[float]) -> float:\n    return sum(items)\n'
CORRELATION: Final = str(UUID(int=0x9F1C_7A52_4E0B_4B6A_8D3E_5C2F_1A7B_6E40)).upper()
AT: Final = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)

SUBMISSION: Final = DocumentSubmission(
    project_id=PROJECT, source_path=PATH, full_text=TEXT, correlation_id=CORRELATION
)
DOCUMENT_ID: Final = identity.document_id(PROJECT, None, PATH)[0]
REQUEST: Final = EnrichmentRequest(
    document_id=DOCUMENT_ID,
    project_name=PROJECT,
    content_hash=identity.content_hash(TEXT),
    file_path=PATH,
    indexed_at=AT,
    correlation_id=CORRELATION,
    document_type=DocumentType.CODE,
    language="python",
    metadata=RequestMetadata(file_size_bytes=len(TEXT), line_count=TEXT.count("\n")),
    document_version=1,
)
WORKFLOW_ID: Final = names.enrichment_workflow_id(REQUEST.document_id, REQUEST.content_hash)
PROGRESS: Final = EnrichmentProgress(
    document_id=DOCUMENT_ID,
    project_name=PROJECT,
    correlation_id=CORRELATION,
    stage=Stage.ANALYSED,
    progress_percent=Stage.ANALYSED.percent,
    updated_at=AT + timedelta(seconds=6),
    estimated_completion=AT + timedelta(seconds=10),
    document_version=1,
)
COMPLETED: Final = EnrichmentCompleted(
    document_id=DOCUMENT_ID,
    project_name=PROJECT,
    enrichment_status=Outcome.SUCCESS,
    completed_at=AT + timedelta(seconds=9),
    processing_time_ms=8712,
    correlation_id=CORRELATION,
    enrichment_results=EnrichmentResults(entities_extracted=1, quality_score=0.75, complexity_score=0.0),
    content_hash=REQUEST.content_hash,
    document_version=1,
)
PARKED: Final = DeadLetter(
    **REQUEST.model_dump(mode="json", exclude_none=True),
    failure_reason="analysing: HTTP 400: unsupported language",
    failure_timestamp=AT + timedelta(seconds=9),
    failure_type=FailureType.DATA_QUALITY,
    original_message=original_message(REQUEST.model_dump_json(exclude_none=True).encode()),
    error_details=ErrorDetails(
        exception_type="IntelligenceRejectedError",
        exception_message="HTTP 400: unsupported language",
        service_health=ServiceHealth(intelligence_service="healthy", memgraph="healthy", qdrant="healthy"),
    ),
    workflow_id=WORKFLOW_ID,
)
POISON: Final = DeadLetter(
    failure_reason="value: Invalid JSON: expected value at line 1 column 1",
    failure_timestamp=AT,
    failure_type=FailureType.DATA_QUALITY,
    original_message=original_message(b"not JSON"),
    error_details=ErrorDetails(
        exception_type="InvalidInputError",
        exception_message="value: Invalid JSON: expected value at line 1 column 1",
    ),
    source=f"{names.TOPIC_ENRICHMENT}:2:41",
)
