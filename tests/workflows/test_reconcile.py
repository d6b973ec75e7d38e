"""ReconcileEnrichment over a survey of several pages: its sums, and continue-as-new."""

import asyncio
import os
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast
from uuid import uuid4

import pytest
from temporalio.client import Client, Interceptor, WorkflowFailureError
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker
from temporalio.workflow import Info

from activities.parked import ParkedActivities
from activities.reconciliation import ReconcileActivities
from archon.contracts import names
from archon.contracts.errors import AlreadyRunningError, RunFailedError
from archon.contracts.events import EnrichmentRequest
from archon.contracts.operations.drift import Drift, Drifting, Node, Point
from archon.contracts.operations.reconcile import EXAMPLES, Phase, ReconcileInput, ReconcileReport
from archon.contracts.types import EnrichmentStatus
from archon.contracts.workflow import Step, WriteResult
from archon.runtime.telemetry import metrics
from archon.runtime.telemetry.temporal import TracingInterceptor
from archon.runtime.temporal.reconciliation import Reconciliation
from tests import factories
from tests.workflows import histories
from worker import WORKFLOWS, reconcile_activities, workflow_runner

PAGES = 4


@dataclass(frozen=True)
class Page:
    checked: int
    drifting: Sequence[Drifting]
    next: str | None
    letters_known: bool = True


def stuck() -> Drifting:
    request = factories.request(document_version=1)
    node = Node(request.document_id, EnrichmentStatus.PENDING, 1, request.content_hash, request.indexed_at)
    return Drifting(request.document_id, [Drift.STUCK], node, None, request)


@dataclass
class Estate:
    """PAGES pages of two documents, each with a stuck one, and a page of points with one orphan."""

    submitted: list[EnrichmentRequest] = field(default_factory=list)
    removed: list[Point] = field(default_factory=list)
    pages_read: list[tuple[str | None, int, str | None]] = field(default_factory=list)
    done: list[tuple[str, object]] = field(default_factory=list)
    empty: bool = False
    gate: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.gate.set()

    async def documents(self, after: str | None, limit: int, project: str | None, older_than: float) -> Page:
        await self.gate.wait()
        self.pages_read.append((after, limit, project))
        number = int(after or 0) + 1
        return Page(2, [stuck()], str(number) if number < PAGES else None)

    async def points(self, after: str | None, limit: int, project: str | None) -> Page:
        point = Point(str(uuid4()), 1)
        return Page(3, [Drifting(point.document_id, [Drift.ORPHAN_POINT], point=point)], None)

    async def runs(self, after: str | None, limit: int, project: str | None) -> Page:
        if after is None:
            return Page(2, [], "2")
        kinds = [Drift.UNMARKED, Drift.LETTER_MISSING]
        request = factories.request()
        waits = Drifting(
            request.document_id, kinds, request=request, run_open=True, workflow_id="w", version=1
        )
        past = Drifting(str(uuid4()), [Drift.OVERTAKEN], run_open=True, workflow_id="past", version=7)
        return Page(2, [waits, past], None)

    async def letters(self, after: str | None, limit: int, project: str | None) -> Page:
        return Page(5, [Drifting("d", [Drift.LETTER_ASTRAY])], None)

    async def mark_parked(self, step: Step) -> WriteResult:
        self.done.append(("mark_parked", step.version))
        return WriteResult(applied=True)

    async def supersede(self, workflow_id: str, version: int) -> bool:
        self.done.append((workflow_id, version))
        return True

    async def signal(self, workflow_id: str, signal: str) -> None:
        self.done.append((workflow_id, signal))

    async def clear_dead_letter(self, document_id: str) -> None:
        self.done.append(("cleared", document_id))

    async def holds_documents(self) -> bool:
        return not self.empty

    async def submit(self, request: EnrichmentRequest) -> str:
        self.submitted.append(request)
        return ""

    async def restate(self, drifting: Drifting) -> None:
        raise AssertionError("nothing here needs it")

    async def remove(self, seen: Point) -> None:
        self.removed.append(seen)

    async def behind(self, moment: datetime) -> bool:
        return False


def working(client: Client, estate: Estate) -> Worker:
    return Worker(
        client,
        task_queue=names.QUEUE_ENRICHMENT,
        workflows=WORKFLOWS,
        activities=reconcile_activities(
            ReconcileActivities(estate, estate, estate, estate),
            ParkedActivities(estate, cast(Any, estate), estate, cast(Any, estate)),
        ),
        workflow_runner=workflow_runner(),
    )


@pytest.fixture
async def estate(environment: WorkflowEnvironment) -> AsyncIterator[Estate]:
    estate = Estate()
    async with working(environment.client, estate):
        yield estate


