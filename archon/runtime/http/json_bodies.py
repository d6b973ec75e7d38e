"""In: requests with a JSON body. Out: routes that receive it parsed, or an error that describes the problem.

FastAPI alone treats a body of another content type as bytes, which match no model, and gives no reason for a
body that it cannot parse.
"""

import codecs
from collections.abc import Callable, Coroutine
from email.message import Message
from functools import lru_cache
from typing import Any, Final

from fastapi import Request, Response
from fastapi.routing import APIRoute
from starlette.requests import ClientDisconnect

from archon.contracts import json_values
from archon.contracts.errors import (
    InvalidInputError,
    TooLargeError,
    UnreadableBodyError,
    UnsupportedMediaError,
)
from archon.runtime.encodings import HEADER, decoded
from archon.runtime.http.body_limit import LIMIT, VALUES

_TYPE: Final = "Content-Type"
_CHARSETS: Final = frozenset({"ascii", "utf-8", "utf-16", "utf-16-le", "utf-16-be", "utf-32"})


class JsonRoute(APIRoute):
    """Reads the body before the route's own handler runs."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()
        if self.body_field is None:
            return handle

        async def read(request: Request) -> Response:
            await self.admit(request)
            known = JsonRequest(request.scope, request.receive)
            try:
                await known.read()
            finally:
                self.charge(request, known.size)
            return await handle(known)

        return read

    async def admit(self, request: Request) -> None:
        """Called before the body is read. Raises if the caller may not use this route."""

    def charge(self, request: Request, size: int) -> None:
        """Called after the body is read, whatever it contains. `size` in bytes, decompressed."""


class JsonRequest(Request):
    """A request whose body is decompressed, decoded and parsed."""

    size = 0
    """Bytes read, decompressed; for an unreadable body, the bytes read until the error."""

    async def read(self) -> None:
        """Raises UnsupportedMediaError, UnreadableBodyError, TooLargeError, InvalidInputError."""
        try:
            self._plain = await super().body()
        except ClientDisconnect as error:
            raise UnreadableBodyError("body", "ends before its declared length") from error
        self._value: Any = None
        self.size = len(self._plain)
        if not self._plain:
            raise InvalidInputError("body", "is empty, but JSON is required")
        charset = _charset(self.headers.get(_TYPE))
        if encodings := ",".join(self.headers.getlist(HEADER)):
            try:
                self._plain = decoded(self._plain, encodings, self.scope[LIMIT])
            except (TooLargeError, UnreadableBodyError):
                self.size = self.scope[LIMIT]
                raise
            self.size = len(self._plain)
        self._value = json_values.read(self._plain, charset, self.scope.get(VALUES))

    async def body(self) -> bytes:
        return self._plain

    async def json(self) -> Any:
        return self._value


@lru_cache(maxsize=64)  # few different ones, each as slow to parse as a small body
def _charset(content_type: str | None) -> str | None:
    """The declared charset; None if there is none, which RFC 8259 allows. Raises UnsupportedMediaError."""
    if content_type is None:
        raise UnsupportedMediaError(_TYPE, "is missing; send application/json")
    header = Message()
    header[_TYPE] = content_type
    kind, subtype = header.get_content_maintype(), header.get_content_subtype()
    if kind != "application" or not (subtype == "json" or subtype.endswith("+json")):
        raise UnsupportedMediaError(_TYPE, f"{content_type[:100]!r} is not supported; send application/json")
    charset = header.get_content_charset()
    try:
        known = codecs.lookup(charset).name if charset else None
    except (LookupError, ValueError):
        known = ""
    if known is not None and known not in _CHARSETS:
        raise UnsupportedMediaError(_TYPE, f"charset {charset!r} is not supported; JSON is in UTF-8")
    return known
