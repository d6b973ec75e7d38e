"""In: models. Out: the flat properties of graph nodes, and models from them.

Times are ISO 8601 in UTC with a fixed width, so Cypher compares them as text.
"""

import json
import zlib
from binascii import a2b_base64, b2a_base64
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

from pydantic import BaseModel

from archon.contracts import imports as modules
from archon.contracts.analysis import AnalysisResult
from archon.contracts.documents import Document
from archon.contracts.events import EnrichmentRequest, RequestMetadata
from archon.contracts.operations.deletion import Tombstone
from archon.contracts.types import SETTLED, EnrichmentStatus, EnrichmentType, Priority
from archon.contracts.views import EntityView, Reasons, StoredDocument
from archon.contracts.workflow import Step
from archon.runtime.logs import get_logger
from archon.stores.graph import rows as enrichment_rows

_Shown = TypeVar("_Shown", bound=BaseModel)
_log = get_logger(__name__)

ENDED: Final = [str(status) for status in sorted(SETTLED)]
"""The same for Cypher: statuses in which no run works on a document or waits with it."""

_HASHES: Final = ("enrichment_content_hash", "quality_content_hash", "entities_content_hash")
"""Properties with content hashes, besides the current content and the past ones."""
_WHY_BYTES: Final = 1_000_000
"""Maximum bytes of a document's reasons, uncompressed."""


