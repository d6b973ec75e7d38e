"""In: a data directory and a server's name. Out: the secret that guards the server against other users.

Loopback is every user's: what listens there is reached by all who have an account on the machine.
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
    """The file that holds it, made with it if need be, for this user's eyes alone."""
    directory = prepare(data_dir) / _DIRECTORY
    directory.mkdir(mode=0o700, exist_ok=True)
    file = directory / server
    if not file.exists():
        with NamedTemporaryFile("w", dir=directory) as made:  # which is this user's alone
            made.write(secrets.token_urlsafe(_BYTES))
            made.flush()
            # Whole or not at all; of two who make it at once, one makes it.
            with contextlib.suppress(FileExistsError):
                file.hardlink_to(made.name)
    return file


def is_made(data_dir: Path, server: str) -> bool:
    """Whether there is one already."""
    return (data_dir / _DIRECTORY / server).exists()


def secret(data_dir: Path, server: str) -> str:
    """As the file has it."""
    return secret_file(data_dir, server).read_text()
