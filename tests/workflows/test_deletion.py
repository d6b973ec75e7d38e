"""The deletion workflows: pages, receipts, the sweep, repeated deletions, and revived documents."""

import asyncio
import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from temporalio.testing import WorkflowEnvironment

from activities import deletion
from archon.contracts import errors, names
from archon.contracts.events import DeadLetter, ErrorDetails
from archon.contracts.operations.dead_letters import DeadLetterRow
from archon.contracts.operations.deletion import DeletionInput, DeletionReceipt, DeletionScope, DeletionState
from archon.contracts.types import FailureType, Outcome
from archon.runtime.temporal.client import EnrichmentClient
from archon.runtime.temporal.deletions import DeletionClient
from tests import factories
from tests.workflows import histories
from tests.workflows.conftest import Ports
from tests.workflows.estate import Estate
from tests.workflows.runs import calls_of, until_requested
from tests.workflows.runs import result as enrichment
from workflows import policies

pytestmark = pytest.mark.usefixtures("working")


@pytest.fixture
def estate(ports: Ports) -> Estate:
    return ports.estate


class RememberingDeletions(DeletionClient):
    """Records the runs that a test has started."""

    started: set[str]

    async def start(self, scope: DeletionScope, what: str = "test") -> str:
        workflow_id = await super().start(scope, what)
        self.started.add(workflow_id)
        return workflow_id


@pytest.fixture
async def deletions(
    environment: WorkflowEnvironment, request: pytest.FixtureRequest
) -> AsyncIterator[RememberingDeletions]:
    """Replays every run that a test starts; a test marked `history(name)` commits it, if
    ARCHON_COMMIT_HISTORIES is set."""
    client = RememberingDeletions(environment.client)
    client.started = set()
    yield client
    mark = request.node.get_closest_marker("history")
    for workflow_id in client.started:
        history = await environment.client.get_workflow_handle(workflow_id).fetch_history()
        await histories.replay(history)
        if mark is not None and "ARCHON_COMMIT_HISTORIES" in os.environ:
            histories.commit(mark.args[0], history)


def scope(project: str, document_id: str | None = None) -> DeletionScope:
    version = 1 if document_id else None
    return DeletionScope(
        project_name=project, document_id=document_id, version=version, requested_at=datetime.now(UTC)
    )


async def result(environment: WorkflowEnvironment, workflow_id: str) -> DeletionReceipt:
    handle = environment.client.get_workflow_handle(workflow_id, result_type=DeletionReceipt)
    await environment.sleep(policies.SWEEP_AFTER)
    found: DeletionReceipt = await handle.result()
    return found


async def removed(deletions: DeletionClient, workflow_id: str) -> DeletionReceipt:
    found = await deletions.until_removed(workflow_id, 30)
    assert found is not None
    assert found.state is DeletionState.REMOVED
    return found


async def test_the_receipt_is_readable_before_the_sweep_and_a_late_point_goes_with_it(
    environment: WorkflowEnvironment, deletions: RememberingDeletions, estate: Estate, project: str
) -> None:
    document_id = str(uuid4())
    estate.live[document_id], estate.points[document_id] = 4, 4
    workflow_id = await deletions.start(scope(project, document_id))
    receipt = await removed(deletions, workflow_id)
    assert receipt.document_version == 5
    assert (receipt.counts.documents, receipt.counts.entities, receipt.counts.points) == (1, 2, 1)
    assert estate.bare == {document_id}
    estate.points[document_id] = 4  # a late writer
    swept = await result(environment, workflow_id)
    assert (swept.state, swept.counts.points) == (DeletionState.SWEPT, 2)
    assert not estate.points
    assert (await deletions.receipt(workflow_id)).state is DeletionState.SWEPT


async def test_the_sweep_leaves_what_was_revived(
    environment: WorkflowEnvironment, deletions: RememberingDeletions, estate: Estate, project: str
) -> None:
    document_id = str(uuid4())
    estate.live[document_id] = 1
    workflow_id = await deletions.start(scope(project, document_id))
    await removed(deletions, workflow_id)
    del estate.tombstones[document_id]
    estate.live[document_id] = estate.points[document_id] = 3
    assert (await result(environment, workflow_id)).counts.points == 0
    assert estate.points == {document_id: 3}


