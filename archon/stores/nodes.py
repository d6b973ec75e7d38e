"""In: models. Out: the flat properties of graph nodes, and models again.

Times are ISO 8601 in UTC of one width, so that Cypher compares them as text.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final, TypeVar
from uuid import uuid5

from pydantic import BaseModel

from archon.contracts import identity
from archon.contracts.analysis import AnalysisResult, Entity
from archon.contracts.deletion import Tombstone
from archon.contracts.documents import Document
from archon.contracts.events import EnrichmentRequest, RequestMetadata
from archon.contracts.types import SETTLED, EnrichmentStatus, EnrichmentType, Priority
from archon.contracts.views import EntityView, StoredDocument
from archon.contracts.workflow import Step
from archon.runtime.logs import get_logger
from archon.stores import modules

_Shown = TypeVar("_Shown", bound=BaseModel)
_log = get_logger(__name__)

ENDED: Final = [str(status) for status in sorted(SETTLED)]
"""The same for Cypher: statuses in which no run works on or waits with a document."""

_UNRELATED: Final = frozenset({"heading", "link", "code_block"})
"""Kinds whose names are prose, and may be those of something else."""
_HASHES: Final = ("enrichment_content_hash", "quality_content_hash", "entities_content_hash")
"""Properties that name a content of a document beside its present and its past ones."""


def timestamp(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def described(document: Document) -> dict[str, Any]:
    """What may change without the content changing."""
    return {
        "entity_type": "document",
        "external_id": document.external_id,
        "name": document.name,
        "file_path": document.file_path,
        "source_path": document.file_path,
        "document_type": str(document.document_type),
        "language": document.language,
        "import_key": modules.import_key(document.project_name, document.file_path, document.language),
        "metadata": json.dumps(document.metadata, ensure_ascii=False, sort_keys=True),
        "confidence_score": 1.0,
        "posted_at": timestamp(document.indexed_at),
    }


def content(document: Document, status: EnrichmentStatus) -> dict[str, Any]:
    """What changes with the content."""
    return {
        "content_hash": document.content_hash,
        "content_preview": document.content_preview,
        "indexed_at": timestamp(document.indexed_at),
        "enrichment_status": str(status),
    }


def outbox(correlation_id: str, priority: Priority, enrichment_type: EnrichmentType) -> dict[str, Any]:
    """A request that Kafka has not acknowledged yet."""
    return {
        "outbox": "pending",
        "correlation_id": correlation_id,
        "priority": str(priority),
        "enrichment_type": str(enrichment_type),
    }


def past_hashes(node: Mapping[str, Any], content_hash: str) -> list[str] | None:
    """Every content that the node has had before, once this one takes its place; None for none."""
    past, present = list(node["past_hashes"] or []), node["content_hash"]
    if present is not None and present != content_hash and present not in past:
        past.append(present)
    return past or None


def tombstone(node: Mapping[str, Any]) -> Tombstone:
    """What a deletion must know of a node that is marked as deleted."""
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
    """The properties of a run that is parked or given up; the next claim finds who waits."""
    properties = {"enrichment_status": str(status), "workflow_id": step.workflow_id}
    if status is EnrichmentStatus.DISCARDED:
        properties["discarded_request"] = step.request.correlation_id
    return properties


def entity_rows(step: Step, result: AnalysisResult, written_by: str) -> list[dict[str, Any]]:
    """One row an entity, sorted by key so that writers lock in one order."""
    document_id, bases = step.request.document_id, _bases(result)
    rows = [
        {
            "entity_id": _entity_id(document_id, entity),
            "document_id": document_id,
            "project_name": step.request.project_name,
            "entity_type": entity.kind,
            "kind": entity.kind,
            "name": entity.name,
            "qualified_name": entity.qualified_name,
            "ordinal": entity.ordinal,
            "start_line": entity.start_line,
            "end_line": entity.end_line,
            "signature": entity.signature,
            "documentation": entity.documentation,
            "inherits": bases.get(entity.qualified_name) if entity.kind not in _UNRELATED else None,
            "confidence_score": entity.confidence,
            "body_hash": entity.body_hash,
            "written_by": written_by,
        }
        for entity in result.entities
    ]
    return sorted({row["entity_id"]: row for row in rows}.values(), key=lambda row: str(row["entity_id"]))


def import_rows(step: Step, result: AnalysisResult) -> list[dict[str, Any]]:
    """One row an imported module with what is taken from it, sorted by key. A module has one name in all of
    the project where its language's imports are known."""
    request = step.request
    family, path = modules.family_of(request.resolved_language), modules.normal(request.file_path)
    taken: dict[str, set[str]] = defaultdict(set)
    for item in result.relationships:
        if item.kind == "imports":
            taken[family.module(path, item.target) if family else item.target].update(item.names)
    rows = [
        {
            "module_id": module_id(request.project_name, name),
            "name": name,
            "project_name": request.project_name,
            "names": sorted(names),
        }
        for name, names in taken.items()
    ]
    return sorted(rows, key=lambda row: str(row["module_id"]))


