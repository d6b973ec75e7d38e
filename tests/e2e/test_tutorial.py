"""docs/tutorial.md from its first command to its last, on the stack that it starts, with its outputs."""

import asyncio
import doctest
import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.e2e.command import run, start_up
from tests.pages import SHELL, TUTORIAL, fences, whole

pytestmark = pytest.mark.timeout(580)
SHOWN = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def steps() -> Iterator[tuple[str, str | None]]:
    """Each command; with the last one of a block what the page shows below it."""
    blocks = fences(TUTORIAL)
    for (tag, text), (shown, output) in zip(blocks, [*blocks[1:], ("", "")], strict=True):
        if tag == SHELL:
            *before, last = whole(text.splitlines())
            yield from ((command, None) for command in before)
            yield last, output if shown != SHELL else None


@pytest.mark.full
async def test_the_tutorial(tmp_path: Path) -> None:
    (make, _), (up, _), (source, _), *rest = steps()
    assert make == "make setup"
    assert source == ". .archon/env"
    *variables, command, verb = up.split()
    assert (command, verb) == (".venv/bin/enrich", "up")
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "LANG": "C.UTF-8",
        **dict(each.split("=") for each in variables),
    }
    process, _ = await start_up(tmp_path / ".archon", 300, environment)
    try:
        workflows = []
        for command, shown in rest:
            words = ("bash", "-c", f"cd {tmp_path}; {source}; {command}")
            async with asyncio.timeout(180):
                found = await run(*words, environment=environment)
            code = re.search(r"# exit code (\d+)$", command)
            assert found.code == int(code[1] if code else 0), (command, found)
            if shown is not None:
                assert doctest.OutputChecker().check_output(shown, found.out, SHOWN), (command, found.out)
            workflows += re.findall(r"^Workflow +(\S+)", found.out, re.MULTILINE)
        async with httpx.AsyncClient(timeout=30) as http:
            (link,) = workflows
            assert (await http.get(link)).is_success
    finally:
        process.send_signal(signal.SIGINT)
        await process.wait()