async def test_a_document_indexed_again_before_its_mark_lives_and_the_receipt_says_so(
    environment: WorkflowEnvironment, deletions: RememberingDeletions, estate: Estate, project: str
) -> None:
    document_id = str(uuid4())
    estate.live[document_id] = estate.points[document_id] = 2
    estate.later.add(document_id)
    workflow_id = await deletions.start(scope(project, document_id))
    found = await deletions.until_removed(workflow_id, 30)
    assert found is not None
    assert (found.state, found.document_version) == (DeletionState.SUPERSEDED, None)
    assert (await result(environment, workflow_id)).state is DeletionState.SUPERSEDED
    assert (estate.live, estate.points) == ({document_id: 2}, {document_id: 2})


@pytest.mark.history("document-deleted-twice")
async def test_the_waiting_sweep_deletes_what_came_back(
    environment: WorkflowEnvironment, deletions: RememberingDeletions, estate: Estate, project: str
) -> None:
    document_id = str(uuid4())
    estate.live[document_id] = 1
    workflow_id = await deletions.start(scope(project, document_id))
    await removed(deletions, workflow_id)
    del estate.tombstones[document_id]
    estate.bare.clear()
    estate.live[document_id] = 3
    assert await deletions.start(scope(project, document_id)) == workflow_id
    again = await removed(deletions, workflow_id)
    assert (again.document_version, again.counts.documents) == (4, 2)
    assert (await result(environment, workflow_id)).state is DeletionState.SWEPT


@pytest.mark.history("project-deleted")
async def test_a_project_goes_page_by_page_and_outages_are_waited_out(
    environment: WorkflowEnvironment, deletions: RememberingDeletions, estate: Estate, project: str
) -> None:
    ids = [str(uuid4()) for _ in range(25)]
    estate.live, estate.page = dict.fromkeys(ids, 1), 2
    estate.failures.extend([errors.StoreUnavailableError("graph", "down")] * 2)
    estate.points = {str(uuid4()): 7}  # of a document that the graph does not know
    swept = await result(environment, await deletions.start(scope(project)))
    assert (swept.counts.documents, swept.counts.entities, swept.counts.points) == (25, 50, 1)
    assert estate.bare == set(ids)


async def test_the_receipt_counts_what_went_before_an_attempt_failed(
    environment: WorkflowEnvironment, deletions: RememberingDeletions, estate: Estate, project: str
) -> None:
    document_id = str(uuid4())
    estate.live[document_id] = estate.points[document_id] = 1
    estate.strip_failures.append(errors.StoreUnavailableError("graph", "down"))
    swept = await result(environment, await deletions.start(scope(project, document_id)))
    assert (swept.counts.documents, swept.counts.points) == (1, 1)


