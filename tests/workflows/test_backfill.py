"""BackfillEnrichment on a real Temporal server that skips time: paced, paused, resumed, continued, ended."""

import asyncio
import os
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import uuid4

import pytest
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from activities.backfill import OLDER, WITHOUT_TEXT, BackfillActivities
from archon.contracts import names
from archon.contracts.errors import AlreadyRunningError, NotFoundError, PublishError
from archon.contracts.events import EnrichmentRequest
from archon.contracts.operations.backfill import (
    BackfillInput,
    BackfillProgress,
    BackfillState,
    Candidate,
    CandidatePage,
    Criteria,
    Reason,
    UnenrichedCount,
)
from archon.contracts.types import Priority
from archon.runtime.temporal.backfills import Backfill
from tests import factories
from tests.eventually import eventually
from tests.workflows import histories
from worker import WORKFLOWS, backfill_activities, workflow_runner


@dataclass
class Estate:
    """All ports of a backfill in one. `backlogs`: answers in turn, the last one repeatedly."""

    candidates: list[Candidate] = field(default_factory=list)
    texts: set[str] = field(default_factory=set)
    lists: dict[str, list[str]] = field(default_factory=dict)
    backlogs: list[int] = field(default_factory=lambda: [0])
    published: list[EnrichmentRequest] = field(default_factory=list)
    refusals: int = 0
    checks: int = 0

    def add(self, count: int, reason: Reason = Reason.UNENRICHED, *, text: bool = True) -> list[str]:
        added = [_candidate(str(uuid4()), reason) for _ in range(count)]
        self.candidates = sorted([*self.candidates, *added], key=lambda each: each.document_id)
        if text:
            self.texts |= {each.request.content_hash for each in added if each.request is not None}
        return [each.document_id for each in added]

    async def page(self, criteria: Criteria, after: str, limit: int) -> CandidatePage:
        rest = [each for each in self.candidates if each.document_id > after]
        following = rest[limit - 1].document_id if len(rest) > limit else None
        return CandidatePage(candidates=rest[:limit], next=following)

    async def unknown(self, document_ids: Sequence[str]) -> list[str]:
        return []

    async def among(self, criteria: Criteria, document_ids: Sequence[str]) -> list[Candidate]:
        return [each for each in self.candidates if each.document_id in document_ids]

    async def count(self, criteria: Criteria) -> UnenrichedCount:
        return UnenrichedCount(documents=len(self.candidates), parked=1)

    async def has_text(self, content_hash: str) -> bool:
        return content_hash in self.texts

    async def get_list(self, name: str) -> list[str] | None:
        return self.lists.get(name)

    async def delete_list(self, name: str) -> None:
        self.lists.pop(name, None)

    async def request(self, event: EnrichmentRequest) -> None:
        if self.refusals and len(self.published) >= 2:
            self.refusals -= 1
            raise PublishError("scripted to refuse")
        self.published.append(event)

    async def open(self) -> int:
        self.checks += 1
        return self.backlogs.pop(0) if len(self.backlogs) > 1 else self.backlogs[0]


def _candidate(text: str, reason: Reason) -> Candidate:
    request = factories.request("p", text, document_version=3)
    return Candidate(
        document_id=request.document_id,
        project_name="p",
        file_path=request.file_path,
        content_hash=request.content_hash,
        version=3,
        reason=reason,
        request=None if reason is Reason.OLDER_SHAPE else request,
    )


@pytest.fixture
def estate() -> Estate:
    return Estate()


@pytest.fixture(autouse=True)
async def working(environment: WorkflowEnvironment, estate: Estate) -> AsyncIterator[None]:
    worker = Worker(
        environment.client,
        task_queue=names.QUEUE_ENRICHMENT,
        workflows=WORKFLOWS,
        activities=backfill_activities(BackfillActivities(estate, estate, estate, estate)),
        workflow_runner=workflow_runner(),
    )
    running = asyncio.create_task(worker.run())
    yield
    await worker.shutdown()
    await running


@pytest.fixture
async def backfill(
    environment: WorkflowEnvironment, working: None, request: pytest.FixtureRequest
) -> AsyncIterator[Backfill]:
    """A backfill of its own project. Its last run is replayed after the test."""
    workflow_id = names.backfill_workflow_id(f"p-{uuid4()}")
    yield Backfill(environment.client, workflow_id)
    history = await environment.client.get_workflow_handle(workflow_id).fetch_history()
    await histories.replay(history)
    mark = request.node.get_closest_marker("history")
    if mark is not None and "ARCHON_COMMIT_HISTORIES" in os.environ:
        histories.commit(mark.args[0], history)


