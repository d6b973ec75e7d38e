"""In: data directories by store. Out: their free space as metrics, and a check that fails before a disk is
full.

A full disk stops writes while reads still work, so other health checks do not notice it.
"""

import asyncio
import math
import shutil
import time
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
_FRESH = 1.0
"""Seconds for which a measurement is used again."""
_PATIENCE = 0.5
"""Seconds that a health check waits for a measurement; then it uses the previous one."""
_log = get_logger(__name__)


class Space(BaseModel):
    """The file system of a directory, in bytes; `free` is the space available to users other than root."""

    free: int
    size: int


class Storage:
    """`least`: required free bytes of each directory. `interval` in seconds."""

    def __init__(self, directories: Mapping[str, Path], least: int, interval: float) -> None:
        self._directories = directories
        self._least = least
        self._interval = interval
        self._filled: frozenset[str] = frozenset()
        self._measuring: asyncio.Task[None] | None = None
        self._measured_at = -math.inf
        """By the monotonic clock."""
        self.spaces: Mapping[str, Space] = {}
        """The last measured values; a missing directory has none."""

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """The content store's directory, if it has one, and STORAGE_DIRECTORIES."""
        directories = dict(settings.storage_directories)
        if settings.content_store_url.startswith("file://"):
            directories["content"] = Path(url2pathname(urlsplit(settings.content_store_url).path))
        return cls(directories, settings.storage_min_free_bytes, settings.metrics_interval)

    async def watch(self) -> None:
        """Measures until cancelled."""
        while True:
            await asyncio.wait([self._under_way()])
            await asyncio.sleep(self._interval)

    async def check(self) -> DependencyState:
        """The free space of each. Raises StoreUnavailableError if it is too small."""
        if time.monotonic() - self._measured_at > _FRESH:
            await asyncio.wait([self._under_way()], timeout=_PATIENCE if self.spaces else None)
        if filled := self._too_full():
            raise StoreUnavailableError(filled[0], self._reason(filled[0]))
        found = ", ".join(f"{store}: {_readable(space)}" for store, space in self.spaces.items())
        return DependencyState(status="healthy", detail=found or None)

    def _under_way(self) -> "asyncio.Task[None]":
        """The current measurement. A network file system may hang: only one thread waits for it, regardless
        of the number of health checks."""
        if self._measuring is None or self._measuring.done():
            self._measuring = asyncio.create_task(self._measure())
        return self._measuring

    async def _measure(self) -> None:
        self.spaces = await asyncio.to_thread(self._spaces)
        self._measured_at = time.monotonic()
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