async def test_a_run_that_ignores_a_newer_version_is_cancelled(
    environment: WorkflowEnvironment,
    deletions: RememberingDeletions,
    estate: Estate,
    project: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(deletion, "_GRACE", 0.3)
    parked, held = str(uuid4()), str(uuid4())
    estate.live = {parked: 1, held: 1}
    estate.open, estate.held = {"parked-run": parked, "held-run": held}, {"held-run"}
    swept = await result(environment, await deletions.start(scope(project)))
    assert swept.counts.runs_ended == 2
    assert sorted(estate.superseded) == [("held-run", 2), ("parked-run", 2)]
    assert estate.cancelled == ["held-run"]


async def test_letters_go_but_for_those_of_documents_that_live(
    environment: WorkflowEnvironment,
    deletions: RememberingDeletions,
    estate: Estate,
    ports: Ports,
    project: str,
) -> None:
    gone, living, poison = str(uuid4()), str(uuid4()), "topic:0:1"
    estate.live[gone] = 1
    estate.letters = [letter(project, each) for each in (gone, living)] + [letter(project, None, poison)]
    workflow_id = await deletions.start(scope(project))
    estate.live[living] = 1 if await removed(deletions, workflow_id) else 0
    await result(environment, workflow_id)
    assert set(ports.tombstones) == {gone, poison}


def letter(project: str, document_id: str | None, key: str = "") -> DeadLetterRow:
    found = DeadLetter(
        document_id=document_id,
        project_name=project,
        failure_reason="no",
        failure_timestamp=datetime.now(UTC),
        failure_type=FailureType.DATA_QUALITY,
        error_details=ErrorDetails(exception_type="E", exception_message="no"),
        workflow_id=f"enrich-{document_id}" if document_id else None,
    )
    return DeadLetterRow.of(key or document_id or "", found)


async def test_a_refusal_ends_the_run_and_asking_again_goes_on(
    environment: WorkflowEnvironment, deletions: RememberingDeletions, estate: Estate, project: str
) -> None:
    document_id = str(uuid4())
    estate.live[document_id] = 1
    estate.failures.append(errors.StoreRejectedError("graph", "no"))
    workflow_id = await deletions.start(scope(project, document_id))
    failed = await deletions.until_removed(workflow_id, 30)
    assert failed is not None
    assert failed.state is DeletionState.FAILED
    await deletions.start(scope(project, document_id))
    assert (await result(environment, workflow_id)).counts.documents == 1


async def test_a_run_that_continues_as_new_keeps_its_receipt(
    environment: WorkflowEnvironment, estate: Estate, project: str
) -> None:
    carried = DeletionReceipt(
        project_name=project,
        workflow_id=f"delete-project-{project}",
        requested_at=datetime.now(UTC),
        counts={"documents": 7},
    )
    estate.live = {str(uuid4()): 1}
    handle = await environment.client.start_workflow(
        names.WORKFLOW_DELETE_PROJECT,
        DeletionInput(scope=scope(project), receipt=carried),
        id=carried.workflow_id,
        task_queue=names.QUEUE_ENRICHMENT,
        result_type=DeletionReceipt,
    )
    assert (await handle.result()).counts.documents == 8


async def test_a_receipt_shows_work_in_progress(
    environment: WorkflowEnvironment, deletions: RememberingDeletions, estate: Estate, project: str
) -> None:
    estate.gate.clear()
    document_id = str(uuid4())
    estate.live[document_id] = 1
    workflow_id = await deletions.start(scope(project, document_id))
    under_way = await deletions.until_removed(workflow_id, 0)
    assert under_way is not None
    assert (under_way.state, under_way.counts.documents) == (DeletionState.REMOVING, 0)
    estate.gate.set()
    # To its end: time does not skip while a run waits for a stopped worker.
    await result(environment, workflow_id)


async def test_a_point_that_was_written_after_its_document_was_deleted_is_taken_back(
    environment: WorkflowEnvironment, client: EnrichmentClient, estate: Estate, ports: Ports
) -> None:
    request = factories.request()
    ports.store_gates["vectors"] = asyncio.Event()
    workflow_id = await client.submit(request)
    await calls_of(ports, "vectors")
    estate.tombstones[request.document_id], estate.points[request.document_id] = 2, 1
    ports.graph_writes.append(False)
    ports.store_gates["vectors"].set()
    assert (await enrichment(environment, workflow_id)).outcome is Outcome.SUPERSEDED
    assert not estate.points


async def test_a_point_goes_with_a_graph_write_that_a_deletion_has_refused(
    environment: WorkflowEnvironment, client: EnrichmentClient, estate: Estate, ports: Ports
) -> None:
    request = factories.request()
    ports.store_gates["graph"] = asyncio.Event()
    ports.graph_writes.append(False)
    workflow_id = await client.submit(request)
    await calls_of(ports, "graph")
    estate.tombstones[request.document_id], estate.points[request.document_id] = 2, 1
    ports.store_gates["graph"].set()
    assert (await enrichment(environment, workflow_id)).outcome is Outcome.SUPERSEDED
    assert not estate.points


async def test_an_analysis_that_comes_after_its_document_was_deleted_is_not_kept(
    environment: WorkflowEnvironment, client: EnrichmentClient, estate: Estate, ports: Ports
) -> None:
    request = factories.request()
    ports.gate.clear()
    workflow_id = await client.submit(request)
    await until_requested(ports)
    estate.tombstones[request.document_id], ports.current = 2, False
    ports.graph_writes.append(False)
    ports.gate.set()
    assert (await enrichment(environment, workflow_id)).outcome is Outcome.SUPERSEDED
    assert ports.calls["analysis"] == 1
    assert await ports.content.analyses(request.content_hash) == []
