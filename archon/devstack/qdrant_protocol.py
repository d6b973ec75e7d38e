"""In: what the engine answers, or why it cannot. Out: responses in the shape of Qdrant's REST API."""

import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ValidationError
from qdrant_client.local.qdrant_local import QdrantLocal


class NotOfferedError(Exception):
    """The request asks for something that this server does not do."""


class MissingError(Exception):
    """There is no such collection or point."""


def install_errors(app: FastAPI) -> None:
    def answers(status: int) -> Callable[[Request, Exception], Response]:
        def handler(_: Request, error: Exception) -> Response:
            prefix = "Not implemented: " if status == HTTPStatus.NOT_IMPLEMENTED else ""
            return JSONResponse({"status": {"error": f"{prefix}{error}"}, "time": 0.0}, status)

        return handler

    app.add_exception_handler(NotOfferedError, answers(501))
    app.add_exception_handler(NotImplementedError, answers(501))
    app.add_exception_handler(MissingError, answers(404))
    app.add_exception_handler(ValidationError, answers(400))
    app.add_exception_handler(ValueError, answers(400))


def refuse(body: Any, *options: str) -> None:
    given = [option for option in options if getattr(body, option, None) is not None]
    if given:
        raise NotOfferedError(f"option {', '.join(given)}")


def require(engine: QdrantLocal, name: str) -> None:
    if name not in engine.collections:
        raise MissingError(f"Not found: Collection `{name}` doesn't exist!")


def plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", exclude_none=True)
    return [plain(item) for item in value] if isinstance(value, list) else value


def ok(result: Any) -> Response:
    return JSONResponse({"result": plain(result), "status": "ok", "time": time.process_time()})
