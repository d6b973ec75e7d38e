"""In: HTTP requests to watch a document or a project. Out: its events as they happen, as an event stream."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Header, Request, Response
from pydantic import BaseModel

from archon.contracts.errors import InvalidInputError, NotFoundError
from archon.contracts.streams import HEADER_LAST_EVENT_ID, DocumentState, Position
from archon.contracts.types import SETTLED, EnrichmentStatus, ProjectName
from archon.contracts.views import StoredDocument
from archon.events.records import Watched
from archon.events.tail import EventTail
from bridge.events.stream import EventStream, StreamResponse
from bridge.requests.access import Caller, Reader
from bridge.requests.dependencies import REFUSED, StoresDep, find, problem
from bridge.requests.paths import DOCUMENT, PROJECT

_EVENT_SCHEMA: Final = {
    "type": "object",
    "properties": {
        "event": {
            "type": "string",
            "enum": ["state", "progress", "completed", "parked", "cleared", "closed"],
        },
        "id": {"type": "string", "description": "Where to resume; like Last-Event-ID."},
        "data": {"type": "string", "contentMediaType": "application/json"},
        "retry": {"type": "integer"},
    },
}
_STREAM: Final[dict[int | str, dict[str, Any]]] = {
    200: {"description": "Events as they happen", "content": {"text/event-stream": {"schema": _EVENT_SCHEMA}}}
}

router = APIRouter(
    prefix="/api/bridge",
    tags=["streams"],
    default_response_class=StreamResponse,
    responses={
        **REFUSED,
        422: problem("Last-Event-ID is not the id of an event"),
        503: problem("A store is unreachable, or too many streams are open"),
    },
)


async def _tail(request: Request) -> EventTail:
    tail: EventTail = request.app.state.tail
    return tail


TailDep = Annotated[EventTail, Depends(_tail)]
LastEventId = Annotated[
    str | None,
    Header(description="The id of the last received event: later events are sent first."),
]


@router.get(
    f"{DOCUMENT}/events",
    operation_id="stream_document_events",
    response_model=None,
    responses={
        **_STREAM,
        204: {"description": "The stream ended with this Last-Event-ID, and nothing has happened since"},
        404: problem("There is no such document"),
    },
)
async def stream_document_events(
    document_id: str,
    caller: Reader,
    stores: StoresDep,
    tail: TailDep,
    project: ProjectName | None = None,
    last_event_id: LastEventId = None,
) -> Response:
    """A document's events, until it is enriched or discarded.

    First `state`, the current state in the graph; then `progress`, `parked` (a dead letter), `cleared` (its
    removal) and `completed` as they happen, each with the event's JSON; finally a `state` with `ended` true,
    after which the stream is closed. A client that reconnects with that id gets 204, which makes an
    EventSource stop. If the bridge ends a stream earlier, `closed` gives the reason.
    """
    document = await find(stores, caller, document_id, project)
    resume = Position.parse(last_event_id) if last_event_id else None
    if resume is not None and resume.ended == document.version and document.enrichment_status in SETTLED:
        return Response(status_code=204)

    async def state() -> DocumentState:
        try:
            return _state(await stores.graph.get(document.document_id))
        except NotFoundError:  # the graph only knows that it is deleted
            return _state(document.model_copy(update={"enrichment_status": EnrichmentStatus.DELETED}))

    watched = Watched(document.project_name, document.document_id)
    return await _stream(tail, watched, state, resume, caller)


@router.get(
    f"{PROJECT}/events",
    operation_id="stream_project_events",
    response_model=None,
    responses=_STREAM,
)
async def stream_project_events(
    name: ProjectName,
    caller: Reader,
    stores: StoresDep,
    tail: TailDep,
    last_event_id: LastEventId = None,
) -> Response:
    """The events of all documents of a project, while the client stays connected.

    First `state`, the number of documents by state (as in `/statistics`); then `progress`, `parked` and
    `completed` as they happen.
    """
    caller.require(name)
    resume = Position.parse(last_event_id) if last_event_id else None
    if resume is not None and resume.bare:
        reason = "partition:offset is a position in one partition, but a project has events in all of them"
        raise InvalidInputError(HEADER_LAST_EVENT_ID, reason)

    async def state() -> BaseModel:
        return await stores.graph.census.statistics((name,))

    return await _stream(tail, Watched(name), state, resume, caller)


async def _stream(
    tail: EventTail,
    watched: Watched,
    state: Callable[[], Awaitable[BaseModel]],
    resume: Position | None,
    caller: Caller,
) -> Response:
    place = await tail.place(replay=resume is not None, holder=caller.key_id)
    allowed = partial(caller.still_reaches, watched.project)
    stream = EventStream(tail, watched, state, resume, caller.key_id, allowed)
    return StreamResponse.of(stream, place)


def _state(document: StoredDocument) -> DocumentState:
    return DocumentState(
        document_id=document.document_id,
        project_name=document.project_name,
        enrichment_status=document.enrichment_status,
        document_version=document.version,
        content_hash=document.content_hash,
        ended=document.enrichment_status in SETTLED,
    )
