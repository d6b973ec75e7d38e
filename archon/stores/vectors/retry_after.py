"""In: requests to Qdrant. Out: their answers; a route with a Retry-After is not called before that time."""

import time
from collections.abc import Awaitable, Callable
from typing import Final

import httpx

from archon.contracts.errors import StoreUnavailableError
from archon.runtime.http.clients import retry_after

Send = Callable[[httpx.Request], Awaitable[httpx.Response]]

_BUSY: Final = frozenset({429, 503, 507})
_LONGEST: Final = 3600.0
"""Maximum seconds to honour."""


class RespectingRetryAfter:
    """Middleware of Qdrant's client. A rate limit applies to the reads or writes of one collection, so each
    route has its own time. Raises StoreUnavailableError before it: all documents wait, and no request is
    wasted."""

    def __init__(self) -> None:
        self._until: dict[str, float] = {}

    async def __call__(self, request: httpx.Request, send: Send) -> httpx.Response:
        route = f"{request.method} {request.url.path}"
        left = self._until.get(route, 0.0) - time.monotonic()
        if left > 0:
            reason = f"it accepts no {route} for another {left:.1f} s"
            raise StoreUnavailableError("qdrant", reason, left)
        response = await send(request)
        if response.status_code in _BUSY:
            seconds = retry_after(response.headers.get("retry-after")) or 0.0
            self._until[route] = time.monotonic() + min(seconds, _LONGEST)
        return response
