"""In: Temporal, the graph and the dead-letter topic, page by page. Out: parked runs and dead letters on which
they disagree.

Visibility lags slightly, and a failure reaches topic, Temporal and graph one after the other. So a run with
apparent drift is checked a second time, individually.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from archon.contracts.operations.drift import Drift, Drifting
from archon.contracts.operations.parked import ParkedRun, Standing, drift_of_run, is_astray
from archon.runtime.kafka.letter_table import LetterTable
from archon.runtime.tasks import answers
from archon.runtime.temporal.attributes import keyword
from archon.runtime.temporal.client import EnrichmentClient
from archon.runtime.temporal.parked import ParkedQuery
from archon.stores.graph.survey import GraphSurvey, node_of
from archon.stores.survey import POINT_LAG, request_of

_AT_ONCE: Final = 16
"""Maximum number of concurrent run queries of a survey."""


@dataclass(frozen=True)
class ParkedDriftPage:
    """`letters_known`: whether the dead-letter topic could be read."""

    checked: int
    drifting: Sequence[Drifting]
    next: str | None
    letters_known: bool


class ParkedSurvey:
    """Compares, and changes nothing. Raises StoreError, WorkflowUnavailableError. Without Kafka, comparisons
    with dead letters are omitted."""

    def __init__(
        self, graph: GraphSurvey, parked: ParkedQuery, runs: EnrichmentClient, letters: LetterTable
    ) -> None:
        self._graph = graph
        self._parked = parked
        self._runs = runs
        self._letters = letters

    async def runs(self, after: str | None, limit: int, project: str | None) -> ParkedDriftPage:
        """A page of parked runs."""
        await self._read(anew=after is None)
        page = await self._parked.page(None if project is None else (project,), after, limit)
        suspects = await self._compared(page.runs)
        if suspects:
            await asyncio.sleep(POINT_LAG)
            parked = await answers(suspects, self._waits, _AT_ONCE)
            if self._letters.known:
                await self._letters.read()
            again = await self._compared([run for run in suspects if parked[run]])
            suspects = {
                run: [kind for kind in kinds if kind in suspects[run]] for run, kinds in again.items()
            }
        drifting = await self._described({run: kinds for run, kinds in suspects.items() if kinds})
        return ParkedDriftPage(len(page.runs), drifting, page.next, bool(self._letters.known))

    async def letters(self, after: str | None, limit: int, project: str | None) -> ParkedDriftPage:
        """A page of dead letters of runs, in the order of document ids."""
        await self._read(anew=False)
        if not self._letters.known:
            return ParkedDriftPage(0, [], None, letters_known=False)
        page = self._letters.after(after or "", limit)
        following = page[-1] if len(page) == limit else None
        wanted = [each for each in page if project in {None, self._project(each)}]
        astray = await self._astray(wanted)
        if astray:
            await asyncio.sleep(POINT_LAG)
            before = {each: self._letters.of(each) for each in astray}
            await self._letters.read()
            astray = await self._astray([each for each in astray if self._letters.of(each) == before[each]])
        if following is None:
            self._letters.forget()
        drifting = [Drifting(each, [Drift.LETTER_ASTRAY]) for each in astray]
        return ParkedDriftPage(len(wanted), drifting, following, letters_known=True)

    async def holds_documents(self) -> bool:
        """Whether the graph has any document; if not, it may be the wrong graph."""
        return await self._graph.holds_documents()

    async def _read(self, *, anew: bool) -> None:
        if anew or self._letters.known is None:
            await self._letters.read(anew=anew)

    async def _compared(self, runs: Sequence[ParkedRun]) -> dict[ParkedRun, list[Drift]]:
        """The runs with drift in a single check."""
        standings = await self._standings([run.document_id for run in runs])
        lettered = await answers(runs, self._lettered, _AT_ONCE)
        found = {
            run: drift_of_run(run, standings.get(run.document_id), lettered=lettered[run]) for run in runs
        }
        return {run: kinds for run, kinds in found.items() if kinds}

    async def _described(self, drifting: Mapping[ParkedRun, list[Drift]]) -> list[Drifting]:
        """Adds the graph data that a repair needs."""
        ids = [run.document_id for run in drifting]
        nodes, standings = await self._graph.properties(ids), await self._standings(ids)
        return [
            Drifting(
                run.document_id,
                kinds,
                node_of(nodes[run.document_id]) if run.document_id in nodes else None,
                request=request_of(nodes[run.document_id]) if run.document_id in nodes else None,
                run_open=True,
                workflow_id=run.workflow_id,
                version=standings[run.document_id].version if run.document_id in standings else 0,
            )
            for run, kinds in drifting.items()
        ]

    async def _standings(self, document_ids: Sequence[str]) -> Mapping[str, Standing]:
        found = await self._graph.standings(document_ids) if document_ids else {}
        # Temporal may have a shortened project name.
        return {
            each: Standing(it.version, it.status, it.content_hash, keyword(it.project_name or ""))
            for each, it in found.items()
        }

    async def _lettered(self, run: ParkedRun) -> bool:
        """If two projects claim a document, both runs share one letter."""
        letter = self._letters.of(run.document_id)
        if not self._letters.known or (letter is not None and letter.workflow_id == run.workflow_id):
            return True
        return letter is not None and bool(await self._runs.parked(letter.workflow_id))

    async def _waits(self, run: ParkedRun) -> bool:
        return bool(await self._runs.parked(run.workflow_id))

    async def _astray(self, document_ids: Sequence[str]) -> list[str]:
        standings = await self._graph.standings(document_ids) if document_ids else {}
        suspects = [each for each in document_ids if is_astray(standings.get(each))]
        is_open = await answers(suspects, self._has_run, _AT_ONCE)
        return [each for each in suspects if not is_open[each]]

    async def _has_run(self, document_id: str) -> bool:
        letter = self._letters.of(document_id)
        return letter is not None and await self._runs.parked(letter.workflow_id) is not None

    def _project(self, document_id: str) -> str | None:
        letter = self._letters.of(document_id)
        return letter.project_name if letter is not None else None
