"""In: an installation and an incident. Out: the state of documents in progress, the sources that named the
cause, and whether all records agree afterwards."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from archon.cli.bench.load.documents import generate
from archon.cli.bench.load.reading import Accepted
from archon.contracts.types import EnrichmentStatus
from archon.runtime.settings import Settings
from archon.runtime.temporal import client as temporal
from archon.runtime.temporal.attributes import DOCUMENT_ID, open_query_of
from tests import stores
from tests.e2e.events import read_all
from tests.incidents.estate import Estate
from tests.incidents.incidents import Incident
from tests.incidents.signals import Signals, Watch
from tests.outages.rehearsal import completed, ended, send

RECOVERED: Final = 30.0
"""Seconds after the end of an incident within which everything must have recovered."""
_PATIENCE: Final = 180.0
_BYTES: Final = 2048
_FAILED: Final = "MATCH (d:Document {enrichment_status: 'failed'}) RETURN d.entity_id"


@dataclass(frozen=True)
class Handled:
    """`refused`: documents that the bridge refused with an error; `recovery`: seconds until the last one was
    enriched, None if that did not happen; `disagreements`: one line each."""

    name: str
    signals: Signals
    accepted: int
    refused: int
    recovery: float | None
    lost: list[str] = field(default_factory=list)
    parked: int = 0
    expected_parked: int = 0
    disagreements: list[str] = field(default_factory=list)

    @property
    def named(self) -> bool:
        """Sources that an operator calls, and sources that report by themselves."""
        return bool(self.signals.named.keys() & {"status", "doctor"}) and bool(
            self.signals.named.keys() & {"log", "health"}
        )

    @property
    def well(self) -> bool:
        return (
            self.named
            and not self.lost
            and not self.disagreements
            and self.parked == self.expected_parked
            and self.recovery is not None
            and self.recovery <= RECOVERED
        )


async def handle(estate: Estate, name: str, incident: Incident, *, documents: int = 10) -> Handled:
    """Documents are in progress when it begins, and more are sent during it."""
    settings, project = estate.stack.settings, f"incident-{name.replace(' ', '-').lower()}"
    generated = list(generate(project, 2 * documents, _BYTES))
    before = await _parked_in_graph(settings)
    first = await send(settings, project, generated[:documents])
    watch = Watch(estate)
    async with incident.trouble(estate):
        over = time.monotonic() + incident.seconds
        more = asyncio.create_task(send(settings, project, generated[documents:], incident.seconds))
        signals = await watch.until_named(incident.cause)
        await asyncio.sleep(max(0.0, over - time.monotonic()))
        late = await more
    back = time.monotonic()
    accepted = [*first.accepted, *late.accepted]
    all_ended = await ended(settings, project, accepted, name, lambda _: None, patience=_PATIENCE)
    recovery = round(time.monotonic() - back, 1)
    enriched = await completed(settings, project)
    published = {each["key"] for each in await read_all(settings, settings.kafka_completed_topic)}
    return Handled(
        name=name,
        signals=signals,
        accepted=len(accepted),
        refused=late.errors.total() + first.errors.total(),
        recovery=recovery if all_ended else None,
        lost=sorted({each.document_id for each in accepted} - (enriched & published)),
        parked=len(await _parked_in_graph(settings) - before),
        expected_parked=incident.parked,
        disagreements=await _disagreements(estate, accepted),
    )


async def _parked_in_graph(settings: Settings) -> set[str]:
    return {document_id for (document_id,) in await stores.query(settings, _FAILED)}


async def _disagreements(estate: Estate, accepted: Sequence[Accepted]) -> list[str]:
    """Between the submitter's list, the parked runs, the graph and the letters on the topic."""
    settings = estate.stack.settings
    parked = open_query_of(None, EnrichmentStatus.FAILED)
    client = await temporal.connect(settings)
    waiting = {
        str(run.typed_search_attributes.get(DOCUMENT_ID)) async for run in client.list_workflows(parked)
    }
    failed = await _parked_in_graph(settings)
    letters = await _standing_letters(settings)
    found = []
    for what, ids in (("graph and Temporal", failed ^ waiting), ("graph and letters", failed ^ letters)):
        if ids:
            found.append(f"{what} disagree on {' '.join(sorted(ids))}")
    submitted = Path(estate.directory) / "submitted.jsonl"
    submitted.write_text("".join(f"{each.model_dump_json()}\n" for each in accepted))
    validated = await estate.enrich("validate", "--against", str(submitted))
    if validated.code:
        found.append(f"validate: {validated.out.strip() or validated.err.strip()}")
    return found


async def _standing_letters(settings: Settings) -> set[str]:
    """Documents whose last record on the topic is a letter."""
    last = {each["key"]: each["value"] for each in await read_all(settings, settings.kafka_dlq_topic)}
    return {key for key, value in last.items() if value is not None and value.get("document_id")}
