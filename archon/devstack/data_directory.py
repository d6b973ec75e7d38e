"""In: a directory. Out: the directory locked for one stack, and the ports of its previous stack.

A restarted stack keeps its addresses, so that shells with its `env` still find it.
"""

import contextlib
import fcntl
import json
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Final

from pydantic import TypeAdapter, ValidationError

from archon.contracts.errors import ArchonError, ConfigurationError

_OURS: Final = ("lock", "ports.json", "secrets")
_PORTS: Final = TypeAdapter(dict[str, int])


class DataDirectoryInUseError(ArchonError):
    """Another stack runs on the same data directory."""


def prepare(data_dir: Path) -> Path:
    """Creates the directory if necessary. A new directory, or one of an earlier stack, becomes private to
    this user; any other keeps its permissions. Raises ConfigurationError."""
    if not data_dir.exists() or any((data_dir / name).exists() for name in _OURS):
        data_dir.mkdir(parents=True, exist_ok=True)
        try:
            data_dir.chmod(0o700)
        except PermissionError as error:
            raise ConfigurationError(f"{data_dir} belongs to another user") from error
    return data_dir


@contextlib.asynccontextmanager
async def locked(data_dir: Path) -> AsyncIterator[None]:
    """Locks `data_dir` for one stack. Raises DataDirectoryInUseError."""
    with (prepare(data_dir) / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise DataDirectoryInUseError(f"{data_dir} is in use by another stack") from error
        yield


def in_use(data_dir: Path) -> bool:
    """Whether a stack has locked it."""
    try:
        with (data_dir / "lock").open("r") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def ports_file(data_dir: Path) -> Path:
    return data_dir / "ports.json"


def kept_ports(data_dir: Path) -> Mapping[str, int]:
    """Ports by name; empty if no stack has run there. Raises ConfigurationError."""
    file = ports_file(data_dir)
    try:
        return _PORTS.validate_json(file.read_bytes())
    except FileNotFoundError:
        return {}
    except ValidationError as error:
        raise ConfigurationError(f"{file} contains no ports; remove it to choose new ones") from error


def keep_ports(data_dir: Path, ports: Mapping[str, int]) -> None:
    ports_file(data_dir).write_text(json.dumps(ports, indent=2) + "\n")