def wanted(**changes: object) -> BackfillInput:
    values: dict[str, object] = {"backfill_id": str(uuid4()), "rate": 0, "batch_size": 2, **changes}
    return BackfillInput(**values)


async def ended(environment: WorkflowEnvironment, backfill: Backfill) -> BackfillProgress:
    """Its result, with time skipped until then."""
    async with environment.time_skipping_unlocked():
        return await backfill.result()


async def until(backfill: Backfill, state: BackfillState, requested: int) -> BackfillProgress:
    async def reached() -> BackfillProgress | None:
        progress = await backfill.progress()
        return progress if (progress.state, progress.requested) == (state, requested) else None

    found: BackfillProgress = await eventually(reached)
    return found


@pytest.mark.history("backfill")
async def test_every_document_with_a_text_is_requested_once_at_low_priority(
    environment: WorkflowEnvironment, backfill: Backfill, estate: Estate
) -> None:
    estate.add(5)
    estate.add(2, Reason.OLDER_ANALYSER)
    lacking, old = estate.add(1, text=False), estate.add(1, Reason.OLDER_SHAPE)
    await backfill.start(wanted())
    progress = await ended(environment, backfill)
    assert progress.state is BackfillState.COMPLETED
    counts = (
        progress.total,
        progress.examined,
        progress.requested,
        progress.without_text,
        progress.older_shape,
    )
    assert progress.parked_before == 1
    assert counts == (9, 9, 7, 1, 1)
    assert {each.document_id: each.why for each in progress.listed} == {
        lacking[0]: WITHOUT_TEXT,
        old[0]: OLDER,
    }
    assert len({each.document_id for each in estate.published}) == len(estate.published) == 7
    assert {each.priority for each in estate.published} == {Priority.LOW}
    assert sum(each.force for each in estate.published) == 2


async def test_a_page_that_is_taken_again_is_a_redelivery(
    environment: WorkflowEnvironment, backfill: Backfill, estate: Estate
) -> None:
    estate.add(4)
    estate.refusals = 3
    await backfill.start(wanted(batch_size=4))
    assert (await ended(environment, backfill)).requested == 4
    ids = {(each.document_id, each.correlation_id) for each in estate.published}
    assert len(estate.published) > len(ids) == 4


async def test_a_dry_run_publishes_and_waits_for_nothing(
    environment: WorkflowEnvironment, backfill: Backfill, estate: Estate
) -> None:
    estate.add(5)
    estate.backlogs = [1_000_000]
    await backfill.start(wanted(dry_run=True, rate=0.001))
    progress = await ended(environment, backfill)
    assert (progress.state, progress.requested, progress.dry_run) == (BackfillState.COMPLETED, 5, True)
    assert estate.published == []


async def test_requests_are_paced(
    environment: WorkflowEnvironment, backfill: Backfill, estate: Estate
) -> None:
    estate.add(10)
    await backfill.start(wanted(rate=0.5))
    progress = await ended(environment, backfill)
    assert progress.ended_at is not None
    # There is no wait after the last of five pages.
    assert timedelta(seconds=16) <= progress.ended_at - progress.started_at < timedelta(seconds=30)


async def test_a_backfill_waits_while_the_pipeline_has_enough_to_do(
    environment: WorkflowEnvironment, backfill: Backfill, estate: Estate
) -> None:
    estate.add(6)
    estate.backlogs = [12, 11, 10, 7, 0]
    await backfill.start(wanted(batch_size=4, max_backlog=10))
    progress = await ended(environment, backfill)
    assert progress.requested == 6
    # With 7 waiting there is room for 3, which is less than a page, and with 0 for a whole one.
    assert estate.checks == 6


async def test_a_paused_backfill_requests_nothing_until_resumed(
    backfill: Backfill, estate: Estate, environment: WorkflowEnvironment
) -> None:
    estate.add(6)
    await backfill.start(wanted(rate=0.01))
    await until(backfill, BackfillState.RUNNING, 2)
    await backfill.signal(names.SIGNAL_PAUSE)
    assert (await backfill.progress()).state is BackfillState.PAUSED
    await environment.sleep(timedelta(hours=2))
    assert len(estate.published) == 2
    await backfill.signal(names.SIGNAL_RESUME)
    progress = await ended(environment, backfill)
    assert (progress.state, progress.requested) == (BackfillState.COMPLETED, 6)


