"""In: requests with a JSON body. Out: routes that get it read, or an error that says what is wrong with it.

FastAPI alone takes a body of another content type for bytes, which no model fits, and says of one that it
cannot read nothing but that.
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
    """Reads the body before the route's own handler does."""

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
        """Before anything of the body is read. Raises where the caller may not call this route."""

    def charge(self, request: Request, size: int) -> None:
        """Once the body is read, whatever it holds. `size` in bytes, decompressed."""


class JsonRequest(Request):
    """A request whose body is read: decompressed, decoded and parsed."""

    size = 0
    """Bytes of what has been read, decompressed; of what could not be, as many as it was tried for."""

    async def read(self) -> None:
        """Raises UnsupportedMediaError, UnreadableBodyError, TooLargeError, InvalidInputError."""
        try:
            self._plain = await super().body()
        except ClientDisconnect as error:
            raise UnreadableBodyError("body", "ends before all that was declared has come") from error
        self._value: Any = None
        self.size = len(self._plain)
        if not self._plain:
            raise InvalidInputError("body", "is empty, where JSON was expected")
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


@lru_cache(maxsize=64)  # clients send few, and parsing one takes as long as parsing a small body
def _charset(content_type: str | None) -> str | None:
    """The declared one; None where there is none, as RFC 8259 has it. Raises UnsupportedMediaError."""
    if content_type is None:
        raise UnsupportedMediaError(_TYPE, "is missing; application/json is expected")
    header = Message()
    header[_TYPE] = content_type
    kind, subtype = header.get_content_maintype(), header.get_content_subtype()
    if kind != "application" or not (subtype == "json" or subtype.endswith("+json")):
        raise UnsupportedMediaError(_TYPE, f"{content_type[:100]!r} is not taken; application/json is")
    charset = header.get_content_charset()
    try:
        known = codecs.lookup(charset).name if charset else None
    except (LookupError, ValueError):
        known = ""
    if known is not None and known not in _CHARSETS:
        raise UnsupportedMediaError(_TYPE, f"charset {charset!r} is not taken; JSON is in UTF-8")
    return known
