"""In: a directory. Out: a whole stack with additional ways to fail: services reach graph and vectors through
proxies that can delay, and graph and content have small file systems that can be filled, if this process may
mount them."""

import asyncio
import contextlib
import os
import subprocess
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from archon.devstack.process import ChildProcess
from archon.devstack.stack import Ports, Stack, environment, running
from archon.runtime.local_ports import HOST
from tests.e2e.command import Finished, enrich

DISK_BYTES: Final = 768 * 1024 * 1024
DISKS: Final = ("graph", "content")
"""Directories of the data directory with their own file systems."""
_PROXIED: Final = {"graph": "MEMGRAPH_URI", "vectors": "QDRANT_URL"}


@dataclass
class Proxy:
    """Passes TCP to `target`, with each part of an answer delayed by `delay` seconds."""

    target: int
    delay: float = 0.0
    port: int = 0
    _server: asyncio.Server | None = None

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._passed_on, HOST, self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()

    async def _passed_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            server_reader, server_writer = await asyncio.open_connection(HOST, self.target)
        except OSError:
            writer.transport.abort()  # refused, as by the server itself
            return
        pieces = (
            self._copied(reader, server_writer, slow=False),
            self._copied(server_reader, writer, slow=True),
        )
        await asyncio.gather(*pieces)

    async def _copied(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, slow: bool
    ) -> None:
        with contextlib.suppress(OSError):
            while piece := await reader.read(1 << 16):
                if slow and self.delay:
                    await asyncio.sleep(self.delay)
                writer.write(piece)
                await writer.drain()
        with contextlib.suppress(OSError):
            writer.close()


@dataclass(frozen=True)
class Estate:
    """`directory`: the stack's data. `proxies`: by target. `disks`: whether DISKS have their own file
    systems."""

    stack: Stack
    directory: Path
    proxies: Mapping[str, Proxy]
    disks: bool

    async def enrich(self, *arguments: str) -> Finished:
        """The command line, as an operator of this stack uses it."""
        environment = {**os.environ, **self.stack.environment, "COLUMNS": "200"}
        return await enrich(*arguments, environment=environment)

    @contextlib.asynccontextmanager
    async def restarted(self, service: ChildProcess, **settings: str) -> AsyncIterator[None]:
        """Restarts a service with other settings during the block. It need not become ready with them; at the
        end it is ready as before."""
        before = service.environment
        await service.kill()
        service.environment = {**before, **settings}
        starting = asyncio.create_task(service.start())
        try:
            yield
        finally:
            starting.cancel()
            await asyncio.gather(starting, return_exceptions=True)
            await service.kill()
            service.environment = before
            await service.start()


@contextlib.asynccontextmanager
async def estate(directory: Path, overrides: Mapping[str, str] | None = None) -> AsyncIterator[Estate]:
    """Running while the block lasts."""
    ports = Ports.free()
    addresses = environment(directory, ports)
    proxies = {name: Proxy(urlsplit(addresses[setting]).port or 0) for name, setting in _PROXIED.items()}
    with _disks(directory) as disks:
        for proxy in proxies.values():
            await proxy.start()
        through = {
            setting: addresses[setting].replace(str(proxies[name].target), str(proxies[name].port))
            for name, setting in _PROXIED.items()
        }
        try:
            async with running(directory, ports, {**through, **(overrides or {})}) as stack:
                yield Estate(stack, directory, proxies, disks)
        finally:
            for proxy in proxies.values():
                await proxy.stop()


@contextlib.contextmanager
def _disks(directory: Path) -> Iterator[bool]:
    """Whether it was possible: mounting requires root."""
    mounted: list[Path] = []
    try:
        for name in DISKS if os.geteuid() == 0 else ():
            place = directory / name
            place.mkdir(parents=True, exist_ok=True)
            command = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "archon", str(place)]
            if subprocess.run(command, capture_output=True, check=False).returncode:
                break
            mounted.append(place)
        yield len(mounted) == len(DISKS)
    finally:
        for place in mounted:
            subprocess.run(["umount", "--lazy", str(place)], capture_output=True, check=False)
