"""In: the arguments and environment of an `enrich`. Out: its exit code; it is forked from a process that has
imported every verb.

Starting Python and importing a verb takes a second of processor time, ten times what most commands then do.
Each command is still a process with its own memory, environment, output and exit.
"""

import asyncio
import atexit
import gc
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Final

from archon.cli.main import main
from archon.cli.verbs import VERBS

FILES: Final = 3
"""Standard input, output and error."""


class Forking:
    """The process with the imports; it ends with this one."""

    def __init__(self) -> None:
        self._sending = threading.Lock()
        self._control, other = socket.socketpair()
        with other:
            subprocess.Popen(
                (sys.executable, "-m", "tests.forking", str(other.fileno())), pass_fds=[other.fileno()]
            )
        atexit.register(self._control.close)

    async def run(self, arguments: list[str], environment: Mapping[str, str], files: list[int]) -> int:
        """Its exit code, negative after a signal. `files`: descriptors of its input, output and error."""
        return await asyncio.to_thread(self._run, arguments, environment, files)

    def _run(self, arguments: list[str], environment: Mapping[str, str], files: list[int]) -> int:
        mine, other = socket.socketpair()
        with mine, other:
            with self._sending:
                socket.send_fds(self._control, [b"."], [other.fileno(), *files])
            other.close()
            mine.sendall(json.dumps([arguments, dict(environment), str(Path.cwd())]).encode())
            mine.shutdown(socket.SHUT_WR)
            return int(_all(mine))


def _all(connection: socket.socket) -> bytes:
    with connection.makefile("rb") as file:
        return file.read()


def _serve(control: socket.socket) -> None:
    """Forks for each request, until the other end closes."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those that answer
    while received := socket.recv_fds(control, 1, 1 + FILES):
        sent, descriptors, *_ = received
        if not sent:
            return
        if os.fork() == 0:
            control.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            _answer(socket.socket(fileno=descriptors[0]), descriptors[1:])
            return
        for each in descriptors:
            os.close(each)


def _answer(connection: socket.socket, files: list[int]) -> None:
    """Runs the command in a further process, and sends its exit code."""
    arguments, environment, directory = json.loads(_all(connection))
    if (pid := os.fork()) == 0:
        connection.close()
        _become(arguments, environment, directory, files)
        main()
        return
    connection.sendall(str(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])).encode())
    os._exit(0)


def _become(arguments: list[str], environment: dict[str, str], directory: str, files: list[int]) -> None:
    for number, each in enumerate(files):
        os.dup2(each, number)
        os.close(each)
    os.chdir(directory)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv[1:] = arguments


if __name__ == "__main__":
    for module in {verb.module for verb in VERBS}:
        import_module(module)
    gc.freeze()  # a collection would copy memory that is shared
    _serve(socket.socket(fileno=int(sys.argv[1])))
