"""In: what an ingest has submitted. Out: the wait until each is settled, and what has become of it.

Counts are cheap and asked for often. Listings may be long, so that whoever asks waits nine times as long as
the answer took: watching takes a tenth of what the bridge can do, at most.
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
"""Seconds without a single arrival after which what was sent to Kafka is given up."""


async def follow(
    api: BridgeApi, project: str, show: Callable[[Statistics], None], tell: Callable[[str], None]
) -> None:
    """Show the project's counts until cancelled; where they stand still, `tell` is called with what is waited
    for."""
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
    """What may hold documents up, as far as the bridge knows."""
    return (await api.readiness()).problems() or "the ingress, Temporal or a worker"


async def settled(api: BridgeApi, report: Report) -> None:
    """Until nothing of this ingest's is on its way; what else the project has is not waited for."""
    began = time.monotonic()
    while await _is_open(api, report):
        await _pause(api, began)
        began = time.monotonic()


async def _is_open(api: BridgeApi, report: Report) -> bool:
    # Ends at the first document of ours; only where what waits is others' does it read the whole listing.
    found = await api.statistics(report.project)
    if not any(found.statuses.get(status) for status in WORKING):
        return False
    # All of them, in the order of a run: one that goes on meanwhile is in a status that was not counted.
    for status in WORKING:
        async for row in api.documents(report.project, status):
            if report.has(row):
                return True
    return False


async def arrived(api: BridgeApi, report: Report) -> None:
    """Until what was sent to Kafka is indexed, or for two minutes nothing more of it was."""
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
    """What has become of each document of this ingest's, in one listing."""
    async for row in api.documents(report.project):
        if report.has(row):
            report.settle(row)


async def _pause(api: BridgeApi, began: float) -> None:
    # How long the bridge was away says nothing of what its answer costs it.
    await pause(max(began, api.last_away))


async def pause(began: float, *, least: float = _POLL, times: float = 9) -> None:
    """`least` seconds after an answer, or `times` as long as it has taken since `began`, whichever is longer:
    the graph counts documents for it, and asking must not become a load as they grow in number."""
    await asyncio.sleep(max(least, times * (time.monotonic() - began)))
