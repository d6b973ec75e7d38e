"""In: the arguments and environment of an `enrich`. Out: its exit code; it is forked from a process that has
imported every verb and service.

Starting Python and importing a verb takes a second of processor time, ten times what most commands then do; a
service takes two to three. Each is still a process with its own memory, environment, output and exit.
"""

import asyncio
import atexit
import contextlib
import gc
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Final

from archon.cli import main as command
from archon.cli.verbs import VERBS
from archon.devstack import guard
from archon.devstack.process import ChildProcess
from archon.devstack.stack import service
from tests import forked

SERVICES: Final = ("bridge.app", "kafka_ingress.service", "worker", "intelligence.app")


class Forking:
    """The process with the imports; it ends with this one."""

    def __init__(self) -> None:
        directory = tempfile.mkdtemp(prefix="archon-forking-")
        self.address = f"{directory}/socket"
        self._alive, other = socket.socketpair()
        with other, socket.socket(socket.AF_UNIX) as listening:
            listening.bind(self.address)
            listening.listen(64)  # requests wait here for the imports
            inherited = (listening.fileno(), other.fileno())
            subprocess.Popen(
                (sys.executable, "-m", "tests.forking", *map(str, inherited)), pass_fds=inherited
            )
        atexit.register(shutil.rmtree, directory, ignore_errors=True)
        atexit.register(self._alive.close)

    async def run(self, arguments: list[str], environment: Mapping[str, str], files: list[int]) -> int:
        """Its exit code, negative after a signal. `files`: descriptors of its input, output and error."""
        return await asyncio.to_thread(self._run, arguments, environment, files)

    def _run(self, arguments: list[str], environment: Mapping[str, str], files: list[int]) -> int:
        with socket.socket(socket.AF_UNIX) as connection:
            wanted = forked.request(arguments, environment)
            answers = forked.ask(connection, self.address, wanted, files)
            answers.readline()
            return int(answers.readline())

    def service(
        self, name: str, port: int, data_dir: Path, env: Mapping[str, str], niceness: int = 0
    ) -> ChildProcess:
        """Like `archon.devstack.stack.service`, and begun in a tenth of the processor time."""
        process = service(name, port, data_dir, env, niceness)
        process.command = self.command(name)
        return process

    def command(self, *arguments: str) -> Sequence[str]:
        """A process that behaves like this `enrich`."""
        return (sys.executable, "-S", forked.__file__, self.address, *arguments)


forking = cache(Forking)


def _serve(listening: socket.socket, parent: socket.socket) -> None:
    """Forks for each connection, until the parent ends."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those that answer
    while parent not in select.select([listening, parent], [], [])[0]:
        connection, _ = listening.accept()
        with connection:
            if os.fork() == 0:
                listening.close()
                parent.close()
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                _answer(connection)
                return


def _answer(connection: socket.socket) -> None:
    """Runs the command in a further process, and sends its process id and its exit code."""
    _, files, *_ = socket.recv_fds(connection, 1, forked.FILES)
    with connection.makefile("rb") as lines:
        request = json.loads(lines.readline())
    if request["group"] is not None:
        os.setpgid(0, request["group"])
    if (pid := os.fork()) == 0:
        connection.close()
        guard.die_with_parent()
        _become(request, files)
        command.main()
        return
    for each in files:
        os.close(each)
    connection.sendall(f"{pid}\n".encode())
    threading.Thread(target=_end_with_client, args=(connection, pid), daemon=True).start()
    connection.sendall(f"{os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])}\n".encode())
    os._exit(0)


def _end_with_client(connection: socket.socket, pid: int) -> None:
    connection.recv(1)
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def _become(request: forked.Request, files: list[int]) -> None:
    for number, each in enumerate(files):
        os.dup2(each, number)
        os.close(each)
    os.chdir(request["directory"])
    os.environ.clear()
    os.environ.update(request["environment"])
    sys.argv[1:] = request["arguments"]
    sys.modules["__main__"] = command  # what its own processes begin with


if __name__ == "__main__":
    for module in (*{verb.module for verb in VERBS}, *SERVICES):
        import_module(module)
    gc.freeze()  # a collection would copy memory that is shared
    _serve(*(socket.socket(fileno=int(each)) for each in sys.argv[1:]))
