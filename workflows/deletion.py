"""In: `delete` signals for a document or a project. Out: only tombstones left, and a receipt.

If documents come back and another signal arrives before the run ends, the same run deletes them again.
"""

from typing import Any, Final

from temporalio import workflow
from temporalio.common import SearchAttributeKey

from activities.deletion import DeletionActivities
from archon.contracts import names
from archon.contracts.operations.deletion import (
    DeletionCounts,
    DeletionInput,
    DeletionReceipt,
    DeletionScope,
    DeletionState,
    Marked,
    Removed,
)
from workflows import policies

_STATUS: Final = SearchAttributeKey.for_keyword(names.SEARCH_ENRICHMENT_STATUS)
_FILED: Final = {
    DeletionState.REMOVING: names.STATUS_DELETING,
    DeletionState.REMOVED: names.STATUS_DELETED,
    DeletionState.SUPERSEDED: names.STATUS_DELETED,
}


class _Deletion:
    """The common part of a document's and a project's deletion."""

    def __init__(self) -> None:
        self._wanted: DeletionScope | None = None
        self._receipt: DeletionReceipt | None = None
        self._filed = names.STATUS_DELETING

    @workflow.signal(name=names.SIGNAL_DELETE)
    def delete(self, scope: DeletionScope) -> None:
        """Deletes everything that exists now; later documents need a later signal."""
        self._wanted = scope
        self._receipt = self._receipt or DeletionReceipt(
            project_name=scope.project_name,
            document_id=scope.document_id,
            workflow_id=workflow.info().workflow_id,
            requested_at=scope.requested_at,
        )
        self._receipt.state = DeletionState.REMOVING

    @workflow.query(name=names.QUERY_RECEIPT)
    def receipt(self) -> DeletionReceipt:
        """The receipt so far."""
        return self._known

    @property
    def _known(self) -> DeletionReceipt:
        if self._receipt is None:
            raise ValueError("no deletion was requested yet")
        return self._receipt

    async def _carry_out(self, start: DeletionInput) -> DeletionReceipt:
        scope, self._receipt = start.scope, start.receipt or self._receipt
        while True:
            if scope is None:
                await workflow.wait_condition(lambda: self._wanted is not None)
                scope, self._wanted = self._wanted, None
                assert scope is not None
            await self._remove(scope)
            try:
                await workflow.wait_condition(
                    lambda: self._wanted is not None,
                    timeout=policies.SWEEP_AFTER,
                    timeout_summary="until earlier writes can no longer arrive",
                )
            except TimeoutError:
                await self._sweep(scope)
                if self._wanted is None:
                    return self._known
            scope = None

    async def _remove(self, scope: DeletionScope) -> None:
        """First marks everything, so that it can be neither found nor written, then removes it."""
        self._reach(DeletionState.REMOVING)
        while (marked := await self._mark(scope)).more:
            self._renew(scope)
        if marked.version is not None:
            self._known.document_version = marked.version
        while (await self._remove_page(scope)).more:
            self._renew(scope)
        if scope.document_id is None:
            await self._clear_dead_letters(scope)
        self._known.removed_at = workflow.now()
        if self._wanted is None:
            self._reach(DeletionState.SUPERSEDED if marked.lives else DeletionState.REMOVED)

    async def _mark(self, scope: DeletionScope) -> Marked:
        marked: Marked = await self._do(DeletionActivities.mark_deleted, scope)
        return marked

    async def _remove_page(self, scope: DeletionScope) -> Removed:
        removed: Removed = await self._do(DeletionActivities.remove_deleted, scope)
        self._known.counts.add(removed.counts)
        self._show()
        return removed

    async def _clear_dead_letters(self, scope: DeletionScope) -> None:
        cleared = await self._do(DeletionActivities.clear_dead_letters, scope)
        self._known.counts.add(DeletionCounts(dead_letters=cleared))

    async def _sweep(self, scope: DeletionScope) -> None:
        counts = self._known.counts
        swept = await self._do(DeletionActivities.sweep_points, scope)
        counts.add(DeletionCounts(points=swept))
        if scope.document_id is None or counts.dead_letters or counts.runs_ended:
            await self._clear_dead_letters(scope)
        if self._wanted is None and self._known.state is not DeletionState.SUPERSEDED:
            self._reach(DeletionState.SWEPT)

    async def _do(self, step: Any, scope: DeletionScope) -> Any:
        return await workflow.execute_activity_method(step, scope, **policies.DELETION)

    def _reach(self, state: DeletionState) -> None:
        self._known.state = state
        status = _FILED.get(state, self._filed)
        if status != self._filed:  # each call is an event
            self._filed = status
            workflow.upsert_search_attributes([_STATUS.value_set(status)])
        self._show()

    def _show(self) -> None:
        counts = self._known.counts.model_dump()
        shown = " · ".join(f"{count} {name.replace('_', ' ')}" for name, count in counts.items() if count)
        workflow.set_current_details(f"**{self._known.state}**\n\n{shown or 'nothing so far'}")

    def _renew(self, scope: DeletionScope) -> None:
        """Continues as new if the history is long."""
        if workflow.info().is_continue_as_new_suggested():
            # A repeated signal covers everything of this one, and later documents.
            workflow.continue_as_new(DeletionInput(scope=self._wanted or scope, receipt=self._receipt))


@workflow.defn(name=names.WORKFLOW_DELETE_DOCUMENT)
class DeleteDocument(_Deletion):
    @workflow.run
    async def run(self, start: DeletionInput) -> DeletionReceipt:
        return await self._carry_out(start)


@workflow.defn(name=names.WORKFLOW_DELETE_PROJECT)
class DeleteProject(_Deletion):
    @workflow.run
    async def run(self, start: DeletionInput) -> DeletionReceipt:
        return await self._carry_out(start)
