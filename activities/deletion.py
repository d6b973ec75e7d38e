"""In: the scope of a deletion. Out: documents marked, ended, removed and swept, a page at a time, and counts.

Every step may be repeated, and leaves documents alone that were revived after their marking.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import Final

from temporalio import activity

from activities.failures import as_application_errors
from activities.heartbeat import heartbeating, unbroken
from activities.ports import DeadLetters, DeletedDocuments, EventPublisher, PointRemoval, Runs
from archon.contracts import names
from archon.contracts.errors import WorkflowUnavailableError
from archon.contracts.operations.dead_letters import DeadLetterFilter, DeadLetterRow
from archon.contracts.operations.deletion import DeletionCounts, DeletionScope, Marked, Removed, Tombstone
from archon.runtime.contents import Contents
from archon.runtime.logs import get_logger
from archon.runtime.tasks import answers

_MARKED: Final = 2000
"""Number of documents that one activity marks."""
_PAGE: Final = 200
_PAGES: Final = 5
"""Number of pages that one activity removes."""
_AT_ONCE: Final = 16
_GRACE: Final = 3.0
"""Seconds for a run to end by itself; it may wait in an outage, or for an analysis."""
_PATIENCE: Final = 60.0
_POLL: Final = 0.2
_log = get_logger(__name__)


class DeletionActivities:
    """`letters` reads the dead-letter topic, `publisher` writes to it."""

    def __init__(
        self,
        graph: DeletedDocuments,
        points: PointRemoval,
        contents: Contents,
        *,
        runs: Runs,
        publisher: EventPublisher,
        letters: DeadLetters,
    ) -> None:
        self._graph = graph
        self._points = points
        self._contents = contents
        self._runs = runs
        self._publisher = publisher
        self._letters = letters

    @activity.defn(name="mark_deleted")
    @unbroken
    async def mark_deleted(self, scope: DeletionScope) -> Marked:
        """From now on the documents cannot be found, and none of their runs can write."""
        return await self._graph.mark(scope, _MARKED)

    @activity.defn(name="remove_deleted")
    async def remove_deleted(self, scope: DeletionScope) -> Removed:
        """Removes the data of marked documents, and reduces them to tombstones.

        The counts survive a failed attempt as far as they were in a heartbeat.
        """
        counts = _counted_before()
        with as_application_errors():
            async with heartbeating(lambda: [counts.model_dump_json()]):
                for _ in range(_PAGES):
                    tombstones = await self._graph.marked(scope, _PAGE)
                    if not tombstones:
                        return Removed(counts=counts)
                    try:
                        await self._remove(tombstones, counts)
                    finally:
                        activity.heartbeat(counts.model_dump_json())
                    _log.info("documents_deleted", project_name=scope.project_name, documents=len(tombstones))
        return Removed(counts=counts, more=scope.document_id is None)

    @activity.defn(name="clear_dead_letters")
    @unbroken
    async def clear_dead_letters(self, scope: DeletionScope) -> int:
        """Clears the remaining letters: of a project's messages that never became a workflow, and letters
        that were in flight when their document was marked."""
        rows = await self._letters.rows(DeadLetterFilter(project=scope.project_name), None)
        if scope.document_id is not None:
            rows = [row for row in rows if row.key == scope.document_id]
        known = await self._graph.tombstones_of([row.document_id for row in rows if row.document_id])
        stale = [row for row in rows if _stale(row, scope, known)]
        for row in stale:
            await self._publisher.clear_dead_letter(row.key)
        return len(stale)

    @activity.defn(name="sweep_points")
    @unbroken
    async def sweep_points(self, scope: DeletionScope) -> int:
        """Deletes points and chunks that late writers have brought back; returns the number of both."""
        if scope.document_id is not None:
            version = await self._graph.tombstone_of(scope.document_id)
            return 0 if version is None else await self._swept({scope.document_id: version})
        swept = 0
        async for page in self._points.of_project(scope.project_name):
            known = await self._graph.tombstones_of(list(page))
            versions = {each: known.get(each, page[each]) for each in page}
            stale = {each: version for each, version in versions.items() if version is not None}
            swept += await self._swept(stale) if stale else 0
        return swept

    async def _swept(self, versions: Mapping[str, int]) -> int:
        removed = await self._points.delete(versions)
        return removed.points + removed.chunks

    async def _remove(self, tombstones: Sequence[Tombstone], counts: DeletionCounts) -> None:
        """Adds to the counts with every removal, because a repeated attempt does not find removed items
        again. Counts of items that it would find again are added last."""
        ended = await self._end_runs(tombstones)
        counts.runs_ended += len(ended)
        entities, modules = await self._graph.unlink(tombstones)
        counts.entities += entities
        counts.modules += modules
        counts.add(await self._points.delete({each.document_id: each.version for each in tombstones}))
        letters = await self._clear_letters(tombstones, set(ended.values()))
        hashes = dict.fromkeys(each for tombstone in tombstones for each in tombstone.hashes)
        contents = await self._contents.remove(list(hashes))
        counts.add(contents.model_copy(update={"contents_kept": 0}))
        counts.documents += await self._graph.strip(tombstones)
        counts.dead_letters += letters
        counts.contents_kept += contents.contents_kept

    async def _clear_letters(self, tombstones: Sequence[Tombstone], worked_on: set[str]) -> int:
        """Clears letters that the graph knows, and letters of runs that could not record theirs."""
        known = await self._graph.tombstones_of([each.document_id for each in tombstones])
        gone = [each for each in tombstones if known.get(each.document_id) == each.version]
        for each in gone:
            if each.dead_lettered or each.document_id in worked_on:
                await self._publisher.clear_dead_letter(each.document_id)
        return sum(each.dead_lettered for each in gone)

    async def _end_runs(self, tombstones: Sequence[Tombstone]) -> Mapping[str, str]:
        """Signals the documents' runs that they are superseded, cancels those that do not end, and returns
        when none is open: document ids by workflow id."""
        versions = {each.document_id: each.version for each in tombstones}
        runs = dict(await self._runs.open_of(list(versions))) | _runs_of(tombstones)
        signalled = await answers(runs, lambda run: self._runs.supersede(run, versions[runs[run]]), _AT_ONCE)
        ended = {run: runs[run] for run, was_open in signalled.items() if was_open}
        await self._until_closed(ended, versions)
        return ended

    async def _until_closed(self, runs: Mapping[str, str], versions: Mapping[str, int]) -> None:
        """Raises WorkflowUnavailableError for a run that does not end."""
        started, left, cancelled = time.monotonic(), list(runs), False
        while left := await self._open(left, runs, versions):
            waited = time.monotonic() - started
            if waited > _PATIENCE:
                raise WorkflowUnavailableError(f"the run {left[0]} does not end")
            if waited > _GRACE and not cancelled:
                cancelled = True
                await answers(left, self._runs.cancel, _AT_ONCE)
            await asyncio.sleep(_POLL)

    async def _open(
        self, runs: Sequence[str], documents: Mapping[str, str], versions: Mapping[str, int]
    ) -> list[str]:
        """The open runs, except those of revived documents, which work on later content."""
        states = await answers(runs, self._runs.parked, _AT_ONCE)
        still = [run for run, parked in states.items() if parked is not None]
        known = await self._graph.tombstones_of([documents[run] for run in still]) if still else {}
        return [run for run in still if known.get(documents[run]) == versions[documents[run]]]


def _counted_before() -> DeletionCounts:
    details = activity.info().heartbeat_details
    return DeletionCounts.model_validate_json(details[0]) if details else DeletionCounts()


def _runs_of(tombstones: Sequence[Tombstone]) -> dict[str, str]:
    """The runs that a document's node suggests."""
    runs: dict[str, str] = {}
    for each in tombstones:
        of_contents = [names.enrichment_workflow_id(each.document_id, one) for one in each.hashes]
        runs |= dict.fromkeys([*of_contents, *each.workflow_ids], each.document_id)
    return runs


def _stale(row: DeadLetterRow, scope: DeletionScope, known: Mapping[str, int | None]) -> bool:
    if row.document_id is not None and row.document_id in known:
        return known[row.document_id] is not None
    # Not one of our documents: the letter of an unreadable message.
    return row.workflow_id is None and row.failure_timestamp <= scope.requested_at
