"""In: the keys file, and keys in requests. Out: the matching key; keys created and revoked.

Every check looks at the file, so the next request sees a change. While the file is unreadable, the last keys
stay in force for a limited time, because the file may revoke one of them. The log and `check` report this.
"""

import contextlib
import fcntl
import math
import os
import stat
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from archon.contracts.errors import ConfigurationError, NotFoundError, UnauthorizedError
from archon.contracts.operations.api_keys import ApiKey, ApiKeys, agrees, key_id_of
from archon.runtime.watched_file import WatchedFile, read_json

_MODE = 0o600


def read(path: Path) -> ApiKeys:
    """Raises ConfigurationError, which describes the problem without quoting the file."""
    return read_json(path, ApiKeys, "API_KEYS_FILE")


class KeyFile:
    """The keys in force. `grace`: seconds that they stay in force while the file is unreadable. Raises
    ConfigurationError if there is no valid file at the start."""

    def __init__(self, path: Path, grace: float = math.inf) -> None:
        self._file = WatchedFile(path, lambda path: _by_id(read(path)))
        self._grace = grace

    def authenticate(self, shown: str) -> ApiKey:
        """The key in a request. Raises UnauthorizedError; only a caller with the right secret learns the
        reason."""
        kept = self._file.current.get(key_id_of(shown) or "")
        if self._file.unread_for > self._grace:
            raise UnauthorizedError("the API key cannot be checked: the keys file has not been readable")
        if not agrees(shown, kept) or kept is None:
            raise UnauthorizedError("the API key is not valid")
        if kept.expired(datetime.now(UTC)):
            raise UnauthorizedError(f"the API key {kept.id} has expired")
        return kept

    async def check(self) -> None:
        """Raises ConfigurationError while the file is invalid."""
        await self._file.check()


def add(path: Path, key: ApiKey) -> None:
    """Adds a key to the file, which is created if necessary. Raises ConfigurationError for an invalid
    file."""

    def added(keys: list[ApiKey]) -> list[ApiKey]:
        return [*keys, key]

    _edit(path, added)


def revoke(path: Path, key_id: str) -> None:
    """Removes a key from the file. Raises NotFoundError."""

    def without(keys: list[ApiKey]) -> list[ApiKey]:
        left = [key for key in keys if key.id != key_id]
        if len(left) == len(keys):
            raise NotFoundError(f"there is no key {key_id} in {path}")
        return left

    _edit(path, without)


def _edit(path: Path, change: Callable[[list[ApiKey]], list[ApiKey]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with _locked(path.parent):
        keys = read(path).keys if path.exists() else []
        _write(path, ApiKeys(keys=change(keys)))


@contextlib.contextmanager
def _locked(directory: Path) -> Iterator[None]:
    """Of two concurrent editors one would lose its change."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _write(path: Path, keys: ApiKeys) -> None:
    """The file is complete at any time; owner and permissions stay, so that the same users can read it.
    Raises ConfigurationError if this user may not set them."""
    before = path.stat() if path.exists() else None
    descriptor, made = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w") as file:
            if before is not None:
                _keep_owner(descriptor, before, path)
            os.fchmod(descriptor, _MODE if before is None else stat.S_IMODE(before.st_mode))
            file.write(keys.model_dump_json(indent=2, exclude_none=True) + "\n")
            file.flush()
            os.fsync(descriptor)
        Path(made).replace(path)
    except BaseException:
        Path(made).unlink(missing_ok=True)
        raise


def _keep_owner(descriptor: int, before: os.stat_result, path: Path) -> None:
    try:
        os.fchown(descriptor, before.st_uid, before.st_gid)
    except PermissionError as error:
        whose = f"user {before.st_uid} and group {before.st_gid}"
        raise ConfigurationError(f"{path} belongs to {whose}: change it as that user, or as root") from error


def _by_id(keys: ApiKeys) -> dict[str, ApiKey]:
    return {key.id: key for key in keys.keys}