async def reconciled(environment: WorkflowEnvironment, wanted: ReconcileInput) -> ReconcileReport:
    """The report of a run, which is then replayed, and committed if ARCHON_COMMIT_HISTORIES is set."""
    report = await (await Reconciliation.start(environment.client, wanted)).result()
    history = await environment.client.get_workflow_handle(names.ID_RECONCILE).fetch_history()
    await histories.replay(history)
    if wanted.apply and "ARCHON_COMMIT_HISTORIES" in os.environ:
        histories.commit("reconciled-with-parked" if wanted.parked else "reconciled", history)
    return report


@pytest.mark.history("reconciled")
async def test_pages_are_added_up_and_repaired(environment: WorkflowEnvironment, estate: Estate) -> None:
    report = await reconciled(environment, ReconcileInput(apply=True, page_size=2))
    assert (report.documents, report.points) == (2 * PAGES, 3)
    assert report.found == report.repaired == {Drift.STUCK: PAGES, Drift.ORPHAN_POINT: 1}
    assert report.left == 0
    assert report.examples[Drift.STUCK] == [request.document_id for request in estate.submitted][:EXAMPLES]
    assert [after for after, _, _ in estate.pages_read] == [None, "1", "2", "3"]
    assert len(estate.removed) == 1
    assert metrics.DRIFT_DOCUMENTS.labels(Drift.STUCK)._value.get() == PAGES
    assert metrics.RECONCILED_AT._value.get() > 0


@pytest.mark.history("reconciled-with-parked")
async def test_parked_documents_are_compared_last_and_repaired_in_each_direction(
    environment: WorkflowEnvironment, estate: Estate
) -> None:
    report = await reconciled(environment, ReconcileInput(apply=True, parked=True))
    of_parked = (Drift.UNMARKED, Drift.LETTER_MISSING, Drift.OVERTAKEN, Drift.LETTER_ASTRAY)
    assert (report.parked, report.letters, report.left) == (4, 5, 0)
    assert {kind: report.found[kind] for kind in of_parked} == dict.fromkeys(of_parked, 1)
    assert estate.done == [
        ("mark_parked", 1),
        ("w", names.SIGNAL_LETTER),
        ("past", 7),
        ("cleared", "d"),
    ]


async def test_parked_documents_are_left_unchanged_without_repair(
    environment: WorkflowEnvironment, estate: Estate
) -> None:
    report = await reconciled(environment, ReconcileInput(parked=True))
    assert (report.found[Drift.LETTER_ASTRAY], report.repaired, estate.done) == (1, {}, [])


async def test_letters_outlive_a_graph_that_holds_nothing(
    environment: WorkflowEnvironment, estate: Estate
) -> None:
    estate.empty = True
    wanted = ReconcileInput(apply=True, parked=True, phase=Phase.LETTERS)
    with pytest.raises(RunFailedError, match="right database"):
        await reconciled(environment, wanted)
    assert estate.done == []


async def test_without_repair_nothing_of_a_project_is_changed(
    environment: WorkflowEnvironment, estate: Estate
) -> None:
    metrics.DRIFT_DOCUMENTS.labels(Drift.STUCK).set(77)
    report = await reconciled(environment, ReconcileInput(project="p"))
    assert (report.left, report.repaired) == (PAGES + 1, {})
    assert {project for _, _, project in estate.pages_read} == {"p"}
    assert (estate.submitted, estate.removed) == ([], [])
    assert metrics.DRIFT_DOCUMENTS.labels(Drift.STUCK)._value.get() == 77


@pytest.mark.parametrize("interceptors", [[], [TracingInterceptor()]], ids=["untraced", "traced"])
async def test_counts_survive_continuing_as_new(
    environment: WorkflowEnvironment, monkeypatch: pytest.MonkeyPatch, interceptors: list[Interceptor]
) -> None:
    monkeypatch.setattr(Info, "is_continue_as_new_suggested", lambda _: True)
    config, estate = environment.client.config(), Estate()
    client = Client(**{**config, "interceptors": [*config["interceptors"], *interceptors]})
    async with working(client, estate):
        started = await Reconciliation.start(client, ReconcileInput(apply=True))
        report = await started.result()
        assert (await started.progress()) == report
    assert report.found == {Drift.STUCK: PAGES, Drift.ORPHAN_POINT: 1}
    assert [after for after, _, _ in estate.pages_read] == [None, "1", "2", "3"]


async def test_one_at_a_time(environment: WorkflowEnvironment, estate: Estate) -> None:
    estate.gate.clear()
    first = await Reconciliation.start(environment.client, ReconcileInput())
    with pytest.raises(AlreadyRunningError, match=names.ID_RECONCILE):
        await Reconciliation.start(environment.client, ReconcileInput())
    assert (await first.progress()).documents == 0
    await first.cancel()
    estate.gate.set()
    with pytest.raises(RunFailedError):
        await first.result()


async def test_points_outlive_a_graph_that_holds_nothing(
    environment: WorkflowEnvironment, estate: Estate
) -> None:
    estate.empty = True
    with pytest.raises(RunFailedError, match="right database") as failed:
        await reconciled(environment, ReconcileInput(apply=True))
    assert isinstance(failed.value.__cause__, WorkflowFailureError)
    assert estate.removed == []
