"""In: results, or why there are none. Out: responses in the shape of Qdrant's REST API.

A route or option that is not offered is answered with 501, never with a plausible nothing.
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
    """Its text is what the client reads."""

    status: ClassVar[int] = 500


class WrongInputError(ProtocolError):
    """Nothing of the request has been done."""

    status = 400


class UnauthorizedError(ProtocolError):
    """The key is missing or wrong."""

    status = 401


class ForbiddenError(ProtocolError):
    """The sender has no right to ask."""

    status = 403


class MissingError(ProtocolError):
    """There is no such collection or point."""

    status = 404


class ExistsError(ProtocolError):
    """There is such a collection already."""

    status = 409


class TooLargeError(ProtocolError):
    """The body is larger than Qdrant takes by default."""

    status = 413


class NotOfferedError(ProtocolError):
    """The request asks for something that this server does not do."""

    status = 501


class EngineError(ProtocolError):
    """The engine has failed."""


@contextlib.contextmanager
def reading() -> Iterator[None]:
    """Raise what goes wrong while a request is read as the client's mistake."""
    try:
        yield
    except KeyError as error:
        raise WrongInputError(f"Wrong input: missing field {error}") from error
    except (AttributeError, OverflowError, TypeError, ValueError) as error:
        raise WrongInputError(f"Wrong input: {str(error)[:500]}") from error


@contextlib.contextmanager
def engine_errors() -> Iterator[None]:
    """Raise the engine's errors, which are plain exceptions, by what they say."""
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
    """Refuse whatever else the body has."""
    others = [name for name, value in body.items() if name not in fields and value is not None]
    if others:
        raise NotOfferedError(f"Not implemented: {', '.join(others)}")


def ok(result: Any) -> Response:
    body = to_json({"result": result, "status": "ok", "time": time.process_time()})
    return Response(body, media_type="application/json")


async def refused(_: Request, error: Exception) -> Response:
    """The answer to a ProtocolError."""
    assert isinstance(error, ProtocolError)
    body = to_json({"status": {"error": str(error)}, "time": 0.0})
    return Response(body, error.status, media_type="application/json")
