"""In: connections. Out: the same connections, without those whose requests stay incomplete.

uvicorn waits for the rest of a request without limit: a client could hold its connection with half a request.
"""

import asyncio
from typing import Any, Final

from starlette.exceptions import HTTPException
from starlette.types import Message, Receive
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_SECONDS: Final = 15.0
"""Time for all headers of a request, from its first byte; for the first request from the start of the
connection."""
PIECE_SECONDS: Final = 30.0
"""Time between two parts of a body."""


class ImpatientProtocol(HttpToolsProtocol):
    """Closes a connection if the headers do not arrive."""

    _waiting: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        if self._waiting is None and (self.cycle is None or self.cycle.response_complete):
            self._wait()
        super().data_received(data)

    def on_headers_complete(self) -> None:
        self._wait_no_more()
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        self._wait_no_more()
        super().connection_lost(exc)

    def _wait(self) -> None:
        self._waiting = self.loop.call_later(HEAD_SECONDS, self.transport.close)

    def _wait_no_more(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None


def impatient(receive: Receive) -> Receive:
    """Raises HTTPException (408) if a body stops arriving. The later wait for a disconnect has no limit."""
    complete = False

    async def received() -> Message:
        nonlocal complete
        if complete:
            return await receive()
        try:
            async with asyncio.timeout(PIECE_SECONDS):
                message = await receive()
        except TimeoutError:
            reason = f"body: nothing more has arrived for {PIECE_SECONDS:g} s"
            raise HTTPException(408, reason, {"Connection": "close"}) from None
        complete = not message.get("more_body", False)
        return message

    return received
