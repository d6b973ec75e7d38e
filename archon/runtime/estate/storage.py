"""In: directories, by the store whose data they hold. Out: how much room is left there, as metrics, and as a
check that fails before a disk is full.

A full disk stops writes while reads go on, so that nothing else of a health check would see it.
"""

import asyncio
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit
from urllib.request import url2pathname

from pydantic import BaseModel

from archon.contracts.errors import StoreUnavailableError
from archon.runtime.http.health import DependencyState
from archon.runtime.logs import get_logger
from archon.runtime.settings import Settings
from archon.runtime.telemetry.metrics import STORAGE_FREE, STORAGE_SIZE

_GIB = 2**30
_log = get_logger(__name__)


class Space(BaseModel):
    """Of the file system that a directory is on, in bytes; `free` is what a user who is not root may take."""

    free: int
    size: int


class Storage:
    """`least`: the free bytes that each directory must have. `interval` in seconds."""

    def __init__(self, directories: Mapping[str, Path], least: int, interval: float) -> None:
        self._directories = directories
        self._least = least
        self._interval = interval
        self._filled: frozenset[str] = frozenset()
        self.spaces: Mapping[str, Space] = {}
        """As last seen; a directory that is not there has none."""

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """The content store's directory, where it has one, and STORAGE_DIRECTORIES."""
        directories = dict(settings.storage_directories)
        if settings.content_store_url.startswith("file://"):
            directories["content"] = Path(url2pathname(urlsplit(settings.content_store_url).path))
        return cls(directories, settings.storage_min_free_bytes, settings.metrics_interval)

    async def watch(self) -> None:
        """Measure until cancelled."""
        while True:
            await self._measure()
            await asyncio.sleep(self._interval)

    async def check(self) -> DependencyState:
        """How much is free where. Raises StoreUnavailableError where that is too little."""
        if not self.spaces:
            await self._measure()
        if filled := self._too_full():
            raise StoreUnavailableError(filled[0], self._reason(filled[0]))
        found = ", ".join(f"{store}: {_readable(space)}" for store, space in self.spaces.items())
        return DependencyState(status="healthy", detail=found or None)

    async def _measure(self) -> None:
        # A file system over a network may hang: one thread waits for it, however often health is checked.
        self.spaces = await asyncio.to_thread(self._spaces)
        for store, space in self.spaces.items():
            STORAGE_FREE.labels(store).set(space.free)
            STORAGE_SIZE.labels(store).set(space.size)
        filled = frozenset(self._too_full())
        for store in filled - self._filled:
            _log.warning("storage_filled", store=store, reason=self._reason(store))
        for store in self._filled - filled:
            _log.info("storage_has_room", store=store)
        self._filled = filled

    def _too_full(self) -> list[str]:
        return [store for store, space in self.spaces.items() if space.free < self._least]

    def _reason(self, store: str) -> str:
        return (
            f"disk nearly full: {_readable(self.spaces[store])} in {self._directories[store]}; "
            f"STORAGE_MIN_FREE_BYTES is {self._least}"
        )

    def _spaces(self) -> Mapping[str, Space]:
        found = {}
        for store, directory in self._directories.items():
            if directory.exists():
                usage = shutil.disk_usage(directory)
                found[store] = Space(free=usage.free, size=usage.total)
        return found


def _readable(space: Space) -> str:
    return f"{space.free / _GIB:.2f} of {space.size / _GIB:.2f} GiB free"
