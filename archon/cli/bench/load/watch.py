"""In: a project that receives documents. Out: its listing, after all documents are enriched or parked."""

import asyncio
import time
from collections.abc import Callable
from typing import Any, Final

from archon.cli.bench.load.reading import Reader, Row
from archon.cli.ingest.progress import pause
from archon.contracts.errors import StoreUnavailableError
from archon.contracts.types import WORKING, EnrichmentStatus

_LEAST: Final = 2.0
"""Minimum seconds between two requests; no figure depends on their timing."""
_TIMES: Final = 20
"""Factor between the time of an answer and the pause after it: watching uses at most a twentieth of one
process."""

Rows = dict[str, Row]


async def watch(
    reader: Reader,
    project: str,
    load: asyncio.Future[Any],
    patience: float,
    progress: Callable[[int, int], None],
) -> Rows:
    """`patience`: seconds after the load's end until watching stops. `progress` is called with the numbers of
    enriched and parked documents. Raises StoreUnavailableError if the bridge does not answer at the end."""
    ended: float | None = None
    while True:
        if load.done():
            ended = ended or time.monotonic()
        late = ended is not None and time.monotonic() - ended > patience
        began = time.monotonic()
        try:
            open_ = await _count(reader, project, progress)
            if late or (ended is not None and not open_):
                rows = {row.document_id: row async for row in reader.documents(project)}
                if late or not any(row.working for row in rows.values()):
                    return rows
        except StoreUnavailableError:  # a bridge under load may answer the next time
            if late:
                raise
            began = time.monotonic()
        await pause(began, least=_LEAST, times=_TIMES)


async def _count(reader: Reader, project: str, progress: Callable[[int, int], None]) -> int:
    """Number of documents that are neither enriched nor parked."""
    statuses = await reader.statuses(project)
    progress(statuses.get(EnrichmentStatus.COMPLETED, 0), statuses.get(EnrichmentStatus.FAILED, 0))
    return sum(statuses.get(status, 0) for status in WORKING)
