"""What is in the repository besides its code."""

import subprocess
from pathlib import Path

import pytest

from archon.cli.confidential import secret_in

ROOT = Path(__file__).parents[2]


def tracked() -> list[str]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    if listed.returncode:
        pytest.skip("no git repository")
    return [name for name in listed.stdout.decode().split("\0") if name]


@pytest.mark.threat
def test_no_secret_is_in_it() -> None:
    found = {}
    for name in tracked():
        file = ROOT / name
        if file.is_file() and not file.is_symlink():
            secret = secret_in(name, file.read_text(errors="replace"))
            if secret is not None:
                found[name] = secret
    assert not found
