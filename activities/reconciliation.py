"""In: pages of documents on which the stores disagree. Out: repairs, counted by kind.

A repair is a request to the document's own workflow, sent directly to Temporal, so it needs no Kafka. Only a
point that no run will repair is written here.
"""

import asyncio
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import Final

from temporalio import activity

from activities.heartbeat import unbroken
from activities.ports import Consumption, DriftSurvey, PointRepair, Submitter
from archon.contracts import identity
from archon.contracts.errors import StoreRejectedError, TopicUnavailableError
from archon.contracts.operations.drift import OF_THE_POINT, Drift, Drifting
from archon.contracts.operations.reconcile import PageInput, PageReport, ReconcileReport
from archon.contracts.types import WORKING, EnrichmentStatus, Priority
from archon.runtime.logs import get_logger
from archon.runtime.telemetry import metrics

AT_ONCE: Final = 16
"""Number of documents of a page that are repaired concurrently."""
REPORTED_ONLY: Final = frozenset(
    {Drift.TEXT_MISSING, Drift.POINT_AHEAD, Drift.UNREADABLE, Drift.FOREIGN_POINT}
)
"""Kinds that only people can repair."""
_log = get_logger(__name__)


class ReconcileActivities:
    """Each method handles a page, and may be repeated: a submitted document has a run, and is left to it."""

    def __init__(
        self, survey: DriftSurvey, runs: Submitter, points: PointRepair, consumption: Consumption
    ) -> None:
        self._survey = survey
        self._runs = runs
        self._points = points
        self._consumption = consumption

    @activity.defn(name="reconcile_documents")
    @unbroken
    async def documents(self, page: PageInput) -> PageReport:
        found = await self._survey.documents(page.after, page.limit, page.project, page.older_than)
        stuck = any(Drift.STUCK in each.kinds for each in found.drifting)
        late = stuck and await self._still_in_kafka(page.older_than)
        report = PageReport(checked=found.checked, next=found.next)
        slots = asyncio.Semaphore(AT_ONCE)

        async def one(each: Drifting) -> None:
            async with slots:
                await self._document(each, page, report, late=late)

        await asyncio.gather(*map(one, found.drifting))
        return report

    @activity.defn(name="reconcile_points")
    @unbroken
    async def points(self, page: PageInput) -> PageReport:
        """Removes orphans; raises StoreRejectedError if the graph seems to be the wrong one."""
        found = await self._survey.points(page.after, page.limit, page.project)
        orphans = any(each.point is not None for each in found.drifting)
        if orphans and page.apply and not await self._survey.holds_documents():
            raise StoreRejectedError(
                "graph", "it holds no document at all, but there are points; is it the right database?"
            )
        report = PageReport(checked=found.checked, next=found.next)
        for each in found.drifting:
            repaired = page.apply and each.point is not None and each.point.version > 0
            if repaired and each.point is not None:
                await self._points.remove(each.point)
            count(report, each, [Drift.ORPHAN_POINT] if repaired else [])
        return report

    @activity.defn(name="record_reconciliation")
    async def record(self, report: ReconcileReport) -> None:
        """Updates the metrics after a complete reconciliation of all projects."""
        for kind in Drift:
            metrics.DRIFT_DOCUMENTS.labels(kind).set(report.found.get(kind, 0))
        metrics.RECONCILED_AT.set_to_current_time()
        _log.info(
            "estate_reconciled",
            documents=report.documents,
            waiting=report.waiting,
            found=sum(report.found.values()),
            repaired=sum(report.repaired.values()),
        )

    async def _document(self, each: Drifting, page: PageInput, report: PageReport, *, late: bool) -> None:
        mendable = [] if Drift.POINT_AHEAD in each.kinds else set(each.kinds) - REPORTED_ONLY
        if mendable and _left_alone(each, late=late):
            report.waiting += 1
            left = [kind for kind in each.kinds if kind in REPORTED_ONLY]
            count(report, Drifting(each.document_id, left), [])
            return
        repaired = bool(mendable) and page.apply and await self._repair(each, page)
        count(report, each, [kind for kind in each.kinds if kind in mendable] if repaired else [])

    async def _repair(self, each: Drifting, page: PageInput) -> bool:
        """False if the node lacks data."""
        node, request = each.node, each.request
        if node is None or request is None:
            return False
        if OF_THE_POINT.issuperset(set(each.kinds) - REPORTED_ONLY) and not _completed(each):
            if each.point is not None and each.point.version < 1:
                return False
            await self._points.restate(each)
            return True
        window = int(page.started_at.timestamp() // page.older_than)
        changes = {
            "correlation_id": identity.repair_id(node.document_id, node.version, window),
            "priority": Priority.LOW,
            "repair": _completed(each),
        }
        await self._runs.submit(request.model_copy(update=changes))
        return True

    async def _still_in_kafka(self, older_than: float) -> bool:
        """Whether requests as old as the documents are still to be consumed; True if unknown."""
        try:
            return await self._consumption.behind(datetime.now(UTC) - timedelta(seconds=older_than))
        except TopicUnavailableError as error:
            _log.warning("consumption_unknown", error=str(error))
            return True


def _completed(each: Drifting) -> bool:
    return each.node is not None and each.node.status is EnrichmentStatus.COMPLETED


def _left_alone(each: Drifting, *, late: bool) -> bool:
    """Whether an open run, or a request still in Kafka, may repair it."""
    if _completed(each):
        return each.run_open
    return late and each.node is not None and each.node.status in WORKING


def count(report: PageReport, each: Drifting, repaired: Collection[Drift]) -> None:
    """Adds each of its kinds to the report, and repaired ones to the metrics."""
    for kind in each.kinds:
        report.count(kind, each.document_id, repaired=kind in repaired)
        if kind in repaired:
            metrics.DRIFT_REPAIRED.labels(kind).inc()
