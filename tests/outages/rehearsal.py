"""In: a running stack and a server to take away. Out: the state of documents that were in progress.

The list of accepted documents is the reference: the graph's own data could hide a loss.
"""

import asyncio
import dataclasses
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Final

from temporalio.client import Client
from temporalio.service import RPCError

from archon.cli.bench.load.documents import Generated, generate
from archon.cli.bench.load.reading import Accepted
from archon.cli.bench.load.sending import Load, load
from archon.contracts import names
from archon.contracts.types import EnrichmentStatus, Priority
from archon.devstack.stack import Stack
from archon.runtime.settings import Settings
from archon.runtime.temporal import client as temporal
from tests import stores
from tests.e2e.events import read_all
from tests.eventually import eventually
from tests.outages.histories import Histories, histories
from tests.outages.servers import Outage

BYTES: Final = 4096
CLIENTS: Final = 8
PATIENCE: Final = 900.0
"""Seconds after the return of a server after which an unenriched document counts as lost."""
_STATUSES: Final = "MATCH (d:Document {project_name: $p}) RETURN d.entity_id, d.enrichment_status"
_COMPLETED: Final = str(EnrichmentStatus.COMPLETED)
_FAILED: Final = str(EnrichmentStatus.FAILED)

Show = Callable[[str], None]
"""Receives a line about each step."""


@dataclass(frozen=True)
class Plan:
    """`documents`: in progress; `more`: sent one after the other in the `seconds` of the outage."""

    documents: int
    more: int
    seconds: float


@dataclass(frozen=True)
class Found:
    """`documents`: accepted; `tried`: sent while the server was away, of which `refused` were not accepted;
    `under_way`: accepted and not enriched at the start of the outage; `recovery`: seconds from the server's
    return until the last run ended."""

    what: str
    documents: int
    histories: Histories
    parked: list[str]
    lost: list[str]
    under_way: int = 0
    tried: int = 0
    refused: int = 0
    recovery: float | None = None
    errors: dict[str, int] = field(default_factory=dict)

    def holds(self, most_events: int) -> bool:
        return not self.parked and not self.lost and self.histories.events_max <= most_events


async def at_rest(stack: Stack, show: Show, documents: int) -> Found:
    """Documents sent one after the other, each after the previous one is enriched."""
    project = "outages-at-rest"
    accepted: list[Accepted] = []
    for document in generate(project, documents, BYTES):
        accepted += (await send(stack.settings, project, [document])).accepted
        await ended(stack.settings, project, accepted, "at rest", show)
    return await _found("at rest", stack.settings, project, accepted)


async def backlog(stack: Stack, show: Show, documents: int) -> Found:
    """Documents sent as fast as the bridge accepts them."""
    project = "outages-backlog"
    show(f"full backlog · sending {documents} documents")
    sent = await send(stack.settings, project, list(generate(project, documents, BYTES)))
    await ended(stack.settings, project, sent.accepted, "full backlog", show)
    return await _found("full backlog", stack.settings, project, sent.accepted)


async def rehearse(stack: Stack, show: Show, what: str, outage: Outage, plan: Plan) -> Found:
    """Takes the server away while documents are in progress, sends a few more, and brings it back."""
    project = f"outages-{what}"
    generated = list(generate(project, plan.documents + plan.more, BYTES))
    show(f"{what} · sending {plan.documents} documents")
    sent = await send(stack.settings, project, generated[: plan.documents])
    enriched = len(await eventually(lambda: completed(stack.settings, project), PATIENCE))
    async with _away(stack, outage):
        show(f"{what} · away for {plan.seconds:g} s, {len(sent.accepted) - enriched} documents under way")
        over = time.monotonic() + plan.seconds
        late = await send(stack.settings, project, generated[plan.documents :], plan.seconds)
        await asyncio.sleep(over - time.monotonic())
        show(f"{what} · coming back")
    back = time.monotonic()
    accepted = [*sent.accepted, *late.accepted]
    await ended(stack.settings, project, accepted, what, show)
    return dataclasses.replace(
        await _found(what, stack.settings, project, accepted),
        under_way=len(sent.accepted) - enriched,
        tried=plan.more,
        refused=late.errors.total(),
        recovery=round(time.monotonic() - back, 1),
        errors=dict(sent.errors + late.errors),
    )


@asynccontextmanager
async def _away(stack: Stack, outage: Outage) -> AsyncIterator[None]:
    """The server is back at the end, whatever ends the block."""
    try:
        await outage.begin(stack)
        yield
    finally:
        await outage.end(stack)


async def send(
    settings: Settings, project: str, documents: Sequence[Generated], seconds: float = 0.0
) -> Load:
    """Spread over `seconds`, each sent on schedule, regardless of earlier answers."""
    rate = len(documents) / seconds if seconds else 0
    return await load(
        settings,
        project,
        documents,
        concurrency=len(documents) if rate else CLIENTS,
        rate=rate,
        priority=Priority.NORMAL,
        answered=lambda: None,
    )


async def ended(
    settings: Settings,
    project: str,
    accepted: Sequence[Accepted],
    what: str,
    show: Show,
    *,
    patience: float = PATIENCE,
) -> bool:
    """Whether all are enriched or parked and no run is open, within `patience` seconds."""
    client = await temporal.connect(settings)
    over = time.monotonic() + patience
    while time.monotonic() < over:
        with suppress(RPCError, OSError):  # Temporal may not serve everything right after its return
            enriched, failed = (
                await completed(settings, project),
                await _with(settings, project, _FAILED),
            )
            open_runs = await _under_way(client, project)
            show(f"{what} · {len(enriched)} of {len(accepted)} enriched, {open_runs} runs under way")
            if {each.document_id for each in accepted} <= enriched | failed and not open_runs:
                return True
        await asyncio.sleep(0.25)
    return False


async def completed(settings: Settings, project: str) -> set[str]:
    """Ids of the documents that are completed in the graph."""
    return await _with(settings, project, _COMPLETED)


async def _with(settings: Settings, project: str, status: str) -> set[str]:
    rows = await stores.query(settings, _STATUSES, p=project)
    return {document_id for document_id, found in rows if found == status}


async def _under_way(client: Client, project: str) -> int:
    """Runs that are open and not parked."""
    running = f'ExecutionStatus="Running" AND {names.SEARCH_PROJECT_NAME}="{project}"'
    parked = f'{running} AND {names.SEARCH_ENRICHMENT_STATUS}="{names.STATUS_PARKED}"'
    return (await client.count_workflows(running)).count - (await client.count_workflows(parked)).count


async def _found(what: str, settings: Settings, project: str, accepted: Sequence[Accepted]) -> Found:
    """Parked includes documents that were parked and recovered automatically. Lost are documents that are
    neither, or whose enrichment was not announced."""
    ids = {each.document_id for each in accepted}
    letters = {each["key"] for each in await read_all(settings, settings.kafka_dlq_topic)}
    announced = {each["key"] for each in await read_all(settings, settings.kafka_completed_topic)}
    parked = ids & (letters | await _with(settings, project, _FAILED))
    enriched = await completed(settings, project)
    return Found(
        what=what,
        documents=len(ids),
        histories=await histories(await temporal.connect(settings), project),
        parked=sorted(parked),
        lost=sorted(ids - parked - (enriched & announced)),
    )
