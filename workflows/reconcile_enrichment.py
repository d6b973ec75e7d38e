"""In: the scope of a comparison. Out: a report of differences between the stores, and of their repair.

Page by page: first documents, then points whose documents are gone, then parked runs and dead letters.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from temporalio import workflow

from activities.parked import ParkedActivities
from activities.reconciliation import ReconcileActivities
from archon.contracts import names
from archon.contracts.operations.reconcile import (
    PageInput,
    PageReport,
    Phase,
    ReconcileInput,
    ReconcileReport,
)
from workflows import policies

_STEPS: Final[Mapping[Phase, Callable[[Any, PageInput], Awaitable[PageReport]]]] = {
    Phase.DOCUMENTS: ReconcileActivities.documents,
    Phase.POINTS: ReconcileActivities.points,
    Phase.PARKED: ParkedActivities.runs,
    Phase.LETTERS: ParkedActivities.letters,
}


@workflow.defn(name=names.WORKFLOW_RECONCILE)
class ReconcileEnrichment:
    @workflow.init
    def __init__(self, start: ReconcileInput) -> None:
        self._started_at = workflow.now()
        self._report = start.report or ReconcileReport(
            apply=start.apply, project=start.project, started_at=self._started_at
        )
        self._phase, self._after = start.phase, start.after

    @workflow.run
    async def run(self, start: ReconcileInput) -> ReconcileReport:
        phases = [each for each in Phase if start.parked or each in {Phase.DOCUMENTS, Phase.POINTS}]
        while True:
            page = await self._page(start)
            self._report.add(page)
            self._after = page.next
            if page.next is None:
                following = phases[phases.index(self._phase) + 1 :]
                if not following:
                    break
                self._phase = following[0]
            self._renew(start)
        if start.project is None:  # one project says nothing about the whole
            await workflow.execute_activity_method(
                ReconcileActivities.record, self._report, **policies.RECONCILE
            )
        return self._report

    @workflow.query(name=names.QUERY_PROGRESS)
    def progress(self) -> ReconcileReport:
        return self._report

    async def _page(self, start: ReconcileInput) -> PageReport:
        page = await workflow.execute_activity_method(
            _STEPS[self._phase],
            PageInput(
                apply=start.apply,
                older_than=start.older_than,
                limit=start.page_size,
                project=start.project,
                after=self._after,
                started_at=self._report.started_at or self._started_at,
            ),
            summary=f"after {self._after}" if self._after else "from the first",
            **policies.RECONCILE,
        )
        self._report.checked(self._phase, page.checked)
        return page

    def _renew(self, start: ReconcileInput) -> None:
        """Continues as new if the history is long."""
        if workflow.info().is_continue_as_new_suggested():
            carried = {"phase": self._phase, "after": self._after, "report": self._report}
            workflow.continue_as_new(start.model_copy(update=carried))
