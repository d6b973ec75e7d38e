"""Number of connections of the vector store."""

import asyncio
import json

from archon.runtime.settings import Settings
from archon.stores.vectors.store import VectorStore

_ANSWER = json.dumps({"result": {"exists": True}, "status": "ok", "time": 0.0}).encode()


async def test_requests_share_a_connection_on_loopback_too() -> None:
    connections = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        while await reader.readline():
            await reader.readuntil(b"\r\n\r\n")
            head = (
                f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(_ANSWER)}\r\n\r\n"
            )
            writer.write(head.encode() + _ANSWER)
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        async with VectorStore.connect(Settings(qdrant_url=f"http://127.0.0.1:{port}")) as vectors:
            for _ in range(5):
                await vectors.ping()
    assert connections == 1
