"""In: the address of `tests.forking` and the arguments of an `enrich`. Out: that command, forked there, with
the output, process group, signals and exit code of this process.

A script of its own that imports little, because each service begins with it (`python -S forked.py ADDRESS
ARGUMENTS...`).
"""

import json
import os
import signal
import socket
import sys
from collections.abc import Mapping, Sequence
from typing import TextIO, TypedDict

FILES = 3
"""Standard input, output and error."""
ON_IMPORT = {"PYTHONPATH"}
"""Variables that count only where they are set before the imports."""


class Request(TypedDict):
    arguments: Sequence[str]
    environment: Mapping[str, str]
    directory: str
    group: int | None
    """The process group, if it is not that of `tests.forking`."""


def ask(connection: socket.socket, address: str, request: Request, files: Sequence[int]) -> TextIO:
    """A line with the process id, then one with the exit code. The command is killed when the connection
    closes. `files`: descriptors of its input, output and error."""
    connection.connect(address)
    socket.send_fds(connection, [b"."], files)
    connection.sendall(json.dumps(request).encode() + b"\n")
    return connection.makefile("r")


def request(arguments: Sequence[str], environment: Mapping[str, str], group: int | None = None) -> Request:
    """For this process's working directory."""
    directory = os.getcwd()  # noqa: PTH109  a process that begins with this imports little
    return Request(arguments=arguments, environment=dict(environment), directory=directory, group=group)


def main(address: str, *arguments: str) -> int:
    if not ON_IMPORT.isdisjoint(os.environ):
        os.execv(sys.executable, (sys.executable, "-m", "archon.cli.main", *arguments))
    with socket.socket(socket.AF_UNIX) as connection:
        answers = ask(connection, address, request(arguments, os.environ, os.getpgid(0)), range(FILES))
        pid = int(answers.readline())
        for each in (signal.SIGINT, signal.SIGTERM):
            signal.signal(each, lambda number, _: os.kill(pid, number))
        code = int(answers.readline())
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