@pytest.mark.history("backfill-cancelled")
async def test_a_cancelled_backfill_ends_at_once_with_its_counts(
    environment: WorkflowEnvironment, backfill: Backfill, estate: Estate
) -> None:
    estate.add(6)
    await backfill.start(wanted(rate=0.001))
    await until(backfill, BackfillState.RUNNING, 2)
    await backfill.signal(names.SIGNAL_CANCEL)
    progress = await ended(environment, backfill)
    assert (progress.state, progress.requested, progress.total) == (BackfillState.CANCELLED, 2, 6)
    assert progress.ended_at is not None
    assert progress.ended_at - progress.started_at < timedelta(seconds=60)
    with pytest.raises(NotFoundError, match="no running backfill"):
        await backfill.signal(names.SIGNAL_PAUSE)


@pytest.mark.parametrize("paused", [False, True])
async def test_a_cancellation_by_temporal_is_the_same(
    backfill: Backfill, estate: Estate, environment: WorkflowEnvironment, paused: bool
) -> None:
    estate.add(6)
    await backfill.start(wanted(rate=0.001))
    await until(backfill, BackfillState.RUNNING, 2)
    if paused:
        await backfill.signal(names.SIGNAL_PAUSE)
    await environment.client.get_workflow_handle(backfill.workflow_id).cancel()
    progress = await ended(environment, backfill)
    assert (progress.state, progress.requested) == (BackfillState.CANCELLED, 2)


@pytest.mark.history("backfill-continued")
async def test_a_backfill_continues_as_new_with_its_counts(
    backfill: Backfill, estate: Estate, environment: WorkflowEnvironment
) -> None:
    estate.add(10)
    await backfill.start(wanted(pages_a_run=2))
    handle = environment.client.get_workflow_handle(backfill.workflow_id)
    first = (await handle.describe()).run_id
    progress = await ended(environment, backfill)
    assert (progress.requested, progress.examined, progress.total) == (10, 10, 10)
    assert (await handle.describe()).run_id != first
    assert len({each.document_id for each in estate.published}) == len(estate.published)


async def test_a_paused_backfill_stays_paused_when_it_continues_as_new(
    backfill: Backfill, estate: Estate, environment: WorkflowEnvironment
) -> None:
    estate.add(6)
    await backfill.start(wanted(pages_a_run=1, rate=0.01))
    await until(backfill, BackfillState.RUNNING, 2)
    await backfill.signal(names.SIGNAL_PAUSE)
    await environment.sleep(timedelta(hours=2))
    assert (await backfill.progress()).state is BackfillState.PAUSED
    assert len(estate.published) == 2
    await backfill.signal(names.SIGNAL_RESUME)
    assert (await ended(environment, backfill)).requested == 6


async def test_a_list_is_walked_chunk_by_chunk_and_forgotten(
    environment: WorkflowEnvironment, backfill: Backfill, estate: Estate
) -> None:
    ids = estate.add(7)
    listed = wanted(chunks=2, total=7, batch_size=3)
    estate.lists = {f"{listed.backfill_id}/0": [*ids[:3], str(uuid4())], f"{listed.backfill_id}/1": ids[3:6]}
    await backfill.start(listed)
    progress = await ended(environment, backfill)
    assert (progress.examined, progress.requested, progress.settled) == (7, 6, 1)
    assert {each.document_id for each in estate.published} == set(ids[:6])
    assert estate.lists == {}


async def test_one_at_a_time(environment: WorkflowEnvironment, backfill: Backfill, estate: Estate) -> None:
    estate.add(4)
    await backfill.require_none()
    await backfill.start(wanted(rate=0.001))
    for again in (backfill.require_none(), backfill.start(wanted())):
        with pytest.raises(AlreadyRunningError):
            await again
    await backfill.signal(names.SIGNAL_CANCEL)
    await ended(environment, backfill)


async def test_an_unknown_backfill_is_not_found(backfill: Backfill, environment: WorkflowEnvironment) -> None:
    with pytest.raises(NotFoundError, match="there was no backfill"):
        await Backfill(environment.client, "backfill-nobody").progress()
    await backfill.start(wanted())
    await ended(environment, backfill)
