"""In: the collection. Out: points as far as a comparison with the graph needs them, put right or removed.

Each write is conditional on what was seen: a point that has been written to since is left alone.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from qdrant_client import AsyncQdrantClient, models

from archon.contracts import names
from archon.contracts.drift import Drifting, Point
from archon.stores.points import NEVER, payload, translated

_FIELDS: Final = ["version", "content_hash", "enrichment_status", "embedded_hash"]


class SurveyedPoints:
    """Raises StoreError."""

    def __init__(self, client: AsyncQdrantClient, collection: str) -> None:
        self._client = client
        self._collection = collection

    async def read(self, document_ids: Sequence[str]) -> Mapping[str, Point]:
        """By document id; a document without a point is not in the answer."""
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
        return {
            str(each.id): _point(str(each.id), each.payload or {}, str(each.id) in vectors) for each in found
        }

    async def page(
        self, after: str | None, limit: int, project: str | None
    ) -> tuple[Sequence[Point], str | None]:
        """Points from the id `after` on, and where the next page begins, None at the end."""
        of_project = models.FieldCondition(key="project_name", match=models.MatchValue(value=project or ""))
        with translated():
            found, following = await self._client.scroll(
                self._collection,
                models.Filter(must=[of_project]) if project is not None else None,
                limit=limit,
                offset=after,
                with_payload=_FIELDS,
            )
        points = [_point(each.id, each.payload or {}) for each in found if isinstance(each.id, str)]
        return points, None if following is None else str(following)

    async def restate(self, drifting: Drifting) -> None:
        """Have the point say of its document what the node says; one that is missing is made, without a
        vector. Only for a document on which no run works."""
        node, seen, request = drifting.node, drifting.point, drifting.request
        if node is None or request is None:
            return
        told = payload(request, node.version, node.status)
        with translated():
            if seen is None:
                point = models.PointStruct(id=node.document_id, vector={}, payload=told)
                insert = models.PointsList(points=[point], update_filter=NEVER)
                operation: Any = models.UpsertOperation(upsert=insert)
            else:
                change = models.SetPayload(payload=told, filter=_as_seen(seen))
                operation = models.SetPayloadOperation(set_payload=change)
            await self._client.batch_update_points(self._collection, [operation], wait=True)

    async def remove(self, seen: Point) -> None:
        """Delete a point, unless it has been written to since."""
        with translated():
            await self._client.delete(
                self._collection, models.FilterSelector(filter=_as_seen(seen)), wait=True
            )


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
    )
