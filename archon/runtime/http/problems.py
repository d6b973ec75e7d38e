"""In: errors and invalid requests. Out: RFC 9457 problem documents with the correlation id.

One table maps our errors to statuses; handlers raise errors and never build responses.
"""

import math
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import iter_route_contexts
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from archon.contracts import errors, names
from archon.runtime.reasons import wrong

_MOST_ERRORS: Final = 20
"""Maximum number of errors listed for one request."""
MEDIA_TYPE: Final = "application/problem+json"

STATUSES: Final[Mapping[type[errors.ArchonError], tuple[int, str]]] = {
    errors.TooLargeError: (413, "Content too large"),
    errors.UnreadableBodyError: (400, "Unreadable body"),
    errors.UnsupportedMediaError: (415, "Unsupported media type"),
    errors.InvalidInputError: (422, "Invalid input"),
    errors.UnauthorizedError: (401, "Unauthorized"),
    errors.ForbiddenError: (403, "Forbidden"),
    errors.RateLimitedError: (429, "Too many requests"),
    errors.NotFoundError: (404, "Not found"),
    errors.ProjectConflictError: (409, "Project conflict"),
    errors.StoreUnavailableError: (503, "Store unavailable"),
    errors.StoreMismatchError: (503, "Store not set up"),
    errors.StoreConflictError: (503, "Store busy"),
    errors.StoreRejectedError: (502, "Store refused"),
    errors.IntelligenceUnavailableError: (503, "Intelligence service unavailable"),
    errors.IntelligenceThrottledError: (503, "Intelligence service busy"),
    errors.IntelligenceError: (502, "Intelligence service failed"),
    errors.WorkflowUnavailableError: (503, "Temporal unavailable"),
    errors.PublishError: (503, "Kafka unavailable"),
    errors.TopicUnavailableError: (503, "Kafka unavailable"),
    errors.TooManyStreamsError: (503, "Too many streams"),
    errors.NotParkedError: (409, "Not parked"),
    errors.ArchonError: (500, "Internal error"),
}


class Problem(BaseModel):
    """An RFC 9457 problem document. `errors` names each invalid field."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    instance: str | None = None
    correlation_id: str | None = None
    code: str | None = None
    """Distinguishes problems with the same status, for programs."""
    service: str | None = None
    """For 502 and 503: the service or server that failed: graph, qdrant, content, intelligence, kafka or
    temporal."""
    errors: list[dict[str, str]] | None = None


def described(description: str) -> dict[str, Any]:
    """A problem document as shown in the API docs."""
    return {"description": description, "content": {MEDIA_TYPE: {"schema": Problem.model_json_schema()}}}


def problem_of(error: errors.ArchonError) -> Problem:
    """The problem for one of our errors."""
    status, title = next(STATUSES[cls] for cls in type(error).__mro__ if cls in STATUSES)
    fields = (
        [{"field": error.field, "reason": error.reason}]
        if isinstance(error, errors.InvalidInputError)
        else None
    )
    service = errors.service_of(error) if status >= HTTPStatus.BAD_GATEWAY else None
    return Problem(title=title, status=status, detail=str(error), errors=fields, service=service)


def invalid(fields: Sequence[Mapping[str, str]]) -> Problem:
    """The problem for input with wrong `fields`, as returned by `fields_of`; lists the first twenty."""
    shown, more = fields[:_MOST_ERRORS], len(fields) - _MOST_ERRORS
    detail = "; ".join(f"{field['field']}: {field['reason']}" for field in shown)
    if more > 0:
        detail = f"{detail}; and {more} more"
    return Problem(title="Invalid input", status=422, detail=detail, errors=list(map(dict, shown)))


def headers_of(error: errors.ArchonError) -> dict[str, str]:
    """Headers that HTTP requires with the problem: RFC 9110, sections 10.2.3, 11.6.1 and 15.5.16."""
    if isinstance(error, errors.UnsupportedMediaError):
        return {"Accept": "application/json", "Accept-Encoding": "gzip, zstd"}
    if isinstance(error, errors.UnauthorizedError):
        return {"WWW-Authenticate": "Bearer"}
    after = getattr(error, "retry_after", None)
    if isinstance(error, errors.RateLimitedError | errors.StoreUnavailableError) and after is not None:
        return {"Retry-After": str(math.ceil(after))}
    return {}


def refuse(error: errors.ArchonError, request: Request) -> JSONResponse:
    response = respond(problem_of(error), request)
    response.headers.update(headers_of(error))
    return response


def fields_of(validation: Sequence[Mapping[str, Any]], *, skip: int = 1) -> list[dict[str, str]]:
    """Pydantic's errors as field and reason; `skip` drops leading location parts such as `body`."""
    return [{"field": _field(error, skip), "reason": wrong(error)} for error in validation]


def _field(error: Mapping[str, Any], skip: int) -> str:
    parts = () if error["type"] == "json_invalid" else error["loc"][skip:]
    return ".".join(str(part) for part in parts) or "body"


def respond(problem: Problem, request: Request) -> JSONResponse:
    problem.instance = request.url.path
    problem.correlation_id = getattr(request.state, "correlation_id", None)
    headers = {names.HEADER_CORRELATION_ID: problem.correlation_id} if problem.correlation_id else None
    return JSONResponse(
        problem.model_dump(exclude_none=True), problem.status, media_type=MEDIA_TYPE, headers=headers
    )


async def _on_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, errors.ArchonError)
    return refuse(error, request)


async def _on_invalid(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    return respond(invalid(fields_of(error.errors())), request)


async def _on_http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    response = respond(Problem(title=error.detail, status=error.status_code, detail=error.detail), request)
    response.headers.update(error.headers or {})
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        response.headers["Allow"] = ", ".join(_methods(request))
    return response


def _methods(request: Request) -> list[str]:
    """The methods of all routes of the most specific matching path; the router only lists those of the first
    route."""
    found = [
        route
        for route in iter_route_contexts(request.app.routes)
        if route.path and route.path_regex.match(request.url.path)
    ]
    path = max((route.path or "" for route in found), key=len, default="")
    return sorted({method for route in found if route.path == path for method in route.methods or ()})


async def _on_fault(request: Request, _: Exception) -> JSONResponse:
    """An unexpected error: the server logs it with its trace, the client gets no details."""
    return respond(Problem(title="Internal error", status=500, detail="an unexpected error"), request)


def install(app: FastAPI) -> None:
    """Answers every error of this app with a problem document."""
    app.add_exception_handler(errors.ArchonError, _on_error)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(Exception, _on_fault)
