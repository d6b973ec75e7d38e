"""Modules and functions that workflow code may not use, by the linter: besides replays, the only guard of
determinism."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def refused(source: str) -> str:
    """The linter's findings for `source` as a workflow module."""
    command = [sys.executable, "-m", "ruff", "check", "--select", "TID251", "--output-format", "concise"]
    found = subprocess.run(
        [*command, "--stdin-filename", "workflows/another.py", "-"],
        input=source,
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    return found.stdout


@pytest.mark.parametrize(
    "source",
    [
        "from datetime import datetime\ndatetime.now()\n",
        "import time\n",
        "from time import monotonic\n",
        "import random\n",
        "from uuid import uuid4\nuuid4()\n",
        "import os\n",
        "import pathlib\n",
        "import httpx\n",
        "import asyncio\nasyncio.wait([])\n",
    ],
)
def test_code_that_would_make_a_replay_differ_is_refused(source: str) -> None:
    assert "TID251" in refused(source)


def test_temporals_replacements_are_allowed() -> None:
    source = "from temporalio import workflow\nworkflow.now(), workflow.uuid4(), workflow.random()\n"
    assert "TID251" not in refused(source)
