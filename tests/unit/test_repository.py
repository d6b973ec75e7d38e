"""The repository besides its code."""

import subprocess
from collections import Counter
from pathlib import Path

import pytest

from archon.cli.files.confidential import secret_in

ROOT = Path(__file__).parents[2]
MOST = 14
"""Maximum number of Python files in one folder: as many names as one can grasp at a glance."""


def tracked() -> list[str]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    if listed.returncode:
        pytest.skip("no git repository")
    return [name for name in listed.stdout.decode().split("\0") if name]


def test_no_folder_of_the_product_is_crowded() -> None:
    rooms = Counter(str(Path(name).parent) for name in tracked() if name.endswith(".py"))
    crowded = {room: files for room, files in rooms.items() if files > MOST and not room.startswith("tests")}
    assert not crowded


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
