"""In: pages of parked runs and dead letters on which Temporal, graph and topic differ. Out: repairs."""

from temporalio import activity

from activities.enrichment import EnrichmentActivities
from activities.heartbeat import unbroken
from activities.ports import EventPublisher, ParkedDrift, ParkedRepair
from activities.reconciliation import count
from archon.contracts import names
from archon.contracts.errors import NotFoundError, StoreRejectedError
from archon.contracts.operations.drift import Drift, Drifting
from archon.contracts.operations.reconcile import PageInput, PageReport
from archon.contracts.workflow import Step
from archon.runtime.logs import get_logger

_log = get_logger(__name__)


class ParkedActivities:
    """Each method handles a page, and may be repeated."""

    def __init__(
        self,
        survey: ParkedDrift,
        enrichment: EnrichmentActivities,
        runs: ParkedRepair,
        publisher: EventPublisher,
    ) -> None:
        self._survey = survey
        self._enrichment = enrichment
        self._runs = runs
        self._publisher = publisher

    @activity.defn(name="reconcile_parked")
    @unbroken
    async def runs(self, page: PageInput) -> PageReport:
        """Writes states missing in the graph; all other repairs are signals to the run."""
        found = await self._survey.runs(page.after, page.limit, page.project)
        report = PageReport(checked=found.checked, next=found.next)
        for each in found.drifting:
            repaired = [kind for kind in each.kinds if page.apply and await self._repaired(each, kind)]
            count(report, each, repaired)
        return report

    @activity.defn(name="reconcile_letters")
    @unbroken
    async def letters(self, page: PageInput) -> PageReport:
        """Clears letters that are out of date; raises StoreRejectedError if the graph seems to be the wrong
        one."""
        found = await self._survey.letters(page.after, page.limit, page.project)
        if not found.letters_known:
            _log.warning("dead_letters_unknown")
        if found.drifting and page.apply and not await self._survey.holds_documents():
            raise StoreRejectedError(
                "graph", "it holds no document at all, but there are dead letters; is it the right database?"
            )
        report = PageReport(checked=found.checked, next=found.next)
        for each in found.drifting:
            if page.apply:
                await self._publisher.clear_dead_letter(each.document_id)
            count(report, each, each.kinds if page.apply else [])
        return report

    async def _repaired(self, each: Drifting, kind: Drift) -> bool:
        """False if the run has ended meanwhile, or the node lacks data."""
        if kind is Drift.OVERTAKEN:
            return await self._runs.supersede(each.workflow_id, each.version)
        if kind is Drift.UNMARKED:
            if each.request is None:
                return False
            step = Step(request=each.request, version=each.version, workflow_id=each.workflow_id)
            return (await self._enrichment.mark_parked(step)).applied
        try:
            await self._runs.signal(each.workflow_id, names.SIGNAL_LETTER)
        except NotFoundError:
            return False
        return True
