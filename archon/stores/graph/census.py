"""In: the graph. Out: the number of documents by state and language, and how long unfinished ones have
waited."""

import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from archon.contracts.types import WORKING, EnrichmentStatus, Projects
from archon.contracts.views import Statistics
from archon.runtime.settings import Settings
from archon.stores.bolt.session import Bolt, Row
from archon.stores.graph.nodes import timestamp

AGES: Final = ("under_5m", "5m_to_30m", "30m_to_6h", "over_6h")
"""Time since a document was indexed."""


@dataclass(frozen=True)
class Waiting:
    """`pending`: documents pending or processing, by each of AGES; `parked`: parked documents."""

    pending: Mapping[str, int]
    parked: int


@dataclass(frozen=True)
class Unfinished:
    """Documents that are not enriched yet. `unpublished`: those among `pending` whose requests Kafka has not
    acknowledged."""

    pending: int
    unpublished: int
    processing: int
    failed: int


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
        for status in WORKING:
            pending.update(await self._by_age(status))
        return Waiting(pending, sum((await self._by_age(EnrichmentStatus.FAILED)).values()))

    async def unfinished(self, projects: Projects) -> Unfinished:
        rows = await self._bolt.rows("unfinished", projects=projects)
        counts = _counts(rows, "status")
        return Unfinished(
            pending=counts.get(EnrichmentStatus.PENDING, 0),
            unpublished=sum(row["documents"] for row in rows if row["unpublished"]),
            processing=counts.get(EnrichmentStatus.PROCESSING, 0),
            failed=counts.get(EnrichmentStatus.FAILED, 0),
        )

    async def statistics(self, projects: Projects) -> Statistics:
        """Counts over all documents, or those of some projects."""
        rows = await self._bolt.rows("statistics", projects=projects)
        patterns = await self._bolt.rows("anti_patterns", projects=projects)
        scored = sum(row["scored"] for row in rows)
        return Statistics(
            documents=sum(row["documents"] for row in rows),
            statuses=_counts(rows, "status"),
            languages=_counts(rows, "language"),
            entities=sum(row["entities"] for row in rows),
            mean_quality=sum(row["quality"] for row in rows) / scored if scored else None,
            not_understood=sum(row["not_understood"] for row in rows),
            anti_patterns={row["rule"]: row["documents"] for row in patterns},
        )

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


def _counts(rows: Sequence[Row], key: str) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for row in rows:
        counts[row[key]] += row["documents"]
    return dict(counts.most_common())
