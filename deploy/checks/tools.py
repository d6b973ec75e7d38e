"""In: a command. Out: what it printed, or a CheckError that says what is wrong or what to install."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import yaml

BIN: Final = Path(sys.executable).parent
"""Where the pinned tools are: the environment that runs the checks."""

Check = Callable[[Path], str]
"""Of the repository's root; says what it has looked at. Raises CheckError."""


class CheckError(Exception):
    """An artefact is not sound; the message is for the person who mends it."""


def run(command: Sequence[str | Path], *, cwd: Path, environment: Mapping[str, str] | None = None) -> str:
    """What a tool printed. Raises CheckError with all of it when the tool fails or is not there.

    Of this process's environment it sees PATH and HOME alone, so that no variable of a shell fills a gap.
    """
    path = f"{BIN}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    shell = {"PATH": path, "HOME": os.environ.get("HOME", "/")}
    try:
        done = subprocess.run(
            [str(part) for part in command],
            cwd=cwd,
            env={**shell, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
            check=False,
        )
    except FileNotFoundError as error:
        raise CheckError(f"{error.filename} is not installed; make check-deploy installs it") from error
    except subprocess.TimeoutExpired as error:
        raise CheckError(f"{Path(str(command[0])).name} did not end within {error.timeout:g} s") from error
    if done.returncode:
        raise CheckError(f"{Path(str(command[0])).name}: {done.stdout.strip() or 'failed and said nothing'}")
    return done.stdout


def existing(root: Path, pattern: str) -> list[Path]:
    """The files that a pattern names, in order. Raises CheckError when there is none."""
    found = sorted(root.glob(pattern))
    if not found:
        raise CheckError(f"{pattern}: there is no such file")
    return found


def read_yaml(path: Path) -> Any:
    """The one document of a YAML file."""
    try:
        return yaml.safe_load(path.read_text())
    except yaml.YAMLError as error:
        raise CheckError(f"{path}: {error}") from error


def read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text())
    except ValueError as error:
        raise CheckError(f"{path}: {error}") from error


def require(problems: Sequence[str]) -> None:
    """Raises CheckError that lists the problems, if there are any."""
    if problems:
        raise CheckError("\n".join(problems))
