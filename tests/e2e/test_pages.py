"""Every shell command of the operators' pages, pasted into a shell that has sourced a stack's `env` file."""

import asyncio
import contextlib
import json
import os
import re
import shutil
import signal
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from archon.cli.stack.env_file import exports
from archon.devstack.stack import Stack
from tests.e2e.faulty import FaultyIntelligence, refusing
from tests.eventually import eventually
from tests.pages import PAGES, commands, parses

OTHER_TOOLS = {
    "make": "builds and tests this repository",
    ".venv/bin/pytest": "runs this repository's tests",
}
"""Not part of a stack: only parsed by the shell."""
PARSED = {
    "enrich up": "starts a stack of its own",
    "enrich bench": "starts a stack of its own",
    "enrich graph impact": "needs a checkout: tests/e2e/test_graph.py",
    "enrich keys": "needs a file of keys: tests/unit/test_keys_command.py",
    "temporal worker deployment": "needs workers with versions: tests/workflows/test_worker_versions.py",
}
"""Not possible on this stack: only its options are parsed."""
ENDLESS = re.compile(r"--watch|--follow|curl -sN")
"""Endless commands: run until they have printed something."""
TOLERATED = {
    "enrich delete": {4},
    "enrich doctor": {10},
    "enrich graph": {4},
    "enrich reconcile": {10},
    "enrich validate": {10},
    "enrich backfill pause": {4},
    "enrich topics list": {10},
}
"""Expected exit codes other than 0: findings on a stack whose documents fail, and have no symbols; a backfill
that has already ended, a project that no page has filled; the embedded broker lacks settings of topics."""
SECONDS = 90
SHORTEST = "docs/failures.md"
PROJECT = "spare"
"""The project of the failing documents; a page's own project is `shop`."""
pytestmark = pytest.mark.timeout(580)


@dataclass
class Shell:
    """`directory`: working directory of the commands, with the stack's `.archon` in it."""

    stack: Stack
    intelligence: FaultyIntelligence
    directory: Path

    async def start(self, command: str) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            *("bash", "-o", "pipefail", "-c", f". .archon/env && {{ {command}\n}}"),
            cwd=self.directory,
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(self.directory),
                "LANG": "C.UTF-8",
                **({"FORCE_COLOR": "1"} if ENDLESS.search(command) else {}),  # as on a terminal
            },
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            process_group=0,  # not a session: Linux divides processors between sessions first
        )

    async def run(self, command: str) -> tuple[int, str]:
        """Its exit code, or 0 for a started endless command; and its output."""
        process = await self.start(command)
        assert process.stdout is not None
        reading = process.stdout.read(256 if ENDLESS.search(command) else -1)
        try:
            async with asyncio.timeout(SECONDS):
                printed = (await reading).decode(errors="replace")
                if ENDLESS.search(command):
                    return (1 if not printed or "error" in printed else 0), printed
                return await process.wait(), printed
        except TimeoutError:
            return 124, f"nothing within {SECONDS} s"
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
            await process.wait()

    async def post(self, project: str) -> dict[str, Any]:
        text = f"def f(): pass  # {uuid4()}\n"
        document = {"project_id": project, "source_path": f"{uuid4()}.py", "full_text": text}
        async with httpx.AsyncClient(timeout=30) as http:
            answer = await http.post(f"{self.stack.settings.bridge_url}/api/bridge/document", json=document)
            answer.raise_for_status()
            found: dict[str, Any] = answer.json()
            return found

    async def parked(self, project: str) -> dict[str, Any]:
        """A document whose run waits for a retry, which will then succeed; Temporal lists it."""
        self.intelligence.behaviour = refusing(400)
        document = await self.post(project)

        async def listed() -> bool:
            async with httpx.AsyncClient(timeout=30) as http:
                found = await http.get(f"{self.stack.settings.bridge_url}/api/bridge/parked?limit=1000")
            return document["document_id"] in {each["document_id"] for each in found.json()["parked"]}

        await eventually(listed)
        self.intelligence.heal()
        return document

    async def filled_in(self, command: str) -> str:
        """The command with this stack's document, project and key for the placeholders."""
        if not re.search(r"\b(ID|HASH|KEY)\b|retry|parked", command):
            return command
        project = "shop" if "shop" in command else PROJECT
        document = await self.parked(project)
        for name, value in {
            "ID": document["document_id"],
            "KEY": document["document_id"],
            "HASH": document["content_hash"],
            "PROJECT": PROJECT,
        }.items():
            command = re.sub(rf"\b{name}\b", value, command)
        return command


@pytest.fixture(scope="module")
async def shell(
    scripted: Stack, intelligence: FaultyIntelligence, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Shell]:
    directory = tmp_path_factory.mktemp("pages")
    (directory / ".venv").symlink_to(Path(sys.prefix))
    (directory / "tests/workflows/histories").mkdir(parents=True)
    for place in ("src/shop", "src/my-project", "shop"):
        (directory / place).mkdir(parents=True)
        (directory / place / "cart.py").write_text(f"def total(items):\n    return sum(items)  # {place}\n")
    (directory / ".archon").symlink_to(scripted.data_dir)
    async with scripted.supervised(lambda _: None):
        lines = exports(scripted.data_dir, scripted.environment, scripted.settings)
        (scripted.data_dir / "env").write_text(lines)
        shell = Shell(scripted, intelligence, directory)
        document = await shell.post(PROJECT)
        listed = {name: document[name] for name in ("document_id", "content_hash")}
        (directory / "submitted.jsonl").write_text(json.dumps(listed) + "\n")
        yield shell


@pytest.mark.parametrize(
    "page", [pytest.param(page, marks=() if page == SHORTEST else pytest.mark.full) for page in PAGES]
)
async def test_every_command_of_a_page_does_what_it_is_there_for(shell: Shell, page: str) -> None:
    failed = []
    for command in commands(page):
        bare = command.removeprefix(".venv/bin/")
        if command.split()[0] in OTHER_TOOLS:
            assert parses(command)
            continue
        if not all(map(shutil.which, re.findall(r"\b(?:jq|curl)\b", command))):
            continue  # a machine without these two: tests/unit checks the syntax
        if bare.startswith(tuple(PARSED)):
            code, printed = await shell.run(f"{command.partition(' #')[0]} --help")
        else:
            code, printed = await shell.run(await shell.filled_in(command))
        allowed = next((codes for begin, codes in TOLERATED.items() if bare.startswith(begin)), set())
        if code not in {0, *allowed}:
            failed.append(f"{command}\n  ended with {code}: {printed[-1500:]}")
    assert not failed, "\n".join(failed)
