"""In: a bridge and a subject to watch. Out: the events of a stream, as a client receives them."""

import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
from httpx_sse import ServerSentEvent, aconnect_sse

OPEN_ENDED = httpx.Timeout(30, read=60)


@dataclass
class Watcher:
    """`id` is the last one received. `next` raises StopAsyncIteration at the end of the stream."""

    received: AsyncIterator[ServerSentEvent]
    response: httpx.Response
    id: str = ""

    async def next(self) -> tuple[str, Any]:
        while True:
            event = await anext(self.received)
            self.id = event.id or self.id
            if event.data:
                return event.event, json.loads(event.data)

    async def until(self, name: str, **fields: Any) -> list[tuple[str, Any]]:
        """All events up to the first with that name and those fields."""
        events = []
        while True:
            event = await self.next()
            events.append(event)
            if event[0] == name and fields.items() <= event[1].items():
                return events

    async def rest(self) -> list[tuple[str, Any]]:
        events = []
        with contextlib.suppress(StopAsyncIteration):
            while True:
                events.append(await self.next())
        return events


@contextlib.asynccontextmanager
async def watching(http: httpx.AsyncClient, path: str, last_id: str | None = None) -> AsyncIterator[Watcher]:
    headers = {"Last-Event-ID": last_id} if last_id else {}
    async with aconnect_sse(http, "GET", path, headers=headers, timeout=OPEN_ENDED) as source:
        assert source.response.status_code == 200, await source.response.aread()
        yield Watcher(aiter(source.aiter_sse()), source.response)


def progress(events: list[tuple[str, Any]]) -> list[int]:
    return [data["progress_percent"] for name, data in events if name == "progress"]
