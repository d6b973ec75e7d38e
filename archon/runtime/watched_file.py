"""In: a file that others write. Out: what it says now; a change is taken up by whoever asks next.

A file that cannot be read leaves in force what was last read, and is told of in the log and by `check`.
"""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, Generic, TypeVar

from pydantic import BaseModel, ValidationError

from archon.contracts.errors import ConfigurationError
from archon.runtime.logs import get_logger
from archon.runtime.reasons import wrong

Content = TypeVar("Content")
Contained = TypeVar("Contained", bound=BaseModel)
Signature = tuple[int, int, int, int]
_AGAIN: Final = 1.0
"""Seconds after which a file that could not be read is tried again, changed or not."""
_log = get_logger(__name__)


class WatchedFile(Generic[Content]):
    """`read` raises ConfigurationError, and so does this when there is no valid file to begin with."""

    def __init__(self, path: Path, read: Callable[[Path], Content]) -> None:
        self._path = path
        self._read = read
        self._signature = _signature(path)
        self._content = read(path)
        self._problem: ConfigurationError | None = None
        self._failing_since: float | None = None
        self._tried = 0.0

    @property
    def unread_for(self) -> float:
        """For how many seconds the file could not be read, as last looked at; 0 where it could."""
        return 0.0 if self._failing_since is None else time.monotonic() - self._failing_since

    @property
    def current(self) -> Content:
        signature = _signature(self._path)
        again = self._problem is not None and time.monotonic() - self._tried > _AGAIN
        if signature != self._signature or again:
            self._signature = signature
            self._take_up()
        return self._content

    async def check(self) -> None:
        """Raises ConfigurationError while the file is not as it should be."""
        self.current  # noqa: B018  looks at the file
        if self._problem is not None:
            raise self._problem

    def _take_up(self) -> None:
        self._tried, before = time.monotonic(), str(self._problem)
        try:
            self._content, self._problem = self._read(self._path), None
        except ConfigurationError as error:
            self._problem = ConfigurationError(f"{error}; what was read before stays in force")
            if self._failing_since is None:
                self._failing_since = self._tried
            if str(self._problem) != before:
                _log.error("watched_file_not_read", path=str(self._path), error=str(self._problem))
        else:
            self._failing_since = None
            _log.info("watched_file_read", path=str(self._path))


def read_json(path: Path, model: type[Contained], setting: str) -> Contained:
    """The content of the file that `setting` names. Raises ConfigurationError that says what is wrong with
    it, and nothing of what it holds."""
    try:
        content = path.read_bytes()
        encoding = json.detect_encoding(content)  # editors of Windows may write UTF-16
        return model.model_validate_json(content.decode(encoding).removeprefix("\ufeff"))
    except UnicodeDecodeError as error:
        reason = f"is not JSON in {encoding.upper()}: {error.reason} at byte {error.start}"
        raise ConfigurationError(f"{setting}: {path}: {reason}") from error
    except OSError as error:
        raise ConfigurationError(f"{setting}: {path}: {error.strerror}") from error
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        field = ".".join(str(part) for part in first["loc"]) or "file"
        raise ConfigurationError(f"{setting}: {path}: {field}: {wrong(first)}") from error


def _signature(path: Path) -> Signature | None:
    """Changes when the file does; None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    # The time of the inode changes with rights and owner.
    return found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino
