"""In: a request's body. Out: the same, as long as it is not too large; a problem (413) where it is.

FastAPI has such a limit too, but answers a declared length with plain text. What is compressed is limited
once more where it is decompressed, and how many values JSON may have where it is read, by the limits that the
scope carries.
"""

from typing import Final

from fastapi import Request
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from archon.runtime.http.half_sent import impatient
from archon.runtime.http.problems import Problem, respond

LIMIT: Final = "archon.body_limit"
"""Key of the limit, in bytes, in a request's scope."""
VALUES: Final = "archon.values_limit"
"""Key of how many values a body may have; None for any number."""


class BodyLimitMiddleware:
    """Refuses a body by the length it declares, and one that declares none or lies while it is read."""

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
