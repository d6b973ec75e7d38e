"""In: the values that a test cares about. Out: valid documents, requests, steps and analyses with them."""

from datetime import UTC, datetime
from itertools import pairwise
from typing import Any
from uuid import uuid4

from archon.contracts import identity
from archon.contracts.analysis import AnalysisResult, Entity, Relationship
from archon.contracts.documents import Document
from archon.contracts.events import EnrichmentRequest
from archon.contracts.types import DocumentType
from archon.contracts.workflow import Step


def document(project: str, text: str = "x = 1\n", **changes: Any) -> Document:
    values: dict[str, Any] = {
        "entity_id": str(uuid4()),
        "external_id": None,
        "name": "a.py",
        "project_name": project,
        "file_path": "src/a.py",
        "document_type": DocumentType.CODE,
        "language": "python",
        "content_hash": identity.content_hash(text),
        "indexed_at": datetime.now(UTC),
        "content_preview": text[:500],
        "metadata": {"file_size_bytes": len(text)},
    }
    return Document(**{**values, **changes})


def request(project: str = "p", text: str = "x = 1\n", **changes: Any) -> EnrichmentRequest:
    values: dict[str, Any] = {
        "document_id": str(uuid4()),
        "project_name": project,
        "content_hash": identity.content_hash(text),
        "file_path": "src/a.py",
        "indexed_at": datetime.now(UTC),
        "correlation_id": str(uuid4()),
    }
    return EnrichmentRequest(**{**values, **changes})


def request_of(found: Document, version: int | None = 1, **changes: Any) -> EnrichmentRequest:
    """The request that enriches `found`."""
    return request(
        found.project_name,
        document_id=found.entity_id,
        content_hash=found.content_hash,
        file_path=found.file_path,
        indexed_at=found.indexed_at,
        document_version=version,
        **changes,
    )


def step(of: EnrichmentRequest, version: int = 1, workflow_id: str = "enrich-1") -> Step:
    return Step(request=of, version=version, workflow_id=workflow_id)


def analysis(*names: str, **changes: Any) -> AnalysisResult:
    """An analysis with a function for each of `names`, each calling the next, and one import."""
    entities = [
        Entity(kind="function", name=name, qualified_name=name, start_line=number, end_line=number)
        for number, name in enumerate(names, 1)
    ]
    calls = [Relationship(kind="calls", source=source, target=target) for source, target in pairwise(names)]
    values: dict[str, Any] = {
        "entities_extracted": len(entities),
        "quality_score": 0.5,
        "complexity_score": 0.25,
        "patterns_detected": ["factory"],
        "anti_patterns_detected": ["long-function"],
        "entities": entities,
        "relationships": [*calls, Relationship(kind="imports", target="os")],
        "embedding": [1.0] + [0.0] * 255,
        "analyser_version": "test",
    }
    return AnalysisResult(**{**values, **changes})
