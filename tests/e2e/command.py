"""In: arguments of `enrich`. Out: the output and exit code of the command, in a separate process."""

import asyncio
import json
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.forking import forking

ON_IMPORT: Final = {"COLUMNS": "80", "FORCE_COLOR": "", "NO_COLOR": ""}
"""Variables that count only where they are set before the imports, and their usual values."""


@dataclass
class Finished:
    code: int
    out: str
    err: str

    def json(self) -> Any:
        return json.loads(self.out)


async def run(*command: str, environment: Mapping[str, str], stdin: str | None = None) -> Finished:
    process = await asyncio.create_subprocess_exec(
        *command,
        env=dict(environment),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate(stdin.encode() if stdin is not None else None)
    assert process.returncode is not None
    return Finished(process.returncode, out.decode(), err.decode())


async def enrich(*arguments: str, environment: Mapping[str, str], stdin: str | None = None) -> Finished:
    if any(environment.get(name, usual) != usual for name, usual in ON_IMPORT.items()):
        command = (sys.executable, "-m", "archon.cli.main", *arguments)
        return await run(*command, environment=environment, stdin=stdin)
    with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        given.write((stdin or "").encode())
        given.seek(0)
        files = [each.fileno() for each in (given, out, err)]
        code = await forking().run(list(arguments), environment, files)
        out.seek(0)
        err.seek(0)
        return Finished(code, out.read().decode(), err.read().decode())


async def start_up(
    data_dir: Path, seconds: float, environment: Mapping[str, str] | None = None
) -> tuple[asyncio.subprocess.Process, str]:
    """`enrich up` on any free ports, after its last start-up line; with all its output. `seconds`: time limit
    per line."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "archon.cli.main", "up", "--free-ports", "--data-dir", str(data_dir)),
        env=environment,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    said = ""
    while "Stop " not in said:
        line = await asyncio.wait_for(process.stdout.readline(), seconds)
        assert line, said
        said += line.decode()
    return process, said


async def start_enrich(*arguments: str, environment: Mapping[str, str]) -> asyncio.subprocess.Process:
    """The command while it runs."""
    return await asyncio.create_subprocess_exec(
        *forking().command(*arguments),
        env=dict(environment),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
