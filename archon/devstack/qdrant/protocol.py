"""In: results or errors. Out: responses in the format of Qdrant's REST API.

An unsupported route or option gives 501, never a plausible empty result.
"""

import contextlib
import time
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from pydantic_core import to_json
from starlette.requests import Request
from starlette.responses import Response

Body = Mapping[str, Any]
"""A parsed JSON object."""


class ProtocolError(Exception):
    """Its text is the client's error message."""

    status: ClassVar[int] = 500


class WrongInputError(ProtocolError):
    """Nothing of the request was done."""

    status = 400


class UnauthorizedError(ProtocolError):
    """The key is missing or wrong."""

    status = 401


class ForbiddenError(ProtocolError):
    """The sender has no access."""

    status = 403


class MissingError(ProtocolError):
    """There is no such collection or point."""

    status = 404


class ExistsError(ProtocolError):
    """The collection already exists."""

    status = 409


class TooLargeError(ProtocolError):
    """The body exceeds Qdrant's default limit."""

    status = 413


class NotOfferedError(ProtocolError):
    """The request uses a feature that this server does not support."""

    status = 501


class EngineError(ProtocolError):
    """The engine has failed."""


@contextlib.contextmanager
def reading() -> Iterator[None]:
    """Raises errors while reading a request as the client's mistake."""
    try:
        yield
    except KeyError as error:
        raise WrongInputError(f"Wrong input: missing field {error}") from error
    except (AttributeError, OverflowError, TypeError, ValueError) as error:
        raise WrongInputError(f"Wrong input: {str(error)[:500]}") from error


@contextlib.contextmanager
def engine_errors() -> Iterator[None]:
    """Raises the engine's errors, which are plain exceptions, by their messages."""
    try:
        yield
    except Exception as error:
        text = str(error)
        if text.startswith("No point with id"):
            raise MissingError(f"Not found: {text}") from error
        if text.startswith("Service runtime error"):
            raise EngineError(text) from error
        raise WrongInputError(f"Wrong input: {text}") from error


def only(body: Body, *fields: str) -> None:
    """Refuses other fields in the body."""
    others = [name for name, value in body.items() if name not in fields and value is not None]
    if others:
        raise NotOfferedError(f"Not implemented: {', '.join(others)}")


def ok(result: Any) -> Response:
    body = to_json({"result": result, "status": "ok", "time": time.process_time()})
    return Response(body, media_type="application/json")


async def refused(_: Request, error: Exception) -> Response:
    """The response for a ProtocolError."""
    assert isinstance(error, ProtocolError)
    body = to_json({"status": {"error": str(error)}, "time": 0.0})
    return Response(body, error.status, media_type="application/json")
