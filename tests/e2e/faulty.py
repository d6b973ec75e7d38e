"""In: the behaviour of an intelligence service. Out: a service with that behaviour, over HTTP.

Real services do not fail on demand; this one answers as in the API, except for the fault that a test sets.
"""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse

from archon.runtime.http.serving import serve_http
from archon.runtime.settings import Settings

VECTOR = [1.0] + [0.0] * 255
Behaviour = Callable[[dict[str, Any]], Awaitable[Response]]


async def well(body: dict[str, Any]) -> Response:
    """An analysis with the functions of the text."""
    names = re.findall(r"def (\w+)", body.get("content") or "")
    entities = [
        {"kind": "function", "name": name, "qualified_name": name, "start_line": line, "end_line": line}
        for line, name in enumerate(dict.fromkeys(names), 1)
    ]
    return JSONResponse(
        {
            "entities_extracted": len(entities),
            "quality_score": 0.5,
            "complexity_score": 0.1,
            "patterns_detected": [],
            "anti_patterns_detected": [],
            "entities": entities,
            "embedding": VECTOR,
            "analyser_version": "faulty-1",
        }
    )


def refusing(status: int, headers: dict[str, str] | None = None) -> Behaviour:
    async def refuse(_: dict[str, Any]) -> Response:
        return JSONResponse({"detail": f"scripted answer {status}"}, status, headers=headers)

    return refuse


class FaultyIntelligence:
    """`behaviour` answers for a document, whole or in part; `healthy`: the answer of /health.

    `calls` counts analyses.
    """

    def __init__(self, port: int) -> None:
        self.port = port
        self.calls = 0
        self.heal()

    def heal(self) -> None:
        self.behaviour: Behaviour = well
        self.healthy = True

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        async with serve_http(self._app(), Settings(shutdown_timeout=1), self.port):
            yield

    def _app(self) -> FastAPI:
        app = FastAPI()

        @app.get("/health")
        async def health() -> Response:
            return Response(status_code=200 if self.healthy else 503)

        @app.post("/embed")
        async def embed(request: Request) -> Response:
            texts = (await request.json())["texts"]
            return JSONResponse({"embeddings": [VECTOR for _ in texts]})

        @app.post("/process/document")
        @app.post("/assess/code")
        @app.post("/extract/code")
        async def process(request: Request) -> Response:
            self.calls += 1
            return await self.behaviour(await request.json())

        return app


def slow(seconds: float) -> Behaviour:
    async def answer_late(body: dict[str, Any]) -> Response:
        await asyncio.sleep(seconds)
        return await well(body)

    return answer_late
