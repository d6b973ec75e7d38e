"""In: deleted documents. Out: their points and chunks removed, except those of later versions."""

from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Final

from qdrant_client import AsyncQdrantClient, models

from archon.contracts.operations.deletion import DeletionCounts
from archon.stores.vectors.chunks import Chunks
from archon.stores.vectors.points import document_of, of_project, translated

_PAGE: Final = 500


class Removal:
    """The operations on both collections that a deletion needs. Raises StoreError."""

    def __init__(self, client: AsyncQdrantClient, documents: str, symbols: str, chunks: Chunks) -> None:
        self._client = client
        self._documents = documents
        self._symbols = symbols
        self._chunks = chunks

    async def delete(self, versions: Mapping[str, int]) -> DeletionCounts:
        """Deletes points and chunks of these documents, except those of a later version than given."""
        points = await self._delete_points(versions)
        return DeletionCounts(points=points, chunks=await self._chunks.delete(versions))

    async def _delete_points(self, versions: Mapping[str, int]) -> int:
        with translated():
            found = await self._client.retrieve(
                self._documents, list(versions), with_payload=["version"], with_vectors=False
            )
            stale = [point for point in found if _version(point) <= versions[str(point.id)]]
            by_version = defaultdict(list)
            for point in stale:
                by_version[versions[str(point.id)]].append(point.id)
            for version, ids in by_version.items():
                selector = models.FilterSelector(filter=_up_to(version, ids))
                await self._client.delete(self._documents, selector, wait=True)
        return len(stale)

    async def of_project(self, project_name: str) -> AsyncIterator[Mapping[str, int]]:
        """The latest versions of points and chunks by document id, a page at a time."""
        for collection in (self._documents, self._symbols):
            after = None
            while True:
                with translated():
                    page, after = await self._client.scroll(
                        collection,
                        of_project(project_name),
                        limit=_PAGE,
                        offset=after,
                        with_payload=["document_id", "version"],
                    )
                yield _latest(page)
                if after is None:
                    break


def _latest(page: Sequence[models.Record]) -> dict[str, int]:
    versions: dict[str, int] = {}
    for point in page:
        document_id = document_of(point)
        if document_id is None:  # another program's, with the same project name
            continue
        versions[document_id] = max(_version(point), versions.get(document_id, 0))
    return versions


def _version(point: models.Record) -> int:
    return int((point.payload or {}).get("version") or 0)


def _up_to(version: int, ids: Sequence[models.ExtendedPointId]) -> models.Filter:
    """These points, except those of a later version. A point without a version belongs to another program."""
    later = models.FieldCondition(key="version", range=models.Range(gt=version))
    return models.Filter(must=[models.HasIdCondition(has_id=list(ids))], must_not=[later])
