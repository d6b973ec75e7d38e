"""In: a claimed step and its analysis. Out: the rows that an enrichment writes in addition to the document's
node."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final
from uuid import uuid5

from blake3 import blake3

from archon.contracts import identity
from archon.contracts import imports as modules
from archon.contracts.analysis import AnalysisResult, Entity
from archon.contracts.workflow import Step

_UNRELATED: Final = frozenset({"heading", "link", "code_block"})
"""Kinds whose names are prose, so equal names need not mean the same thing."""


def rows(step: Step, result: AnalysisResult) -> Mapping[str, list[dict[str, Any]]]:
    """Rows by statement, in the order for a large analysis: imports first, because MERGE scans all edges that
    the document already has."""
    ids = [_entity_id(step.request.document_id, entity) for entity in result.entities]
    related = {
        entity.qualified_name: each
        for entity, each in reversed([*zip(result.entities, ids, strict=True)])
        if entity.kind not in _UNRELATED
    }
    return {
        "merge_imports": import_rows(step, result),
        "merge_entities": _entity_rows(step, result, ids),
        "merge_calls": _relation_rows(related, result, "calls"),
        "merge_inherits": _relation_rows(related, result, "inherits"),
    }


def written_by(step: Step, ids: Iterable[str]) -> str:
    """Equal for every attempt: overlapping attempts must not treat each other's entities as stale."""
    return blake3("\0".join([str(step.version), *sorted(ids)]).encode()).hexdigest()


def _entity_rows(step: Step, result: AnalysisResult, ids: Sequence[str]) -> list[dict[str, Any]]:
    """One row for each entity, sorted by key so that writers lock in one order."""
    request, bases, by = step.request, _bases(result), written_by(step, ids)
    found = {
        each: {
            "entity_id": each,
            "document_id": request.document_id,
            "project_name": request.project_name,
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
            "written_by": by,
        }
        for each, entity in zip(ids, result.entities, strict=True)
    }
    return [row for _, row in sorted(found.items())]


def import_rows(step: Step, result: AnalysisResult) -> list[dict[str, Any]]:
    """One row for each imported module, with the imported names, sorted by key. If the language's imports are
    known, a module has the same name in the whole project."""
    request = step.request
    family, path = modules.family_of(request.resolved_language), modules.normal(request.file_path)
    taken: dict[str, set[str]] = defaultdict(set)
    for item in result.relationships:
        if item.kind == "imports":
            taken[family.module(path, item.target) if family else item.target].update(item.names)
    found = [
        {
            "module_id": module_id(request.project_name, name),
            "name": name,
            "project_name": request.project_name,
            "names": sorted(names),
        }
        for name, names in taken.items()
    ]
    return sorted(found, key=lambda row: str(row["module_id"]))


def module_id(project: str, name: str) -> str:
    return str(uuid5(identity.NAMESPACE, f"{project}\0module\0{name}"))


def _relation_rows(ids: Mapping[str, str], result: AnalysisResult, kind: str) -> list[dict[str, Any]]:
    """One row for each call or inheritance between two entities of this document; `ids` by name."""
    ends = [
        (ids.get(item.source or ""), ids.get(item.target))
        for item in result.relationships
        if item.kind == kind
    ]
    pairs = {(source, target) for source, target in ends if source is not None and target is not None}
    return [{"source": source, "target": target, "type": kind.upper()} for source, target in sorted(pairs)]


def _bases(result: AnalysisResult) -> Mapping[str, list[str]]:
    """Base types of each entity, as written, by qualified name."""
    bases: dict[str, list[str]] = defaultdict(list)
    for item in result.relationships:
        if item.kind == "inherits" and item.source is not None:
            bases[item.source].append(item.target)
    return bases


def _entity_id(document_id: str, entity: Entity) -> str:
    return identity.entity_id(document_id, entity.kind, entity.qualified_name, entity.ordinal)


def linked_as(step: Step, result: AnalysisResult) -> str:
    """A value that changes whenever other documents' imports may resolve differently because of this
    document."""
    request = step.request
    named = go_modules(result) if request.resolved_language == modules.ROOTS else []
    return "\n".join([request.resolved_language or "", modules.normal(request.file_path), *named])


def go_modules(result: AnalysisResult) -> list[str]:
    """The names of the Go modules that a go.mod declares."""
    return sorted(each.name for each in result.entities if each.kind == "module")
