"""In: ids and versions. Out: points found and removed, none that is newer; and errors as ours."""

import contextlib
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from typing import Any, Final

from pydantic import ValidationError
from qdrant_client import AsyncQdrantClient, models
from qdrant_client.common.client_exceptions import QdrantException
from qdrant_client.http.exceptions import ApiException, ResponseHandlingException, UnexpectedResponse

from archon.contracts.errors import StoreConflictError, StoreError, StoreRejectedError, StoreUnavailableError
from archon.contracts.events import EnrichmentRequest
from archon.contracts.types import EnrichmentStatus

_PAGE: Final = 500
NEVER: Final = models.Filter(must=[models.FieldCondition(key="version", range=models.Range(lt=0))])
"""Matches no point, so that an upsert under it only inserts."""


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


class Points:
    """What a deletion needs of the collection. Raises StoreError."""

    def __init__(self, client: AsyncQdrantClient, collection: str) -> None:
        self._client = client
        self._collection = collection

    async def delete(self, versions: Mapping[str, int]) -> int:
        """Delete the points of these documents, but for one that is at a later version than is said here.

        How many there were.
        """
        with translated():
            found = await self._client.retrieve(
                self._collection, list(versions), with_payload=["version"], with_vectors=False
            )
            stale = [point for point in found if _version(point) <= versions[str(point.id)]]
            by_version = defaultdict(list)
            for point in stale:
                by_version[versions[str(point.id)]].append(point.id)
            for version, ids in by_version.items():
                selector = models.FilterSelector(filter=_up_to(version, ids))
                await self._client.delete(self._collection, selector, wait=True)
        return len(stale)

    async def of_project(self, project_name: str) -> AsyncIterator[Mapping[str, int]]:
        """The versions of a project's points by document id, a page at a time."""
        match = models.MatchValue(value=project_name)
        of_it = models.Filter(must=[models.FieldCondition(key="project_name", match=match)])
        after = None
        while True:
            with translated():
                page, after = await self._client.scroll(
                    self._collection, of_it, limit=_PAGE, offset=after, with_payload=["version"]
                )
            yield {str(point.id): _version(point) for point in page}
            if after is None:
                return


def _version(point: models.Record) -> int:
    return int((point.payload or {}).get("version") or 0)


def _up_to(version: int, ids: Sequence[models.ExtendedPointId]) -> models.Filter:
    """These points, unless one is at a later version. One without a version is nobody's."""
    later = models.FieldCondition(key="version", range=models.Range(gt=version))
    return models.Filter(must=[models.HasIdCondition(has_id=list(ids))], must_not=[later])
