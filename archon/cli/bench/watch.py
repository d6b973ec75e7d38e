"""In: a project that documents are sent to. Out: its listing, once all of them are enriched or parked."""

import asyncio
import time
from collections.abc import Callable
from typing import Any, Final

from archon.cli.api import BridgeApi
from archon.contracts.errors import StoreUnavailableError
from archon.contracts.types import WORKING, EnrichmentStatus
from archon.contracts.views import DocumentRow

_EVERY: Final = 2.0
"""Seconds; asking costs the graph a count, and no figure depends on when it is asked."""

Rows = dict[str, DocumentRow]


async def watch(
    api: BridgeApi, project: str, load: asyncio.Future[Any], patience: float, told: Callable[[int, int], None]
) -> Rows:
    """`patience`: seconds after the load's end at which what is left is left. `told`: how many documents are
    enriched, and parked. Raises StoreUnavailableError where the bridge does not answer at the end, either."""
    ended: float | None = None
    while True:
        if load.done():
            ended = ended or time.monotonic()
        late = ended is not None and time.monotonic() - ended > patience
        try:
            open_ = await _count(api, project, told)
            if late or (ended is not None and not open_):
                rows = {row.document_id: row async for row in api.documents(project)}
                if late or not any(row.enrichment_status in WORKING for row in rows.values()):
                    return rows
        except StoreUnavailableError:  # a bridge under load may answer the next time
            if late:
                raise
        await asyncio.sleep(_EVERY)


async def _count(api: BridgeApi, project: str, told: Callable[[int, int], None]) -> int:
    """How many are neither."""
    statuses = (await api.statistics(project)).statuses
    told(statuses.get(EnrichmentStatus.COMPLETED, 0), statuses.get(EnrichmentStatus.FAILED, 0))
    return sum(statuses.get(status, 0) for status in WORKING)