def module_id(project: str, name: str) -> str:
    return str(uuid5(identity.NAMESPACE, f"{project}\0module\0{name}"))


def relation_rows(step: Step, result: AnalysisResult, kind: str) -> list[dict[str, Any]]:
    """One row a call, or an inheritance, whose both ends are entities of this document."""
    ids: dict[str, str] = {}
    for entity in result.entities:
        if entity.kind not in _UNRELATED:
            ids.setdefault(entity.qualified_name, _entity_id(step.request.document_id, entity))
    pairs = {
        (ids[item.source], ids[item.target])
        for item in result.relationships
        if item.kind == kind and item.source in ids and item.target in ids
    }
    return [{"source": source, "target": target, "type": kind.upper()} for source, target in sorted(pairs)]


def _bases(result: AnalysisResult) -> Mapping[str, list[str]]:
    """By qualified name, what an entity inherits, as it is written there."""
    bases: dict[str, list[str]] = defaultdict(list)
    for item in result.relationships:
        if item.kind == "inherits" and item.source is not None:
            bases[item.source].append(item.target)
    return bases


def _entity_id(document_id: str, entity: Entity) -> str:
    return identity.entity_id(document_id, entity.kind, entity.qualified_name, entity.ordinal)


def enriched(step: Step, result: AnalysisResult) -> dict[str, Any]:
    """The properties an enrichment of this type sets: each part its own, a whole one all and `completed`."""
    kind, content_hash = step.request.enrichment_type, step.request.content_hash
    properties: dict[str, Any] = {}
    if kind is not EnrichmentType.ENTITIES_ONLY:
        properties |= {
            "quality_score": result.quality_score,
            "complexity_score": result.complexity_score,
            "patterns_detected": result.patterns_detected,
            "anti_patterns_detected": result.anti_patterns_detected,
            "quality_content_hash": content_hash,
        }
    if kind is not EnrichmentType.QUALITY_ONLY:
        properties |= {
            "entities_extracted": result.entities_extracted,
            "entities_content_hash": content_hash,
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


def readable(shown: type[_Shown], rows: Iterable[Mapping[str, Any]]) -> list[_Shown]:
    """Rows as models. One of a node that others have spoilt must not hide the rest: it is logged and left
    out; a reconciliation reports it."""
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
    """A node as a model, with what is `related` to it; what it lacks is None or empty."""
    same = {name: node[name] for name in StoredDocument.model_fields if node.get(name) is not None}
    return StoredDocument.model_validate(
        {
            "external_id": None,
            **same,
            "document_id": node["entity_id"],
            "metadata": json.loads(node.get("metadata") or "{}"),
            **related,
            "entities": [EntityView.model_validate(entity) for entity in entities],
        }
    )


def outbox_request(node: Mapping[str, Any]) -> EnrichmentRequest:
    """The request a node's outbox mark stands for."""
    return request_of(node, node["correlation_id"])


def request_of(node: Mapping[str, Any], correlation_id: str) -> EnrichmentRequest:
    """What has a node's present content enriched. Raises ValueError or KeyError for a node that others have
    spoilt."""
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
