"""In: settings, and optionally a flags file. Out: the current rollout flags."""

from pathlib import Path

from archon.contracts.operations.rollout import FlagChanges, Flags
from archon.runtime.settings import Settings
from archon.runtime.watched_file import WatchedFile, read_json


class Rollout:
    """The flags in force. Raises ConfigurationError if the file is invalid at the start."""

    def __init__(self, settings: Settings) -> None:
        self._environment = flags_of(settings)
        path = settings.enrichment_flags_file
        self._file = WatchedFile(Path(path), _read) if path else None

    @property
    def flags(self) -> Flags:
        return self._file.current.over(self._environment) if self._file is not None else self._environment

    async def check(self) -> None:
        """Raises ConfigurationError while the file is invalid."""
        if self._file is not None:
            await self._file.check()


def flags_of(settings: Settings) -> Flags:
    """The flags in the environment."""
    listed = settings.async_enrichment_enabled_projects.split(",")
    return Flags(
        enable_async_enrichment=settings.enable_async_enrichment,
        async_enrichment_enabled_projects=[name.strip() for name in listed if name.strip()],
        async_enrichment_rollout_percentage=settings.async_enrichment_rollout_percentage,
        skip_intelligence_enrichment=settings.skip_intelligence_enrichment,
    )


def _read(path: Path) -> FlagChanges:
    return read_json(path, FlagChanges, "ENRICHMENT_FLAGS_FILE")
