"""In: the graph. Out: how many documents wait for their enrichment, by age, and how many for a retry."""

import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from archon.contracts.types import EnrichmentStatus
from archon.runtime.settings import Settings
from archon.stores.bolt import Bolt
from archon.stores.nodes import timestamp

AGES: Final = ("under_5m", "5m_to_30m", "30m_to_6h", "over_6h")
"""Time since a document was indexed."""


@dataclass(frozen=True)
class Waiting:
    """`pending`: documents pending or processing, by each of AGES; `parked`: those that failed."""

    pending: Mapping[str, int]
    parked: int


class Census:
    """Counts documents in the graph. Raises StoreError."""

    def __init__(self, bolt: Bolt) -> None:
        self._bolt = bolt

    @classmethod
    @contextlib.asynccontextmanager
    async def connect(cls, settings: Settings) -> AsyncIterator["Census"]:
        async with Bolt.connect(settings) as bolt:
            yield cls(bolt)

    async def waiting(self) -> Waiting:
        pending = Counter(dict.fromkeys(AGES, 0))
        for status in (EnrichmentStatus.PENDING, EnrichmentStatus.PROCESSING):
            pending.update(await self._by_age(status))
        return Waiting(pending, sum((await self._by_age(EnrichmentStatus.FAILED)).values()))

    async def _by_age(self, status: EnrichmentStatus) -> dict[str, int]:
        now = datetime.now(UTC)
        rows = await self._bolt.rows(
            "waiting",
            status=str(status),
            five_minutes_ago=timestamp(now - timedelta(minutes=5)),
            half_an_hour_ago=timestamp(now - timedelta(minutes=30)),
            six_hours_ago=timestamp(now - timedelta(hours=6)),
        )
        return {row["age"]: row["documents"] for row in rows}
