"""In: documents, their runs and the parts. Out: what a document waits for, and how many documents wait for
each part."""

import asyncio
from collections.abc import Iterable
from typing import Final

from archon.contracts.errors import NotFoundError, StoreError, WorkflowUnavailableError
from archon.contracts.estate import Cause, EstateStatus, Part, PartName, PartStatus, WaitingFor
from archon.contracts.names import enrichment_workflow_id
from archon.contracts.types import SETTLED, EnrichmentStatus, Projects
from archon.contracts.views import StoredDocument
from archon.runtime.estate.parts import Parts
from archon.runtime.temporal.waiting_runs import WaitingRuns, absent
from archon.stores.graph.census import Unfinished
from archon.stores.graph.store import GraphStore

_SECONDS: Final = 2.0
"""Seconds that a document's reader waits for Temporal."""


class Waiting:
    """`parts` must be watched: the answer for a document uses their last known state."""

    def __init__(self, runs: WaitingRuns, parts: Parts, graph: GraphStore) -> None:
        self._runs = runs
        self._parts = parts
        self._graph = graph

    async def of(self, document: StoredDocument) -> WaitingFor | None:
        """None while a run works on it, and after its end. Raises StoreError."""
        if document.enrichment_status in SETTLED:
            return None
        if (temporal := self._away(PartName.TEMPORAL)) is not None:
            return _down(temporal)
        workflow_id = enrichment_workflow_id(document.document_id, document.content_hash)
        try:
            async with asyncio.timeout(_SECONDS):
                return await self._runs.of(workflow_id, self._parts.known)
        except NotFoundError:
            return await self._for_a_run(document)
        except WorkflowUnavailableError as error:
            return WaitingFor(service=PartName.TEMPORAL, reason=str(error))
        except TimeoutError:
            return WaitingFor(service=PartName.TEMPORAL, reason=f"no answer within {_SECONDS:g} s")

    async def _for_a_run(self, document: StoredDocument) -> WaitingFor:
        """Its request is on its way through Kafka, or lost."""
        if document.enrichment_status is EnrichmentStatus.FAILED:
            return WaitingFor(service=PartName.OPERATOR, reason="it is parked, but its run is gone; retry it")
        known = self._parts.known
        if await self._graph.outbox.holds(document.document_id):
            kafka = known.get(PartName.KAFKA)
            if kafka is not None and kafka.status is not PartStatus.UP:
                return _down(kafka)
            return WaitingFor(service=PartName.KAFKA, reason="its request is published within seconds")
        if (behind := _not_consumed(known.get(PartName.INGRESS))) is not None:
            return behind
        reason = "it has no run yet: its request is behind others in Kafka, or lost (reconciliation finds it)"
        return WaitingFor(service=PartName.INGRESS, reason=reason, since=document.posted_at)

    async def estate(self, projects: Projects) -> EstateStatus:
        """Every part, checked now, and how many documents wait for each."""
        parts = await self._parts.now()
        if (graph := self._away(PartName.GRAPH)) is not None:  # another call would take seconds
            waiting = await self._runs_alone(projects)
            return EstateStatus(parts=parts, waiting=waiting, problem=graph.reason)
        try:
            unfinished = await self._graph.census.unfinished(projects)
        except StoreError as error:
            return EstateStatus(parts=parts, waiting=await self._runs_alone(projects), problem=str(error))
        return EstateStatus(parts=parts, waiting=await self._causes(unfinished, projects))

    def _away(self, name: PartName) -> Part | None:
        """The part, if it did not answer its last check."""
        part = self._parts.known.get(name)
        return part if part is not None and part.status is PartStatus.DOWN else None

    def _answering_runs(self) -> WaitingRuns:
        """Raises WorkflowUnavailableError if Temporal is known to be down: every further call would wait for
        it again."""
        if (temporal := self._away(PartName.TEMPORAL)) is not None:
            raise WorkflowUnavailableError(temporal.reason or "Temporal does not answer")
        return self._runs

    async def _causes(self, unfinished: Unfinished, projects: Projects) -> list[Cause]:
        known = self._parts.known
        found: list[Cause] = []
        kafka, temporal = known[PartName.KAFKA], known[PartName.TEMPORAL]
        # While Kafka answers, unpublished requests are published within seconds.
        held_back = unfinished.unpublished if kafka.status is not PartStatus.UP else 0
        if held_back:
            found.append(_cause(_down(kafka), held_back, EnrichmentStatus.PENDING))
        requested = unfinished.pending - held_back + unfinished.processing
        try:
            under_way = await self._answering_runs().under_way(projects)
            found += await self._of_runs(under_way, projects)
        except WorkflowUnavailableError as error:
            if requested:
                why = WaitingFor(service=PartName.TEMPORAL, reason=str(error), since=temporal.since)
                found.append(_cause(why, requested, EnrichmentStatus.PROCESSING))
        else:
            in_kafka, behind = requested - under_way, _not_consumed(known[PartName.INGRESS])
            if in_kafka > 0 and behind is not None:
                found.append(_cause(behind, in_kafka, EnrichmentStatus.PENDING))
        if unfinished.failed:
            found.append(_cause(await self._parked(projects), unfinished.failed, EnrichmentStatus.FAILED))
        return found

    async def _runs_alone(self, projects: Projects) -> list[Cause]:
        """The part of the answer that does not need the graph."""
        try:
            return await self._of_runs(await self._answering_runs().under_way(projects), projects)
        except WorkflowUnavailableError:
            return []

    async def _of_runs(self, under_way: int, projects: Projects) -> list[Cause]:
        """Extrapolates from a sample if there are many runs."""
        if not under_way:
            return []
        known = self._parts.known
        if (nobody := absent(known)) is not None:
            return [_cause(nobody, under_way, EnrichmentStatus.PROCESSING)]
        some = await self._runs.some(projects, known)
        waiting = [each for each in some if each is not None and each.service is not PartName.OPERATOR]
        share = max(1.0, under_way / len(some)) if some else 1.0
        return [
            _cause(
                _together(each for each in waiting if each.service is service),
                round(share * sum(each.service is service for each in waiting)),
                EnrichmentStatus.PROCESSING,
                estimated=share > 1,
            )
            for service in dict.fromkeys(each.service for each in waiting)
        ]

    async def _parked(self, projects: Projects) -> WaitingFor:
        try:
            kinds = await self._answering_runs().parked(projects)
        except WorkflowUnavailableError:
            kinds = {}
        counted = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
        reason = f"parked ({counted})" if counted else "parked"
        return WaitingFor(service=PartName.OPERATOR, reason=f"{reason}; `enrich dlq list` shows why")


def _down(part: Part) -> WaitingFor:
    return WaitingFor(service=part.name, reason=part.reason or "it does not answer", since=part.since)


def _not_consumed(ingress: Part | None) -> WaitingFor | None:
    """Why requests stay in Kafka, or None."""
    if ingress is None or ingress.status is PartStatus.UP:
        return None
    return ingress.waiting_for[0] if ingress.waiting_for else _down(ingress)


def _together(waiting: Iterable[WaitingFor]) -> WaitingFor:
    """Combines the waits for one part: the first reason, the earliest start, the next attempt of any."""
    found = list(waiting)
    tries = [each.next_try for each in found if each.next_try is not None]
    since = [each.since for each in found if each.since is not None]
    return found[0].model_copy(
        update={"next_try": min(tries, default=None), "since": min(since, default=None)}
    )


def _cause(
    waiting: WaitingFor, documents: int, status: EnrichmentStatus, *, estimated: bool = False
) -> Cause:
    return Cause(**waiting.model_dump(), documents=documents, status=status, estimated=estimated)
