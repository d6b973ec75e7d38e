"""In: both collections. Out: points with the data for a comparison with the graph; repaired or removed
points.

Each write is conditional on the state that was read: a point written to since is left alone.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, NamedTuple

from qdrant_client import AsyncQdrantClient, models

from archon.contracts import names
from archon.contracts.operations.drift import Drifting, Point
from archon.stores.vectors.points import NEVER, document_of, of_documents, of_project, payload, translated

_FIELDS: Final = ["document_id", "version", "content_hash", "enrichment_status", "embedded_hash", "chunks"]
_OF_CHUNKS: Final = "chunks:"
"""Prefix of the start of a page of chunks; pages of points come first."""
_CHUNKS_A_POINT: Final = 10
"""About the number of chunks of a document: a page of chunks is that much longer."""


class SeenPage(NamedTuple):
    """`points`: for a page of chunks, one for each document without a point. `seen`: number of points or
    chunks read; `foreign`: ids of points of other programs; `next`: None at the end."""

    points: Sequence[Point]
    seen: int
    foreign: Sequence[str]
    next: str | None


class SurveyedPoints:
    """`documents`, `symbols`: the collections. Raises StoreError."""

    def __init__(self, client: AsyncQdrantClient, documents: str, symbols: str) -> None:
        self._client = client
        self._collection = documents
        self._symbols = symbols

    async def read(self, document_ids: Sequence[str]) -> Mapping[str, Point]:
        """Points by document id; documents without a point are omitted."""
        if not document_ids:
            return {}
        with translated():
            found = await self._client.retrieve(self._collection, document_ids, with_payload=_FIELDS)
            with_vector, _ = await self._client.scroll(
                self._collection,
                models.Filter(
                    must=[
                        models.HasIdCondition(has_id=list(document_ids)),
                        models.HasVectorCondition(has_vector=names.VECTOR_CONTENT),
                    ]
                ),
                limit=len(document_ids),
                with_payload=False,
            )
        vectors = {str(record.id) for record in with_vector}
        points = [_point(str(each.id), each.payload or {}, str(each.id) in vectors) for each in found]
        return {point.document_id: point for point in await self._counted(points)}

    async def page(self, after: str | None, limit: int, project: str | None) -> SeenPage:
        """Points after `after`, and after the last point chunks."""
        chunks = after is not None and after.startswith(_OF_CHUNKS)
        offset = after.removeprefix(_OF_CHUNKS) if after is not None else ""
        with translated():
            found, following = await self._client.scroll(
                self._symbols if chunks else self._collection,
                of_project(project) if project is not None else None,
                limit=limit * _CHUNKS_A_POINT if chunks else limit,
                offset=offset or None,
                with_payload=_FIELDS,
            )
        ours = [each for each in found if _is_ours(each, of_chunks=chunks)]
        foreign = [str(each.id) for each in found if not _is_ours(each, of_chunks=chunks)]
        if chunks:
            following = None if following is None else f"{_OF_CHUNKS}{following}"
            return SeenPage(await self._pointless(_of_chunks(ours)), len(found), foreign, following)
        points = [_point(str(each.id), each.payload or {}) for each in ours]
        return SeenPage(points, len(found), foreign, _OF_CHUNKS if following is None else str(following))

    async def _pointless(self, points: Sequence[Point]) -> list[Point]:
        ids = [point.document_id for point in points]
        with translated():
            found = await self._client.retrieve(self._collection, ids, with_payload=False) if ids else []
        known = {str(each.id) for each in found}
        return [point for point in points if point.document_id not in known]

    async def again(self, seen: Sequence[Point]) -> list[Point]:
        """The current state: the points, and documents that only have chunks."""
        ids = [point.document_id for point in seen]
        points, chunks = await self.read(ids), await self._count(ids)
        left = [point for point in seen if point.document_id in points or point.document_id in chunks]
        return [points.get(point.document_id, point) for point in left]

    async def _counted(self, points: Sequence[Point]) -> list[Point]:
        """Adds the number of chunks, for points that record it."""
        counting = [point for point in points if point.chunks is not None]
        of_version = defaultdict(list)
        for point in counting:
            of_version[point.version].append(point.document_id)
        there: dict[str, int] = {}
        for version, ids in of_version.items():
            there |= await self._count(ids, version)
        whole = await self._count([point.document_id for point in counting])
        return [
            replace(
                point,
                chunks_there=there.get(point.document_id, 0),
                chunks_past=whole.get(point.document_id, 0) - there.get(point.document_id, 0),
            )
            for point in points
        ]

    async def _count(self, document_ids: Sequence[str], version: int | None = None) -> dict[str, int]:
        """Number of chunks of each document, at one version or in total; documents without any are
        omitted."""
        if not document_ids:
            return {}
        wanted = of_documents(document_ids)
        if version is not None:
            at_it = models.FieldCondition(key="version", match=models.MatchValue(value=version))
            wanted = models.Filter(must=[wanted, at_it])
        with translated():
            found = await self._client.facet(
                self._symbols, "document_id", wanted, limit=len(document_ids), exact=True
            )
        return {str(hit.value): hit.count for hit in found.hits}

    async def restate(self, drifting: Drifting) -> None:
        """Updates the point from the node; creates a missing one, without a vector. Only for a document
        without a working run."""
        node, seen, request = drifting.node, drifting.point, drifting.request
        if node is None or request is None:
            return
        data = payload(request, node.version, node.status)
        with translated():
            if seen is None:
                point = models.PointStruct(id=node.document_id, vector={}, payload=data)
                insert = models.PointsList(points=[point], update_filter=NEVER)
                operation: Any = models.UpsertOperation(upsert=insert)
            else:
                change = models.SetPayload(payload=data, filter=_as_seen(seen))
                operation = models.SetPayloadOperation(set_payload=change)
            await self._client.batch_update_points(self._collection, [operation], wait=True)

    async def remove(self, seen: Point) -> None:
        """Deletes a point, unless it has been written to since, and the chunks up to its version."""
        chunks = of_documents([seen.document_id], seen.version)
        doomed = {self._collection: _as_seen(seen), self._symbols: chunks}
        with translated():
            for collection, which in doomed.items():
                await self._client.delete(collection, models.FilterSelector(filter=which), wait=True)


def _is_ours(point: models.Record, *, of_chunks: bool) -> bool:
    """The id of a document's point is the document's id; a chunk names its document."""
    document_id = document_of(point)
    return document_id is not None and (of_chunks or document_id == str(point.id))


def _as_seen(point: Point) -> models.Filter:
    same = {"version": point.version, "enrichment_status": point.status}
    return models.Filter(
        must=[
            models.HasIdCondition(has_id=[point.document_id]),
            *(
                models.FieldCondition(key=key, match=models.MatchValue(value=value))
                for key, value in same.items()
            ),
        ]
    )


def _point(document_id: str, payload: Mapping[str, Any], has_vector: bool = False) -> Point:
    version = payload.get("version")
    return Point(
        document_id=document_id,
        version=version if isinstance(version, int) else 0,
        content_hash=str(payload.get("content_hash") or ""),
        status=str(payload.get("enrichment_status") or ""),
        embedded_hash=payload.get("embedded_hash"),
        has_vector=has_vector,
        chunks=payload.get("chunks"),
    )


def _of_chunks(found: Sequence[models.Record]) -> list[Point]:
    """One for each document, at the latest version seen."""
    latest: dict[str, Point] = {}
    for each in found:
        point = _point(str(document_of(each)), each.payload or {})
        known = latest.get(point.document_id)
        if known is None or known.version < point.version:
            latest[point.document_id] = point
    return list(latest.values())
