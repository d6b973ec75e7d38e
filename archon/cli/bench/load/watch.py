"""In: a project that documents are sent to. Out: its listing, once all of them are enriched or parked."""

import asyncio
import time
from collections.abc import Callable
from typing import Any, Final

from archon.cli.bench.load.reading import Reader, Row
from archon.cli.ingest.settling import pause
from archon.contracts.errors import StoreUnavailableError
from archon.contracts.types import WORKING, EnrichmentStatus

_LEAST: Final = 2.0
"""Seconds between two questions; no figure depends on when it is asked."""
_TIMES: Final = 20
"""Of what an answer took, to the next question: a twentieth of one process at most is no part of the load."""

Rows = dict[str, Row]


async def watch(
    reader: Reader, project: str, load: asyncio.Future[Any], patience: float, told: Callable[[int, int], None]
) -> Rows:
    """`patience`: seconds after the load's end at which what is left is left. `told`: how many documents are
    enriched, and parked. Raises StoreUnavailableError where the bridge does not answer at the end, either."""
    ended: float | None = None
    while True:
        if load.done():
            ended = ended or time.monotonic()
        late = ended is not None and time.monotonic() - ended > patience
        asked = time.monotonic()
        try:
            open_ = await _count(reader, project, told)
            if late or (ended is not None and not open_):
                rows = {row.document_id: row async for row in reader.documents(project)}
                if late or not any(row.working for row in rows.values()):
                    return rows
        except StoreUnavailableError:  # a bridge under load may answer the next time
            if late:
                raise
            asked = time.monotonic()
        await pause(asked, least=_LEAST, times=_TIMES)


async def _count(reader: Reader, project: str, told: Callable[[int, int], None]) -> int:
    """How many are neither."""
    statuses = await reader.statuses(project)
    told(statuses.get(EnrichmentStatus.COMPLETED, 0), statuses.get(EnrichmentStatus.FAILED, 0))
    return sum(statuses.get(status, 0) for status in WORKING)
