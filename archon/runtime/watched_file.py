"""In: a file that others write. Out: what it says now; a change is taken up by whoever asks next.

A file that cannot be read leaves in force what was last read, and is told of in the log and by `check`.
"""

import codecs
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

from pydantic import BaseModel, ValidationError

from archon.contracts.errors import ConfigurationError
from archon.runtime.logs import get_logger

Content = TypeVar("Content")
Contained = TypeVar("Contained", bound=BaseModel)
Signature = tuple[int, int, int]
_log = get_logger(__name__)


class WatchedFile(Generic[Content]):
    """`read` raises ConfigurationError, and so does this when there is no valid file to begin with."""

    def __init__(self, path: Path, read: Callable[[Path], Content]) -> None:
        self._path = path
        self._read = read
        self._signature = _signature(path)
        self._content = read(path)
        self._problem: ConfigurationError | None = None

    @property
    def current(self) -> Content:
        signature = _signature(self._path)
        if signature != self._signature:
            self._signature = signature
            self._take_up()
        return self._content

    async def check(self) -> None:
        """Raises ConfigurationError while the file is not as it should be."""
        self.current  # noqa: B018  looks at the file
        if self._problem is not None:
            raise self._problem

    def _take_up(self) -> None:
        try:
            self._content, self._problem = self._read(self._path), None
        except ConfigurationError as error:
            self._problem = ConfigurationError(f"{error}; what was read before stays in force")
            _log.error("watched_file_not_read", path=str(self._path), error=str(self._problem))
        else:
            _log.info("watched_file_read", path=str(self._path))


def read_json(path: Path, model: type[Contained], setting: str) -> Contained:
    """The content of the file that `setting` names. Raises ConfigurationError that says what is wrong with
    it, and nothing of what it holds."""
    try:
        return model.model_validate_json(path.read_bytes().removeprefix(codecs.BOM_UTF8))
    except OSError as error:
        raise ConfigurationError(f"{setting}: {path}: {error.strerror}") from error
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        field = ".".join(str(part) for part in first["loc"]) or "file"
        raise ConfigurationError(f"{setting}: {path}: {field}: {first['msg']}") from error


def _signature(path: Path) -> Signature | None:
    """Changes when the file does; None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
