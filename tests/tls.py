"""In: a plain server's port. Out: the same server behind TLS, as behind a terminating proxy."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import trustme

from archon.runtime.local_ports import HOST


@dataclass(frozen=True)
class Authority:
    """An unknown certificate authority, and its certificate for loopback; PEM files."""

    ca: Path
    chain: Path
    key: Path

    @classmethod
    def made(cls, directory: Path) -> "Authority":
        authority = trustme.CA()
        certificate = authority.issue_cert(HOST, "localhost")
        made = cls(directory / "ca.pem", directory / "chain.pem", directory / "key.pem")
        authority.cert_pem.write_to_path(made.ca)
        made.key.write_bytes(certificate.private_key_pem.bytes())
        made.chain.write_bytes(b"".join(pem.bytes() for pem in certificate.cert_chain_pems))
        return made


@contextlib.asynccontextmanager
async def terminating(
    authority: Authority, port: int, *, alpn: Sequence[str] = (), client_ca: Path | None = None
) -> AsyncIterator[int]:
    """A port that speaks TLS for `port`; with `client_ca`, only for clients with a certificate of it."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=client_ca)
    context.load_cert_chain(authority.chain, authority.key)
    context.set_alpn_protocols(list(alpn))
    if client_ca is not None:
        context.verify_mode = ssl.CERT_REQUIRED

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_connection(HOST, port)
        directions = [
            asyncio.create_task(_copy(reader, inner_writer)),
            asyncio.create_task(_copy(inner_reader, writer)),
        ]
        try:
            await asyncio.wait(directions, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for direction in directions:
                direction.cancel()
            await asyncio.gather(*directions, return_exceptions=True)
            inner_writer.close()
            writer.close()

    server = await asyncio.start_server(serve, HOST, 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
