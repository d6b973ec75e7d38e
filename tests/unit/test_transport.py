"""Our HTTP clients' errors for a failing connection."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from archon.runtime.http.clients import Transport
from archon.runtime.local_ports import HOST, free_ports


@asynccontextmanager
async def serving(answer: bytes | None) -> AsyncIterator[str]:
    """A server that sends this answer to each request, or closes its connection, or (b"") stays silent."""
    silent = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        if answer == b"":
            await silent.wait()
        writer.write(answer or b"")
        writer.close()

    async with await asyncio.start_server(serve, HOST, 0) as server:
        yield f"http://{HOST}:{server.sockets[0].getsockname()[1]}"
        silent.set()


async def raised(url: str) -> BaseException:
    async with httpx.AsyncClient(transport=Transport(), timeout=httpx.Timeout(5, read=0.2)) as http:
        with pytest.raises(httpx.RequestError) as caught:
            await http.post(url, content=b"x")
    return caught.value


async def test_a_refused_connection_names_where_it_was_going() -> None:
    [port] = free_ports(1)
    error = await raised(f"http://{HOST}:{port}")
    assert isinstance(error, httpx.ConnectError)
    assert str(port) in str(error)


async def test_a_connection_that_is_closed_instead_of_answered() -> None:
    async with serving(None) as url:
        assert isinstance(await raised(url), httpx.RemoteProtocolError)


async def test_an_answer_that_ends_too_early() -> None:
    async with serving(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nshort") as url:
        assert isinstance(await raised(url), httpx.ReadError)


async def test_a_server_that_is_silent() -> None:
    async with serving(b"") as url:
        assert isinstance(await raised(url), httpx.ReadTimeout)


async def test_no_cookie_is_sent_that_a_server_set() -> None:
    seen = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(2):
            seen.append(await reader.readuntil(b"\r\n\r\n"))
            writer.write(b"HTTP/1.1 204 No Content\r\nset-cookie: a=b\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(serve, HOST, 0) as server:
        request = httpx.Request("GET", f"http://{HOST}:{server.sockets[0].getsockname()[1]}/")
        async with Transport() as transport:
            for _ in range(2):
                await (await transport.handle_async_request(request)).aread()
    assert len(seen) == 2
    assert b"a=b" not in seen[1]
