"""In: the submissions of an ingest. Out: the wait until each document's end, and its result.

Counts are cheap and read often. Listings may be long, so the wait after each is nine times as long as the
answer took: watching uses at most a tenth of the bridge's capacity.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Final
from uuid import UUID

from archon.cli.ingest.tally import Report
from archon.clients.bridge import BridgeApi
from archon.contracts.types import WORKING
from archon.contracts.views import Statistics

_POLL: Final = 1.0
_STANDSTILL: Final = 5.0
_ARRIVAL_PATIENCE: Final = 120.0
"""Seconds without a new arrival after which documents sent to Kafka are given up."""


async def follow(
    api: BridgeApi, project: str, show: Callable[[Statistics], None], tell: Callable[[str], None]
) -> None:
    """Shows the project's counts until cancelled. If they stop changing, calls `tell` with the parts that are
    waited for."""
    shown, since = None, time.monotonic()
    while True:
        began = time.monotonic()
        found = await api.statistics(project)
        show(found)
        if found != shown:
            shown, since = found, began
        elif began - since >= _STANDSTILL and any(found.statuses.get(status) for status in WORKING):
            tell(f"waiting for {await _behind(api)}; nothing has changed for {began - since:.0f} s")
        await _pause(api, began)


async def _behind(api: BridgeApi) -> str:
    """Parts that may hold documents up, as far as the bridge knows."""
    return (await api.readiness()).problems() or "the ingress, Temporal or a worker"


async def until_finished(api: BridgeApi, report: Report) -> None:
    """Waits until no document of this ingest is pending; other documents of the project do not count."""
    began = time.monotonic()
    while await _is_open(api, report):
        await _pause(api, began)
        began = time.monotonic()


async def _is_open(api: BridgeApi, report: Report) -> bool:
    # Stops at the first pending document of ours; only if all pending ones belong to others does it read the
    # complete listing.
    found = await api.statistics(report.project)
    if not any(found.statuses.get(status) for status in WORKING):
        return False
    # All of them, in the order of a run: a document that advances meanwhile is in a status still to be
    # counted.
    for status in WORKING:
        async for row in api.documents(report.project, status):
            if report.has(row):
                return True
    return False


async def arrived(api: BridgeApi, report: Report) -> None:
    """Waits until documents sent to Kafka are indexed, or none has arrived for two minutes."""
    awaited, since = dict(report.sent), time.monotonic()
    while awaited:
        began, before = time.monotonic(), len(awaited)
        async for row in api.documents(report.project):
            key = UUID(row.document_id).bytes
            if awaited.get(key) == bytes.fromhex(row.content_hash):
                del awaited[key]
        if len(awaited) < before:
            since = time.monotonic()
        elif time.monotonic() - since > _ARRIVAL_PATIENCE:
            return
        if awaited:
            await _pause(api, began)


async def take_stock(api: BridgeApi, report: Report) -> None:
    """The result of each document of this ingest, from one listing."""
    async for row in api.documents(report.project):
        if report.has(row):
            report.finish(row)


async def _pause(api: BridgeApi, began: float) -> None:
    # The time of an outage is not the time of an answer.
    await pause(max(began, api.last_away))


async def pause(began: float, *, least: float = _POLL, times: float = 9) -> None:
    """Sleeps `least` seconds after an answer, or `times` the time since `began`, whichever is longer: the
    graph counts documents for each answer, and polling must not become a load as they grow in number."""
    await asyncio.sleep(max(least, times * (time.monotonic() - began)))