def timestamp(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def described(document: Document) -> dict[str, Any]:
    """The properties that may change without the content."""
    return {
        "entity_type": "document",
        "external_id": document.external_id,
        "name": document.name,
        "file_path": document.file_path,
        "source_path": document.file_path,
        "original_path": _original_path(document.metadata),
        "document_type": str(document.document_type),
        "named_language": document.language,
        "import_key": modules.import_key(document.project_name, document.file_path, document.language),
        "metadata": json.dumps(document.metadata, ensure_ascii=False, sort_keys=True),
        "confidence_score": 1.0,
        "posted_at": timestamp(document.indexed_at),
    }


def _original_path(metadata: Mapping[str, Any]) -> str | None:
    """The original path of a renamed file, if an ingest has set it; a client's metadata may contain
    anything."""
    given = metadata.get("original_path")
    return given if isinstance(given, str) else None


def content(document: Document, status: EnrichmentStatus) -> dict[str, Any]:
    """The properties that change with the content."""
    return {
        "content_hash": document.content_hash,
        "content_preview": document.content_preview,
        "indexed_at": timestamp(document.indexed_at),
        "enrichment_status": str(status),
    }


def outbox(correlation_id: str, priority: Priority, enrichment_type: EnrichmentType) -> dict[str, Any]:
    """The mark of a request that Kafka has not acknowledged yet."""
    return {
        "outbox": "pending",
        "correlation_id": correlation_id,
        "priority": str(priority),
        "enrichment_type": str(enrichment_type),
    }


def past_hashes(node: Mapping[str, Any], content_hash: str) -> list[str] | None:
    """All earlier contents of the node, when this one replaces the current one; None if there are none."""
    past, present = list(node["past_hashes"] or []), node["content_hash"]
    if present is not None and present != content_hash and present not in past:
        past.append(present)
    return past or None


def tombstone(node: Mapping[str, Any]) -> Tombstone:
    """The data of a marked node that a deletion needs."""
    hashes = [node.get("content_hash"), *(node.get("past_hashes") or []), *map(node.get, _HASHES)]
    workflow_ids = [node.get("workflow_id"), node.get("previous_workflow_id")]
    return Tombstone(
        document_id=node["entity_id"],
        version=node["version"],
        hashes=list(dict.fromkeys(filter(None, hashes))),
        workflow_ids=list(dict.fromkeys(filter(None, workflow_ids))),
        dead_lettered=bool(node.get("dead_lettered")),
    )


def marked(step: Step, status: EnrichmentStatus) -> dict[str, Any]:
    """The properties for a parked or discarded run; the next claim finds the waiting run by them."""
    properties: dict[str, Any] = {"enrichment_status": str(status), "workflow_id": step.workflow_id}
    if status is EnrichmentStatus.FAILED:
        properties["dead_lettered"] = True  # even if the graph missed the publishing
    if status is EnrichmentStatus.DISCARDED:
        properties["discarded_request"] = step.request.correlation_id
    return properties


def enriched(step: Step, result: AnalysisResult) -> dict[str, Any]:
    """The properties that an enrichment of this type sets: a part its own, a whole one all and
    `completed`."""
    kind, content_hash = step.request.enrichment_type, step.request.content_hash
    properties: dict[str, Any] = {"language": step.request.resolved_language}
    if kind is not EnrichmentType.ENTITIES_ONLY:
        properties |= {
            "quality_score": result.quality_score,
            "complexity_score": result.complexity_score,
            "patterns_detected": result.patterns_detected,
            "anti_patterns_detected": result.anti_patterns_detected,
            "why": _why(result),
            "quality_content_hash": content_hash,
        }
    if kind is not EnrichmentType.QUALITY_ONLY:
        properties |= {
            "entities_extracted": result.entities_extracted,
            "not_understood": result.not_understood,
            "entities_content_hash": content_hash,
            "code_map": result.code_map,
            "linked_as": enrichment_rows.linked_as(step, result),
            "import_key": modules.import_key(
                step.request.project_name, step.request.file_path, step.request.resolved_language
            ),
        }
    if kind.whole:
        properties |= {
            "enrichment_status": str(EnrichmentStatus.COMPLETED),
            "enriched_at": timestamp(datetime.now(UTC)),
            "enrichment_content_hash": content_hash,
            "analyser_version": result.analyser_version,
            "embedded": result.embedding is not None,
            "workflow_id": step.workflow_id,
        }
    return properties


def _why(result: AnalysisResult) -> str | None:
    """Compressed JSON: a third of its size."""
    reasons = Reasons.of(result)
    if reasons == Reasons():
        return None
    data = reasons.model_dump_json(exclude_defaults=True).encode()
    return b2a_base64(zlib.compress(data), newline=False).decode()


def _reasons(why: object) -> Reasons | None:
    """Raises ValueError if `why` is damaged."""
    if not isinstance(why, str):
        return None
    try:
        data = zlib.decompressobj().decompress(a2b_base64(why), _WHY_BYTES)
    except zlib.error as error:
        raise ValueError(f"its reasons are damaged: {error}") from error
    return Reasons.model_validate_json(data)


def readable(shown: type[_Shown], rows: Iterable[Mapping[str, Any]]) -> list[_Shown]:
    """Rows as models. A damaged node must not hide the rest: it is logged and omitted; reconciliation reports
    it."""
    found = []
    for row in rows:
        try:
            found.append(shown.model_validate(row))
        except ValueError as error:  # a model's ValidationError is a ValueError
            document_id = row.get("document_id", row.get("id"))
            _log.warning("document_unreadable", document_id=document_id, error=str(error))
    return found


def stored_document(
    node: Mapping[str, Any], entities: list[Mapping[str, Any]], **related: Any
) -> StoredDocument:
    """A node as a model, with its `related` rows; missing properties become None or empty."""
    same = {name: node[name] for name in StoredDocument.model_fields if node.get(name) is not None}
    return StoredDocument.model_validate(
        {
            "external_id": None,
            **same,
            "document_id": node["entity_id"],
            "metadata": json.loads(node.get("metadata") or "{}"),
            "why": _reasons(node.get("why")),
            **related,
            "entities": [EntityView.model_validate(entity) for entity in entities],
        }
    )


def outbox_request(node: Mapping[str, Any]) -> EnrichmentRequest:
    """The request of a node's outbox mark."""
    return request_of(node, node["correlation_id"])


def request_of(node: Mapping[str, Any], correlation_id: str) -> EnrichmentRequest:
    """The request that enriches a node's current content. Raises ValueError or KeyError for a damaged
    node."""
    return EnrichmentRequest(
        document_id=node["entity_id"],
        project_name=node["project_name"],
        content_hash=node["content_hash"],
        file_path=node["file_path"],
        indexed_at=node["indexed_at"],
        correlation_id=correlation_id,
        document_type=node.get("document_type"),
        language=node.get("language"),
        enrichment_type=node.get("enrichment_type") or EnrichmentType.FULL,
        priority=node.get("priority") or Priority.NORMAL,
        metadata=RequestMetadata.within(json.loads(node.get("metadata") or "{}")),
        document_version=node["version"],
    )
