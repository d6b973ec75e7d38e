"""In: events of a document or project, live and from Kafka. Out: the lines of one event stream.

Server-Sent Events of the HTML standard (section 9.2). Each event's id is the position after it. Keep-alives
have one too, so a client without events for a long time has little to replay.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Final, Self

from fastapi.responses import StreamingResponse
from fastapi.sse import format_sse_event
from pydantic import BaseModel
from starlette.types import Message, Receive, Scope, Send

from archon.contracts.errors import StoreError, TopicUnavailableError
from archon.contracts.streams import DocumentState, Position, StreamClosed
from archon.events.records import StreamedEvent, Watched
from archon.events.tail import EventTail, Missed, StreamPlace, Subscription
from archon.runtime.logs import get_logger

KEEP_ALIVE: Final = 15.0
"""Seconds without an event after which a comment keeps the stream alive."""
_RETRY_MS: Final = 2000
"""How long a client should wait before it reconnects."""
_SEND_SECONDS: Final = 30.0
"""Maximum time that a client may leave data unread."""
_REPLAY_SECONDS: Final = 120.0
"""Maximum time for a client's replay, because only few replays run concurrently."""
_HEADERS: Final = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
_log = get_logger(__name__)


class StreamResponse(StreamingResponse):
    """Ends with its client, or after the client has read nothing for too long.

    Not an `EventSourceResponse`: FastAPI requires a generator route for it, which can no longer choose
    another status or headers.
    """

    media_type = "text/event-stream"

    _place: StreamPlace | None = None

    @classmethod
    def of(cls, stream: "EventStream", place: StreamPlace) -> Self:
        """Releases `place` at its end."""
        response = cls(stream.lines(), headers=_HEADERS)
        response._place = place
        return response

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            if self._place is not None:
                self._place.leave()

    async def stream_response(self, send: Send) -> None:
        async def in_time(message: Message) -> None:
            async with asyncio.timeout(_SEND_SECONDS):
                await send(message)

        async with contextlib.aclosing(self.body_iterator):  # type: ignore[type-var]
            try:
                await super().stream_response(in_time)
            except TimeoutError:
                _log.warning("stream_not_read", seconds=_SEND_SECONDS)


@dataclass
class EventStream:
    """`state` is the graph's state of the watched subject. With `resume`, missed events come first.

    A document's stream ends with the state after which nothing more happens. `holder`: as in EventTail;
    `allowed`: whether its key still has access, checked before each event.
    """

    tail: EventTail
    watched: Watched
    state: Callable[[], Awaitable[BaseModel]]
    resume: Position | None = None
    holder: str | None = None
    allowed: Callable[[], bool] = lambda: True
    _owed: bool = False
    """Whether the state could not be read when it was due."""
    _ended: bool = False

    async def lines(self) -> AsyncIterator[bytes]:
        yield format_sse_event(retry=_RETRY_MS)
        async with self.tail.subscribed(self.watched) as subscription:
            since = self.tail.position
            if self.resume is None:
                async for line in self._tell_state(since):
                    yield line
            elif since is not None:
                async for line in self._catch_up(subscription, self.resume, since):
                    yield line
            while not self._ended:
                async for line in self._next(subscription):
                    yield line

    async def _next(self, subscription: Subscription) -> AsyncIterator[bytes]:
        what = await subscription.next(KEEP_ALIVE)
        if not self.allowed():
            what = StreamClosed(reason="the API key is no longer valid here")
        if isinstance(what, StreamedEvent):
            yield what.line
            if what.name == "completed" and self.watched.document_id is not None:
                async for line in self._tell_state(what.position, only_if_ended=True):
                    yield line
        elif isinstance(what, Missed):
            missed = self._catch_up(subscription, self.resume, what.until) if self.resume else None
            async for line in missed or self._tell_state(what.until):
                yield line
        elif isinstance(what, StreamClosed):
            self._ended = True
            yield _closed(what)
        else:
            async for line in self._keep_alive(subscription):
                yield line

    async def _keep_alive(self, subscription: Subscription) -> AsyncIterator[bytes]:
        # If events wait nevertheless, the tail is ahead of this stream.
        position = self.tail.position if subscription.idle and self.resume is None else None
        yield format_sse_event(comment="keep-alive", id=_id(position))
        if self._owed:
            async for line in self._tell_state(position):
                yield line

    async def _catch_up(
        self, subscription: Subscription, start: Position, until: Position
    ) -> AsyncIterator[bytes]:
        """The events in Kafka between both positions, and the state if the document has ended."""
        try:
            clock = asyncio.get_running_loop().time
            deadline: float | None = None
            replay = self.tail.replay(self.watched, start, until, self.holder)
            async with contextlib.aclosing(replay) as replayed:
                async for event in replayed:
                    deadline = deadline or clock() + _REPLAY_SECONDS  # after a possible wait for a turn
                    if clock() > deadline:
                        self._ended = True
                        yield _closed(StreamClosed(reason="it took too long; resume by the last id"))
                        return
                    if subscription.stopping or not self.allowed():
                        return
                    yield event.line
        except TopicUnavailableError as error:
            self._ended = True
            yield _closed(StreamClosed(reason=str(error)))
            return
        self.resume = None
        async for line in self._tell_state(until, only_if_ended=True):
            yield line

    async def _tell_state(
        self, position: Position | None, *, only_if_ended: bool = False
    ) -> AsyncIterator[bytes]:
        try:
            state = await self.state()
        except StoreError as error:
            self._owed = True
            _log.warning("stream_state_unknown", error=str(error))
            return
        self._owed = False
        if isinstance(state, DocumentState) and state.ended:
            self._ended = True
            position = replace(position or Position({}), ended=state.document_version)
        if self._ended or not only_if_ended:
            yield format_sse_event(event="state", data_str=state.model_dump_json(), id=_id(position))


def _closed(closed: StreamClosed) -> bytes:
    return format_sse_event(event="closed", data_str=closed.model_dump_json())


def _id(position: Position | None) -> str | None:
    """None keeps the client's last id; an empty one would clear it."""
    return str(position) or None if position is not None else None
