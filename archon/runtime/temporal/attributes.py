"""In: an enrichment request. Out: its search attributes, priority and fairness key for Temporal.

Each is shortened to Temporal's limits: a refused name would block its document.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Final

from temporalio.common import Priority, SearchAttributeKey, SearchAttributePair, TypedSearchAttributes

from archon.contracts import names
from archon.contracts.events import EnrichmentRequest
from archon.contracts.types import EnrichmentStatus, Projects

_FAIRNESS_KEY_BYTES: Final = 64
"""Temporal's limit on a fairness key."""
_KEYWORD_CHARACTERS: Final = 255
"""Width of a Keyword column in SQL visibility stores."""
_KEYWORD_BYTES: Final = 2048
"""Temporal's limit on a search attribute's value, in JSON with escaped non-ASCII characters."""

DOCUMENT_ID: Final = SearchAttributeKey.for_keyword(names.SEARCH_DOCUMENT_ID)
DOCUMENT_VERSION: Final = SearchAttributeKey.for_keyword(names.SEARCH_DOCUMENT_VERSION)
ENRICHMENT_STATUS: Final = SearchAttributeKey.for_keyword(names.SEARCH_ENRICHMENT_STATUS)
FAILURE_TYPE: Final = SearchAttributeKey.for_keyword(names.SEARCH_FAILURE_TYPE)
FILE_PATH: Final = SearchAttributeKey.for_keyword(names.SEARCH_FILE_PATH)
PROJECT_NAME: Final = SearchAttributeKey.for_keyword(names.SEARCH_PROJECT_NAME)
"""The attributes of a run in a listing."""
_FILED: Final[Mapping[EnrichmentStatus | None, str]] = {
    EnrichmentStatus.PROCESSING: EnrichmentStatus.PROCESSING,
    EnrichmentStatus.COMPLETED: EnrichmentStatus.COMPLETED,
    EnrichmentStatus.FAILED: names.STATUS_PARKED,
    EnrichmentStatus.DISCARDED: EnrichmentStatus.DISCARDED,
}
"""A document's status for each value of the run's status attribute."""


def search_attributes(request: EnrichmentRequest) -> TypedSearchAttributes:
    """The filters for operators that are known when a run starts."""
    # If None, the claim assigns it, and the run sets the attribute at its end.
    version = request.document_version
    values = {
        names.SEARCH_PROJECT_NAME: request.project_name,
        names.SEARCH_DOCUMENT_ID: request.document_id,
        names.SEARCH_DOCUMENT_TYPE: str(request.resolved_type),
        names.SEARCH_LANGUAGE: request.resolved_language or "unknown",
        names.SEARCH_ENRICHMENT_STATUS: str(EnrichmentStatus.PROCESSING),
        names.SEARCH_FILE_PATH: request.file_path,
        names.SEARCH_DOCUMENT_VERSION: str(version) if version is not None else None,
    }
    return keywords(values)


def keywords(values: Mapping[str, str | None]) -> TypedSearchAttributes:
    """Search attributes by name; None omits an attribute."""
    return TypedSearchAttributes(
        [
            SearchAttributePair(SearchAttributeKey.for_keyword(name), keyword(value))
            for name, value in values.items()
            if value is not None
        ]
    )


def keyword(value: str) -> str:
    """`value`, shortened to the limits of a search attribute."""
    value = value[:_KEYWORD_CHARACTERS]
    while len(json.dumps(value)) > _KEYWORD_BYTES:
        value = value[:-1]
    return value


def query_of(projects: Projects, status: EnrichmentStatus | None) -> str:
    """The visibility query for runs of these projects with this status; None matches all. A status that no
    run has, such as `pending`, matches all."""
    terms = [f"WorkflowType = '{names.WORKFLOW_ENRICH_DOCUMENT}'"]
    if projects is not None:
        named = ", ".join(_quoted(keyword(each)) for each in sorted(projects))
        terms.append(f"{names.SEARCH_PROJECT_NAME} IN ({named})")
    if status in _FILED:
        terms.append(f"{names.SEARCH_ENRICHMENT_STATUS} = '{_FILED[status]}'")
    return " AND ".join(terms)


def open_query_of(projects: Projects, status: EnrichmentStatus | None) -> str:
    """The same query, restricted to open runs."""
    return f"{query_of(projects, status)} AND ExecutionStatus = 'Running'"


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def priority(request: EnrichmentRequest) -> Priority:
    """Temporal serves by priority, and runs of equal priority in turn by project."""
    return Priority(
        priority_key=request.priority.temporal_key, fairness_key=fairness_key(request.project_name)
    )


def fairness_key(project_name: str) -> str:
    """The project's name, or its digest if the name exceeds Temporal's limit."""
    if len(project_name.encode()) <= _FAIRNESS_KEY_BYTES:
        return project_name
    return hashlib.blake2b(project_name.encode(), digest_size=16).hexdigest()
