"""In: a command. Out: its output, or a CheckError with the problem, or with what to install."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import yaml

BIN: Final = Path(sys.executable).parent
"""The pinned tools, in the environment that runs the checks."""

Check = Callable[[Path], str]
"""Takes the repository's root; returns a summary. Raises CheckError."""


class CheckError(Exception):
    """A file is invalid; the message is for the person who repairs it."""


def run(command: Sequence[str | Path], *, cwd: Path, environment: Mapping[str, str] | None = None) -> str:
    """A tool's output. Raises CheckError with all of it if the tool fails or is missing.

    The tool gets only PATH and HOME from this environment, so that no variable of a shell hides a gap.
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
    """The files that match a pattern, in order. Raises CheckError if there is none."""
    found = sorted(root.glob(pattern))
    if not found:
        raise CheckError(f"{pattern}: there is no such file")
    return found


def read_yaml(path: Path) -> Any:
    """The single document of a YAML file."""
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
    """Raises CheckError with the list of problems, if there are any."""
    if problems:
        raise CheckError("\n".join(problems))
