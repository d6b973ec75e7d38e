"""In: requests and versions. Out: what points say, the filters they are found by, and errors as ours."""

import contextlib
import math
from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np
from pydantic import ValidationError
from qdrant_client import models
from qdrant_client.common.client_exceptions import QdrantException
from qdrant_client.http.exceptions import ApiException, ResponseHandlingException, UnexpectedResponse

from archon.contracts.analysis import Terms
from archon.contracts.errors import StoreConflictError, StoreError, StoreRejectedError, StoreUnavailableError
from archon.contracts.events import EnrichmentRequest
from archon.contracts.types import EnrichmentStatus

NEVER: Final = models.Filter(must=[models.FieldCondition(key="version", range=models.Range(lt=0))])
"""Matches no point, so that an upsert under it only inserts."""
_DIGITS: Final = 7
"""Decimal places of a vector whose largest number is about 1: what 32 bits tell apart there."""


def payload(request: EnrichmentRequest, version: int, status: EnrichmentStatus) -> dict[str, Any]:
    """What a point says of its document at a version."""
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
    """As Qdrant's client takes them: with the digits that 32 bits have, and without those that 64 bits add,
    which would double the request."""
    found = np.asarray(vector, dtype=float)
    _, exponent = math.frexp(np.abs(found).max(initial=0))
    digits = _DIGITS - math.ceil(exponent * math.log10(2))
    rounded: list[float] = found.round(digits).tolist()
    return rounded


def sparse(terms: Terms) -> models.SparseVector:
    return models.SparseVector(indices=terms.indices.tolist(), values=numbers(terms.values))


@contextlib.contextmanager
def translated() -> Iterator[None]:
    """Raise the client's errors as ours."""
    try:
        yield
    except UnexpectedResponse as error:
        raise _refused(error) from error
    except (ResponseHandlingException, OSError) as error:
        raise StoreUnavailableError("qdrant", repr(error)) from error
    except (ApiException, QdrantException, ValidationError, ValueError) as error:
        raise StoreRejectedError("qdrant", repr(error)) from error


def _refused(error: UnexpectedResponse) -> StoreError:
    reason = f"HTTP {error.status_code}: {error.content[:500].decode(errors='replace')}"
    if error.status_code == 409:  # noqa: PLR2004
        return StoreConflictError("qdrant", reason)
    # 401 and 403 are our configuration and say nothing of a document: wait until it is mended.
    if error.status_code in {401, 403, 408, 429, 500, 502, 503, 504}:
        return StoreUnavailableError("qdrant", reason)
    return StoreRejectedError("qdrant", reason)


def version_up_to(version: int) -> models.Filter:
    """Points that are not at a later version."""
    return models.Filter(must=[models.FieldCondition(key="version", range=models.Range(lte=version))])


def of_documents(document_ids: Sequence[str], up_to: int | None = None) -> models.Filter:
    """Chunks of these documents, of a version that is not later than `up_to` where that is said."""
    of_them = models.FieldCondition(key="document_id", match=models.MatchAny(any=list(document_ids)))
    return models.Filter(must=[of_them, *([] if up_to is None else [version_up_to(up_to)])])


def of_project(project_name: str) -> models.Filter:
    match = models.MatchValue(value=project_name)
    return models.Filter(must=[models.FieldCondition(key="project_name", match=match)])
