"""In: a request's body. Out: the same body, or a problem (413) if it is too large.

FastAPI has such a limit too, but answers a declared length with plain text. The scope carries the limits,
which also apply to a body after decompression and to the number of its JSON values.
"""

from typing import Final

from fastapi import Request
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from archon.runtime.http.half_sent import impatient
from archon.runtime.http.problems import Problem, respond

LIMIT: Final = "archon.body_limit"
"""Key of the limit in bytes, in a request's scope."""
VALUES: Final = "archon.values_limit"
"""Key of the maximum number of values in a body; None for no limit."""


class BodyLimitMiddleware:
    """Refuses a body by its declared length; a body without one, or with a false one, while it is read."""

    def __init__(self, app: ASGIApp, limit: int, values: int | None = None) -> None:
        self._app = app
        self._limit = limit
        self._values = values

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scope[LIMIT], scope[VALUES] = self._limit, self._values
        declared = Headers(scope=scope).get("content-length", "")
        if declared.isdecimal() and int(declared) > self._limit:
            await respond(self._problem(), Request(scope))(scope, receive, send)
            return
        size, patient = 0, impatient(receive)

        async def limited() -> Message:
            nonlocal size
            message = await patient()
            size += len(message.get("body", b""))
            if size > self._limit:
                raise HTTPException(413, self._problem().detail)
            return message

        await self._app(scope, limited, send)

    def _problem(self) -> Problem:
        return Problem(title="Content too large", status=413, detail=f"body: more than {self._limit} bytes")
