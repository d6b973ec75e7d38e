"""In: requests and versions. Out: payloads of points, filters, and Qdrant's errors as ours."""

import contextlib
import math
from collections.abc import Iterator, Sequence
from typing import Any, Final
from uuid import UUID

import numpy as np
from qdrant_client import models
from qdrant_client.common.client_exceptions import QdrantException, ResourceExhaustedResponse
from qdrant_client.http.exceptions import ApiException, UnexpectedResponse

from archon.contracts.analysis import Terms
from archon.contracts.errors import StoreConflictError, StoreError, StoreRejectedError, StoreUnavailableError
from archon.contracts.events import EnrichmentRequest
from archon.contracts.types import EnrichmentStatus
from archon.runtime.http.clients import retry_after
from archon.runtime.reasons import in_words, place

NEVER: Final = models.Filter(must=[models.FieldCondition(key="version", range=models.Range(lt=0))])
"""Matches no point, so that an upsert with this filter only inserts."""
_OF_THE_REQUEST: Final = frozenset({413, 422})
_KEY_REFUSED: Final = frozenset({401, 403})
_MALFORMED: Final = ("Format error in JSON body", "Validation error in JSON body")
"""A request that is too large or malformed: by status and, for 400, by message, because 400 also means a
different collection, strict mode and other things."""
_DIGITS: Final = 7
"""Decimal places for a vector whose largest number is about 1: the precision of 32 bits."""


def payload(request: EnrichmentRequest, version: int, status: EnrichmentStatus) -> dict[str, Any]:
    """A point's payload: the document at a version."""
    return {
        "document_id": request.document_id,
        "project_name": request.project_name,
        "file_path": request.file_path,
        "document_type": str(request.resolved_type),
        "language": request.resolved_language,
        "content_hash": request.content_hash,
        "version": version,
        "enrichment_status": str(status),
    }


def numbers(vector: Sequence[float]) -> list[float]:
    """Numbers for Qdrant's client, with the digits of 32 bits: the additional digits of 64 bits would double
    the request."""
    found = np.asarray(vector, dtype=float)
    _, exponent = math.frexp(np.abs(found).max(initial=0))
    digits = _DIGITS - math.ceil(exponent * math.log10(2))
    rounded: list[float] = found.round(digits).tolist()
    return rounded


def sparse(terms: Terms) -> models.SparseVector:
    return models.SparseVector(indices=terms.indices.tolist(), values=numbers(terms.values))


@contextlib.contextmanager
def translated() -> Iterator[None]:
    """Raises the client's errors as ours. An error that is not known to be the request's fault counts as an
    outage."""
    try:
        yield
    except UnexpectedResponse as error:
        raise refused(error) from error
    except ResourceExhaustedResponse as error:
        seconds = getattr(error, "retry_after_s", None)
        raise StoreUnavailableError("qdrant", f"HTTP 429: {error!r}", seconds) from error
    except ValueError as error:
        raise StoreRejectedError("qdrant", repr(error)) from error
    except AssertionError as error:  # the client's error for an answer without a result
        raise StoreUnavailableError("qdrant", f"answers unlike any Qdrant: {error}") from error
    except (ApiException, QdrantException, OSError) as error:
        raise StoreUnavailableError("qdrant", f"{_place(error)}{in_words(error)}") from error


def _place(error: Exception) -> str:
    """The address of the failed request; qdrant-client keeps it with httpx's exception."""
    try:
        url = getattr(error, "source").request.url  # noqa: B009
    except (AttributeError, RuntimeError):
        return ""
    return f"{place(f'{url.scheme}://{url.netloc.decode()}', 'qdrant_url')}: "


def refused(error: UnexpectedResponse, doing: str = "") -> StoreError:
    """`doing` names the refused operation, if the answer does not."""
    text = error.content[:500].decode(errors="replace")
    reason = f"{doing}: HTTP {error.status_code}: {text}".removeprefix(": ")
    if error.status_code == 409:  # noqa: PLR2004
        return StoreConflictError("qdrant", reason)
    if error.status_code in _OF_THE_REQUEST or any(each in text for each in _MALFORMED):
        return StoreRejectedError("qdrant", reason)
    if error.status_code in _KEY_REFUSED:
        reason = f"QDRANT_API_KEY is missing or wrong, or not allowed to do this: {reason}"
    return StoreUnavailableError("qdrant", reason, retry_after(error.headers.get("retry-after")))


def document_of(point: models.Record) -> str | None:
    """The document of a point or chunk; None for another program's: ours name a UUID."""
    try:
        return str(UUID(str((point.payload or {}).get("document_id"))))
    except ValueError:
        return None


def version_up_to(version: int) -> models.Filter:
    """Points with the given version or an older one."""
    return models.Filter(must=[models.FieldCondition(key="version", range=models.Range(lte=version))])


def of_documents(document_ids: Sequence[str], up_to: int | None = None) -> models.Filter:
    """Chunks of these documents, optionally only those up to version `up_to`."""
    of_them = models.FieldCondition(key="document_id", match=models.MatchAny(any=list(document_ids)))
    return models.Filter(must=[of_them, *([] if up_to is None else [version_up_to(up_to)])])


def of_project(project_name: str) -> models.Filter:
    match = models.MatchValue(value=project_name)
    return models.Filter(must=[models.FieldCondition(key="project_name", match=match)])
