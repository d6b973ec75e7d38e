"""In: what is told of a document or project, live and from Kafka. Out: the lines of one event stream.

Server-Sent Events as the HTML standard has them (section 9.2). Each event's id is the position after it, and
so is that of each keep-alive, so that a client that was long without an event has little to be replayed.
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
"""Seconds without an event after which a comment says that the stream is alive."""
_RETRY_MS: Final = 2000
"""How long a client is to wait before it connects again."""
_SEND_SECONDS: Final = 30.0
"""How long a client may leave what is sent to it unread."""
_REPLAY_SECONDS: Final = 120.0
"""How long a client may take for what has happened since, of which few can be told at once."""
_HEADERS: Final = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
_log = get_logger(__name__)


class StreamResponse(StreamingResponse):
    """Ends with its client, or when the client has read nothing for long.

    No `EventSourceResponse`, which FastAPI takes for a promise that the route is a generator: one that has
    begun can answer neither with another status nor with other headers.
    """

    media_type = "text/event-stream"

    _place: StreamPlace | None = None

    @classmethod
    def of(cls, stream: "EventStream", place: StreamPlace) -> Self:
        """Leaves `place` at its end."""
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
    """`state` is what the graph says of what is watched. With `resume`, what has happened since comes first.

    A stream of a document ends with the state in which nothing more happens to it. `holder`: as in EventTail;
    `allowed`: whether its key still lets it be read, which is looked up before each event.
    """

    tail: EventTail
    watched: Watched
    state: Callable[[], Awaitable[BaseModel]]
    resume: Position | None = None
    holder: str | None = None
    allowed: Callable[[], bool] = lambda: True
    _owed: bool = False
    """Whether the state could not be had when it was to be told."""
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
            told = self._catch_up(subscription, self.resume, what.until) if self.resume else None
            async for line in told or self._tell_state(what.until):
                yield line
        elif isinstance(what, StreamClosed):
            self._ended = True
            yield _closed(what)
        else:
            async for line in self._keep_alive(subscription):
                yield line

    async def _keep_alive(self, subscription: Subscription) -> AsyncIterator[bytes]:
        # Where something waits after all, the tail is past what this stream has told.
        position = self.tail.position if subscription.idle and self.resume is None else None
        yield format_sse_event(comment="keep-alive", id=_id(position))
        if self._owed:
            async for line in self._tell_state(position):
                yield line

    async def _catch_up(
        self, subscription: Subscription, start: Position, until: Position
    ) -> AsyncIterator[bytes]:
        """What Kafka has between the two, and the state if nothing more is to come."""
        try:
            clock = asyncio.get_running_loop().time
            deadline: float | None = None
            replay = self.tail.replay(self.watched, start, until, self.holder)
            async with contextlib.aclosing(replay) as replayed:
                async for told in replayed:
                    deadline = deadline or clock() + _REPLAY_SECONDS  # it may have waited for its turn
                    if clock() > deadline:
                        self._ended = True
                        yield _closed(StreamClosed(reason="it took too long; resume by the last id"))
                        return
                    if subscription.stopping or not self.allowed():
                        return
                    yield told.line
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
    """None, which leaves the client's last one, rather than an empty one, which would take it away."""
    return str(position) or None if position is not None else None
