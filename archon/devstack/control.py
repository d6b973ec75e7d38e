"""In: a command for a service of a running stack. Out: the command carried out by the stack's own process.

Uses a Unix socket in the data directory that only its user may open: one line of JSON in each direction.
"""

import asyncio
import contextlib
import os
import socket
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final, Literal, Self

from pydantic import BaseModel, ValidationError

from archon.contracts.errors import ArchonError, StackUnavailableError
from archon.devstack.data_directory import in_use
from archon.devstack.supervision import State, Supervised

_SOCKET: Final = "control"
_LONGEST: Final = 2**20


class Command(BaseModel):
    """`service` is empty for a list of all."""

    verb: Literal["list", "start", "stop", "restart"]
    service: str = ""


class ServiceState(BaseModel):
    """`since`: start of the current state; `restarts`: number of automatic restarts. `pid`: the leader of the
    process group."""

    service: str
    state: State
    since: datetime
    restarts: int
    pid: int | None
    address: str
    log: str

    @classmethod
    def of(cls, supervised: Supervised) -> Self:
        process = supervised.process
        return cls(
            service=name_of(supervised),
            state=supervised.state,
            since=supervised.since,
            restarts=supervised.restarts,
            pid=process.pid,
            address=process.url,
            log=str(process.log),
        )


class Answer(BaseModel):
    """The services after the command; `error`: why it failed."""

    services: list[ServiceState]
    error: str | None = None


def name_of(supervised: Supervised) -> str:
    return supervised.process.name.lower()


@contextlib.asynccontextmanager
async def serving(
    data_dir: Path, processes: Sequence[Supervised], group: asyncio.TaskGroup
) -> AsyncIterator[None]:
    """Accepts commands during the block. Each runs in `group`, even if its client stops waiting."""
    by_name = {name_of(each): each for each in processes}

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        group.create_task(_serve(by_name, reader, writer))

    server = await asyncio.start_unix_server(connected, sock=_bound(data_dir), limit=_LONGEST)
    try:
        yield
    finally:
        server.close()
        (data_dir / _SOCKET).unlink(missing_ok=True)


async def ask(data_dir: Path, command: Command) -> Answer:
    """Raises StackUnavailableError if no stack accepts commands, or it ends before the answer."""
    try:
        with _reachable(data_dir) as path:
            reader, writer = await asyncio.open_unix_connection(path, limit=_LONGEST)
    except OSError as error:
        if in_use(data_dir):
            raise StackUnavailableError(
                f"the stack on {data_dir} is starting or stopping, or was not started by `enrich up`"
            ) from error
        raise StackUnavailableError(f"no stack runs on {data_dir}; `enrich up` starts one") from error
    with contextlib.closing(writer):
        try:
            writer.write(command.model_dump_json().encode() + b"\n")
            line = await reader.readline()
        except OSError:
            line = b""
    if not line:
        raise StackUnavailableError(f"the stack on {data_dir} has ended meanwhile")
    return Answer.model_validate_json(line)


async def _serve(
    by_name: Mapping[str, Supervised], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """Raises nothing: a client's mistake must not end the stack."""
    with contextlib.closing(writer), contextlib.suppress(OSError, ValueError):
        error = await _obey(by_name, await reader.readline())
        answer = Answer(services=list(map(ServiceState.of, by_name.values())), error=error)
        writer.write(answer.model_dump_json().encode() + b"\n")
        await writer.drain()


async def _obey(by_name: Mapping[str, Supervised], line: bytes) -> str | None:
    """The reason if it was not done."""
    try:
        command = Command.model_validate_json(line)
    except ValidationError:
        return "this is not a command"
    if command.verb == "list":
        return None
    if (service := by_name.get(command.service)) is None:
        return f"there is no service {command.service}"
    try:
        if command.verb != "start":
            await service.stop()
        if command.verb != "stop":
            await service.start()
    except (ArchonError, OSError) as error:
        return str(error)
    return None


@contextlib.contextmanager
def _reachable(data_dir: Path) -> Iterator[str]:
    """A short path for the socket: the system allows about a hundred bytes (man 7 unix)."""
    with tempfile.TemporaryDirectory(prefix="archon-") as short:
        (link := Path(short) / "d").symlink_to(data_dir.resolve())
        yield str(link / _SOCKET)


def _bound(data_dir: Path) -> socket.socket:
    """The socket, private to its user from the start."""
    (data_dir / _SOCKET).unlink(missing_ok=True)  # left by a stack that was killed
    made = socket.socket(socket.AF_UNIX)
    with _reachable(data_dir) as path:
        before = os.umask(0o177)
        try:
            made.bind(path)
        finally:
            os.umask(before)
    return made
