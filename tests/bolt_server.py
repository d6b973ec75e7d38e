"""In: answers by message. Out: a Bolt 5.2 server with these answers, for graph servers that do not run here.

Protocol: https://neo4j.com/docs/bolt/current/bolt/message/
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from neo4j._codec.packstream._common import PackableBuffer, UnpackableBuffer
from neo4j._codec.packstream.v1 import Packer, Unpacker

MEMGRAPH = "Neo4j/v5.11.0 compatible graph database server - Memgraph"
CLIENT_ERROR = "Memgraph.ClientError.MemgraphError.MemgraphError"
"""Memgraph's code for most of its errors."""
_VERSION = bytes([0, 0, 2, 5])
_MESSAGES = {
    0x01: "HELLO",
    0x02: "GOODBYE",
    0x0F: "RESET",
    0x10: "RUN",
    0x11: "BEGIN",
    0x12: "COMMIT",
    0x13: "ROLLBACK",
    0x2F: "DISCARD",
    0x3F: "PULL",
    0x6A: "LOGON",
}
_SUCCESS, _RECORD, _IGNORED, _FAILURE = 0x70, 0x71, 0x7E, 0x7F


@dataclass(frozen=True)
class Failure:
    """A server's refusal; `code` defaults to Memgraph's most frequent one."""

    message: str
    code: str = CLIENT_ERROR


Rows = Sequence[Mapping[str, Any]]
Script = Callable[[str, Sequence[Any]], Failure | Rows | None]
"""The answer to a message with these fields: a failure, or a statement's rows; None is success without
rows."""


@dataclass
class BoltServer:
    """`seen`: every message so far, by name, with its fields. `agent`: the server's name."""

    script: Script
    agent: str = MEMGRAPH
    seen: list[tuple[str, Sequence[Any]]] = field(default_factory=list)

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[str]:
        """Its URI during the block."""
        server = await asyncio.start_server(self._converse, "127.0.0.1", 0)
        try:
            yield f"bolt://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        finally:
            server.close()

    def fields_of(self, name: str) -> list[Sequence[Any]]:
        """The fields of every message with this name."""
        return [fields for seen, fields in self.seen if seen == name]

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            await reader.readexactly(20)
            writer.write(_VERSION)
            failed, rows = False, []
            while (message := await _message(reader)) is not None:
                name, fields = message
                self.seen.append(message)
                if name == "RESET":
                    failed = False
                if failed:
                    writer.write(_packed(_IGNORED))
                    continue
                answer = self.script(name, fields)
                if isinstance(answer, Failure):
                    failed = True
                    writer.write(_packed(_FAILURE, {"code": answer.code, "message": answer.message}))
                    continue
                if name == "RUN":
                    rows = list(answer or [])
                if name == "PULL":
                    for row in rows:
                        writer.write(_packed(_RECORD, list(row.values())))
                writer.write(_packed(_SUCCESS, self._told(name, rows)))
        writer.close()

    def _told(self, name: str, rows: Rows) -> dict[str, Any]:
        if name == "HELLO":
            return {"server": self.agent, "connection_id": "bolt-1"}
        return {"fields": list(rows[0]) if rows else []} if name == "RUN" else {}


async def _message(reader: asyncio.StreamReader) -> tuple[str, list[Any]] | None:
    """None at GOODBYE."""
    data = b""
    while size := int.from_bytes(await reader.readexactly(2)):
        data += await reader.readexactly(size)
    name = _MESSAGES[data[1]]
    if name == "GOODBYE":
        return None
    buffer = UnpackableBuffer(data[2:])
    unpacker = Unpacker(buffer)
    return name, [unpacker.unpack() for _ in range(data[0] & 0x0F)]


def _packed(tag: int, *fields: Any) -> bytes:
    buffer = PackableBuffer()
    packer = Packer(buffer)
    for each in fields:
        packer.pack(each)
    data = bytes([0xB0 | len(fields), tag]) + bytes(buffer.data)
    parts = [data[start : start + 0xFFFF] for start in range(0, len(data), 0xFFFF)]
    return b"".join(len(part).to_bytes(2) + part for part in parts) + b"\0\0"
