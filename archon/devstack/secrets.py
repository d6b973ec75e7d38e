"""In: a data directory and a server's name. Out: the secret that protects the server from other users.

Every account on a machine can connect to loopback.
"""

import contextlib
import secrets
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Final

from archon.devstack.data_directory import prepare

_DIRECTORY: Final = "secrets"
_BYTES: Final = 32


def secret_file(data_dir: Path, server: str) -> Path:
    """The file with the secret, readable by this user only; created if necessary."""
    directory = prepare(data_dir) / _DIRECTORY
    directory.mkdir(mode=0o700, exist_ok=True)
    file = directory / server
    if not file.exists():
        with NamedTemporaryFile("w", dir=directory) as made:  # readable by this user only
            made.write(secrets.token_urlsafe(_BYTES))
            made.flush()
            # The file is complete or absent; of two concurrent writers, one wins.
            with contextlib.suppress(FileExistsError):
                file.hardlink_to(made.name)
    return file


def is_made(data_dir: Path, server: str) -> bool:
    """Whether the secret exists already."""
    return (data_dir / _DIRECTORY / server).exists()


def secret(data_dir: Path, server: str) -> str:
    """The secret in the file."""
    return secret_file(data_dir, server).read_text()
