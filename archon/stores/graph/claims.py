"""In: a node's state under its lock, and a request. Out: whether to enrich the request, and the node's new
state."""

from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import uuid4

from neo4j import AsyncManagedTransaction

from archon.contracts import imports as modules
from archon.contracts.errors import InvalidInputError, ProjectConflictError
from archon.contracts.events import EnrichmentRequest
from archon.contracts.types import HIGHEST_FIRST, EnrichmentStatus, EnrichmentType
from archon.contracts.workflow import Claim, Decision
from archon.stores.bolt.session import run
from archon.stores.changes.keys import changed_key
from archon.stores.graph import nodes
from archon.stores.graph.nodes import timestamp

_OWN_HASH: Final[Mapping[EnrichmentType, str]] = {
    EnrichmentType.FULL: "enrichment_content_hash",
    EnrichmentType.INCREMENTAL: "enrichment_content_hash",
    EnrichmentType.QUALITY_ONLY: "quality_content_hash",
    EnrichmentType.ENTITIES_ONLY: "entities_content_hash",
}

Item = tuple[EnrichmentRequest, str]
"""A request, and the id of the workflow that claims it."""


async def claim(requests: Sequence[Item], transaction: AsyncManagedTransaction) -> list[Claim]:
    """Decides each of `requests`, each for another document, under the nodes' locks. Raises as `decide`
    does."""
    # Sorted by key, so that writers lock in one order.
    ids = sorted(request.document_id for request, _ in requests)
    found = {row["id"]: row for row in await run(transaction, "claim_lock", ids=ids, lock=str(uuid4()))}
    claims, changed = [], []
    for request, workflow_id in requests:
        node = found[request.document_id]
        granted = decide(node, request, workflow_id)
        claims.append(granted)
        properties = claimed(node, request, granted, workflow_id)
        if "content_hash" in properties:
            properties["changed_key"] = changed_key(request.project_name)
        if granted.decision is Decision.PROCEED and properties:
            changed.append({"id": request.document_id, "properties": properties})
    if changed:
        await run(transaction, "set_properties", rows=changed)
    return claims


def decide(node: Mapping[str, Any], request: EnrichmentRequest, workflow_id: str) -> Claim:
    """Whether to enrich `request`, and at which version.

    `node` is the document's state before; its version is 0 if there was none. Raises InvalidInputError for a
    first version that leaves no room for later ones, ProjectConflictError.
    """
    if node["version"] == 0:
        version = request.document_version or 1
        if version > HIGHEST_FIRST:
            raise InvalidInputError(
                "document_version", f"is {version}; a first version is at most {HIGHEST_FIRST}"
            )
        return Claim(decision=Decision.PROCEED, version=version)
    version, status = node["version"], EnrichmentStatus(node["status"])
    if status is EnrichmentStatus.DELETED:  # its tombstone has no project
        return Claim(decision=Decision.SUPERSEDED, version=version)
    if node["project_name"] != request.project_name:
        raise ProjectConflictError(request.document_id)
    dead_lettered = bool(node["dead_lettered"])
    # A claim whose answer was lost is repeated, and must give the same previous workflow.
    mine = node["workflow_id"] == workflow_id
    previous = node["previous_workflow_id"] if mine else node["workflow_id"]
    working = status in {EnrichmentStatus.PROCESSING, EnrichmentStatus.FAILED}
    if node["content_hash"] != request.content_hash:
        later = timestamp(request.indexed_at) > (node["indexed_at"] or "")
        if request.document_version is not None or not later:
            return Claim(decision=Decision.SUPERSEDED, version=version)
        return Claim(
            decision=Decision.PROCEED,
            version=version + 1,
            previous_workflow_id=previous if working else None,
            dead_lettered=dead_lettered,
            former=len(nodes.past_hashes(node, request.content_hash) or ()),
        )
    if not request.again and _nothing_missing(node, request, status):
        return Claim(decision=Decision.DUPLICATE, version=version, dead_lettered=dead_lettered)
    return Claim(
        decision=Decision.PROCEED,
        version=version,
        previous_workflow_id=previous,
        dead_lettered=dead_lettered,
    )


def _nothing_missing(node: Mapping[str, Any], request: EnrichmentRequest, status: EnrichmentStatus) -> bool:
    if status is EnrichmentStatus.DISCARDED and node["discarded_request"] == request.correlation_id:
        return True  # redelivered: enriching it again takes a new request
    done = node[_OWN_HASH[request.enrichment_type]] == request.content_hash
    return done and (status is EnrichmentStatus.COMPLETED or not request.enrichment_type.whole)


def claimed(
    node: Mapping[str, Any], request: EnrichmentRequest, claim: Claim, workflow_id: str
) -> dict[str, Any]:
    """The node's properties after a granted `claim`."""
    whole = request.enrichment_type.whole
    properties: dict[str, Any] = {}
    if whole:
        properties |= {
            "outbox": "published",
            "workflow_id": workflow_id,
            "previous_workflow_id": claim.previous_workflow_id,
            "enrichment_status": str(EnrichmentStatus.PROCESSING),
        }
    if claim.version != node["version"] or node["version"] == 0:
        properties |= {
            "version": claim.version,
            "entity_type": "document",
            "project_name": request.project_name,
            "name": request.file_path.rpartition("/")[2] or request.file_path,
            "file_path": request.file_path,
            "source_path": request.file_path,
            "document_type": str(request.resolved_type),
            "language": request.resolved_language,
            "import_key": modules.import_key(
                request.project_name, request.file_path, request.resolved_language
            ),
            "content_hash": request.content_hash,
            "past_hashes": nodes.past_hashes(node, request.content_hash),
            "content_preview": "",
            "indexed_at": timestamp(request.indexed_at),
            "metadata": request.metadata.model_dump_json(exclude_none=True),
            "confidence_score": 1.0,
            "workflow_id": workflow_id,
            "enrichment_status": str(EnrichmentStatus.PROCESSING if whole else EnrichmentStatus.PENDING),
            "priority": str(request.priority),
            "enrichment_type": str(request.enrichment_type) if whole else None,
        }
    return properties
