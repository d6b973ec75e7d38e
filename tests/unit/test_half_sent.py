"""Incomplete requests: their connections are closed, and no others."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI, Request
from fastapi.responses import StreamingResponse

from archon.runtime.http import half_sent, problems
from archon.runtime.http.body_limit import BodyLimitMiddleware
from archon.runtime.http.serving import serve_http
from archon.runtime.local_ports import HOST, free_ports
from archon.runtime.settings import Settings

pytestmark = [pytest.mark.threat, pytest.mark.timeout(60)]
HEAD = b"POST /size HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"


@pytest.fixture
def seconds() -> float:
    """That are waited for what does not come."""
    return 0.1


@pytest.fixture
async def port(monkeypatch: pytest.MonkeyPatch, seconds: float) -> AsyncIterator[int]:
    monkeypatch.setattr(half_sent, "HEAD_SECONDS", seconds)
    monkeypatch.setattr(half_sent, "PIECE_SECONDS", seconds)
    app = FastAPI()

    @app.post("/size")
    async def size(request: Request) -> int:
        return len(await request.body())

    @app.get("/stream")
    async def stream(request: Request) -> StreamingResponse:
        async def pieces() -> AsyncIterator[str]:
            for _ in range(5):
                await asyncio.sleep(0.7)
                yield "."

        return StreamingResponse(pieces())

    problems.install(app)
    app.add_middleware(BodyLimitMiddleware, limit=1000)
    (free,) = free_ports(1)
    async with serve_http(app, Settings(shutdown_timeout=1), free):
        yield free


async def answered(port: int, *pieces: bytes) -> bytes:
    """All data until the server closes the connection."""
    reader, writer = await asyncio.open_connection(HOST, port)
    for piece in pieces:
        writer.write(piece)
        await writer.drain()
    try:
        return await reader.read()
    finally:
        writer.close()


@pytest.mark.parametrize("sent", [b"", b"POST", HEAD, HEAD + b"X-More: "], ids=len)
async def test_a_head_that_does_not_come_is_not_waited_for(port: int, sent: bytes) -> None:
    assert await answered(port, sent) == b""


@pytest.mark.slow
async def test_half_a_second_request_is_not_waited_for_either(port: int) -> None:
    whole = HEAD + b"Content-Length: 2\r\n\r\n{}"
    answer = await answered(port, whole, b"POST /size HT")
    assert answer.startswith(b"HTTP/1.1 200 OK")
    assert answer.endswith(b"2")


@pytest.mark.parametrize("body", [b"", b"{"])
async def test_a_body_that_stops_coming_is_a_408_that_says_so(port: int, body: bytes) -> None:
    answer = await answered(port, HEAD + b"Content-Length: 100\r\n\r\n" + body)
    assert answer.startswith(b"HTTP/1.1 408")
    assert b"nothing more has arrived" in answer
    assert b"connection: close" in answer.lower()


@pytest.mark.parametrize("seconds", [0.3])
async def test_many_halves_keep_nobody_waiting(port: int) -> None:
    halves = [asyncio.create_task(answered(port, HEAD)) for _ in range(300)]
    async with httpx.AsyncClient(base_url=f"http://{HOST}:{port}") as http:
        assert (await http.post("/size", content=b"12345")).json() == 5
    assert set(await asyncio.gather(*halves)) == {b""}


@pytest.mark.slow
@pytest.mark.parametrize("seconds", [3.0])
async def test_slow_senders_and_long_listeners_are_served(port: int) -> None:
    async def slowly() -> AsyncIterator[bytes]:
        for _ in range(5):
            await asyncio.sleep(0.7)
            yield b"x"

    async with httpx.AsyncClient(base_url=f"http://{HOST}:{port}") as http:
        assert (await http.post("/size", content=slowly())).json() == 5
        assert (await http.get("/stream")).text == "....."
