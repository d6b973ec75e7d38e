"""In: an enrichment request. Out: what Temporal is told beside it: search attributes, priority, fairness.

Each is cut to what Temporal takes: a name that it refused would stop its document.
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
"""A Keyword's column width in SQL visibility stores."""
_KEYWORD_BYTES: Final = 2048
"""Temporal's limit on a search attribute's value, in JSON that escapes whatever is not ASCII."""

DOCUMENT_ID: Final = SearchAttributeKey.for_keyword(names.SEARCH_DOCUMENT_ID)
DOCUMENT_VERSION: Final = SearchAttributeKey.for_keyword(names.SEARCH_DOCUMENT_VERSION)
ENRICHMENT_STATUS: Final = SearchAttributeKey.for_keyword(names.SEARCH_ENRICHMENT_STATUS)
FAILURE_TYPE: Final = SearchAttributeKey.for_keyword(names.SEARCH_FAILURE_TYPE)
FILE_PATH: Final = SearchAttributeKey.for_keyword(names.SEARCH_FILE_PATH)
PROJECT_NAME: Final = SearchAttributeKey.for_keyword(names.SEARCH_PROJECT_NAME)
"""What a run that is listed says of itself."""
_FILED: Final[Mapping[EnrichmentStatus | None, str]] = {
    EnrichmentStatus.PROCESSING: EnrichmentStatus.PROCESSING,
    EnrichmentStatus.COMPLETED: EnrichmentStatus.COMPLETED,
    EnrichmentStatus.FAILED: names.STATUS_PARKED,
    EnrichmentStatus.DISCARDED: EnrichmentStatus.DISCARDED,
}
"""A document's status by what its run is filed as."""


def search_attributes(request: EnrichmentRequest) -> TypedSearchAttributes:
    """What operators filter by, known when a run starts."""
    # Where it is None, the claim assigns it, and the run files it at its end.
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
    """Search attributes by name; None leaves one out."""
    return TypedSearchAttributes(
        [
            SearchAttributePair(SearchAttributeKey.for_keyword(name), keyword(value))
            for name, value in values.items()
            if value is not None
        ]
    )


def keyword(value: str) -> str:
    """As much of `value` as a search attribute takes."""
    value = value[:_KEYWORD_CHARACTERS]
    while len(json.dumps(value)) > _KEYWORD_BYTES:
        value = value[:-1]
    return value


def query_of(projects: Projects, status: EnrichmentStatus | None) -> str:
    """The visibility query that finds runs of these projects in this status; None is any. A status that
    no run has, such as `pending`, stands for any."""
    terms = [f"WorkflowType = '{names.WORKFLOW_ENRICH_DOCUMENT}'"]
    if projects is not None:
        named = ", ".join(_quoted(keyword(each)) for each in sorted(projects))
        terms.append(f"{names.SEARCH_PROJECT_NAME} IN ({named})")
    if status in _FILED:
        terms.append(f"{names.SEARCH_ENRICHMENT_STATUS} = '{_FILED[status]}'")
    return " AND ".join(terms)


def open_query_of(projects: Projects, status: EnrichmentStatus | None) -> str:
    """The same of those that have not ended."""
    return f"{query_of(projects, status)} AND ExecutionStatus = 'Running'"


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def priority(request: EnrichmentRequest) -> Priority:
    """Served by priority, and among equals in turn by project."""
    return Priority(
        priority_key=request.priority.temporal_key, fairness_key=fairness_key(request.project_name)
    )


def fairness_key(project_name: str) -> str:
    """The project's name, or its digest where the name is longer than Temporal takes."""
    if len(project_name.encode()) <= _FAIRNESS_KEY_BYTES:
        return project_name
    return hashlib.blake2b(project_name.encode(), digest_size=16).hexdigest()
