"""In: a file that other programs write. Out: its current content; the next reader gets a changed file.

If the file becomes unreadable, the last content stays in force; the log and `check` report it.
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
"""Seconds after which an unreadable file is read again, changed or not."""
_log = get_logger(__name__)


class WatchedFile(Generic[Content]):
    """Raises the ConfigurationError of `read` if there is no valid file at the start."""

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
        """Seconds since the file became unreadable, at the last check; 0 if it is readable."""
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
        """Raises ConfigurationError while the file is invalid."""
        self.current  # noqa: B018  looks at the file
        if self._problem is not None:
            raise self._problem

    def _take_up(self) -> None:
        self._tried, before = time.monotonic(), str(self._problem)
        try:
            self._content, self._problem = self._read(self._path), None
        except ConfigurationError as error:
            self._problem = ConfigurationError(f"{error}; the previous content stays in force")
            if self._failing_since is None:
                self._failing_since = self._tried
            if str(self._problem) != before:
                _log.error("watched_file_not_read", path=str(self._path), error=str(self._problem))
        else:
            self._failing_since = None
            _log.info("watched_file_read", path=str(self._path))


def read_json(path: Path, model: type[Contained], setting: str) -> Contained:
    """The content of the file in `setting`. Raises ConfigurationError, which describes the problem without
    quoting the content."""
    try:
        content = path.read_bytes()
        encoding = json.detect_encoding(content)  # Windows editors may write UTF-16
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
    """Changes with the file; None if there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    # The inode's time changes with permissions and owner.
    return found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino
