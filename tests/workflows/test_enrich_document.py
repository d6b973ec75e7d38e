"""EnrichDocument on a real Temporal server that skips time: every possible path of a run."""

import asyncio
from datetime import timedelta
from uuid import uuid4

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowHandle, WorkflowHistory
from temporalio.testing import WorkflowEnvironment

from archon.contracts import errors, names
from archon.contracts.types import EnrichmentStatus, EnrichmentType, FailureType, Outcome
from archon.contracts.workflow import Claim, Decision
from archon.runtime.temporal.client import EnrichmentClient
from tests import factories
from tests.eventually import eventually
from tests.workflows import histories
from tests.workflows.conftest import Ports
from tests.workflows.runs import calls_of, park, parked, result, submit_as_before, until_requested
from workflows import policies

pytestmark = pytest.mark.usefixtures("working")
WHOLE = [("claimed", 10), ("analysed", 60), ("vectors_written", 80), ("completed", 100)]


@pytest.mark.history("marked-happy")
async def test_the_happy_path(
    environment: WorkflowEnvironment, client: EnrichmentClient, ports: Ports
) -> None:
    request = factories.request(document_version=4)
    workflow_id = await client.submit(request)
    outcome = await result(environment, workflow_id)
    assert (outcome.outcome, outcome.version) == (Outcome.SUCCESS, 4)
    assert outcome.summary is not None
    assert outcome.summary.entities_extracted == 2
    assert ports.stages == WHOLE
    ((event, what),) = ports.completed_events
    assert (event.enrichment_status, event.document_version, what) == (Outcome.SUCCESS, 4, "success")
    assert event.correlation_id == request.correlation_id
    assert event.enrichment_results is not None
    assert event.enrichment_results.anti_patterns_detected == ["long-function"]
    assert ports.calls == {
        "claim": 1,
        "analysis": 1,
        "vectors": 1,
        "graph": 1,
        "completed": 1,
        "progress": 4,
    }
    history = await environment.client.get_workflow_handle(workflow_id).fetch_history()
    tasks = [e for e in history.events if e.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED]
    assert (len(tasks), len(history.events)) == (2, 15)


async def test_no_text_and_no_analysis_is_in_the_history(
    environment: WorkflowEnvironment, client: EnrichmentClient, ports: Ports
) -> None:
    ports.analyses.append(factories.analysis("a_secret_name"))
    workflow_id = await client.submit(factories.request())
    await result(environment, workflow_id)
    history = await environment.client.get_workflow_handle(workflow_id).fetch_history()
    assert "a_secret_name" not in history.to_json()
    assert 'embedding"' not in history.to_json()


async def test_an_enriched_document_ends_without_an_event(
    environment: WorkflowEnvironment, client: EnrichmentClient, ports: Ports
) -> None:
    ports.claims.append(Claim(decision=Decision.DUPLICATE, version=2))
    outcome = await result(environment, await client.submit(factories.request()))
    assert (outcome.outcome, outcome.decision) == (None, Decision.DUPLICATE)
    assert ports.completed_events == []


async def test_a_superseded_claim_says_so(
    environment: WorkflowEnvironment, client: EnrichmentClient, ports: Ports
) -> None:
    ports.claims.append(Claim(decision=Decision.SUPERSEDED, version=9))
    outcome = await result(environment, await client.submit(factories.request(document_version=3)))
    assert (outcome.outcome, outcome.version) == (Outcome.SUPERSEDED, 3)
    assert [event.enrichment_status for event, _ in ports.completed_events] == [Outcome.SUPERSEDED]
    assert ports.calls["analysis"] == 0


async def test_a_redelivery_of_a_superseded_request_publishes_nothing(
    environment: WorkflowEnvironment, client: EnrichmentClient, ports: Ports
) -> None:
    ports.claims.extend([Claim(decision=Decision.SUPERSEDED, version=9)] * 2)
    request = factories.request(document_version=3)
    for _ in range(2):
        outcome = await result(environment, await client.submit(request))
        assert outcome.outcome is Outcome.SUPERSEDED
    assert [what for _, what in ports.completed_events] == ["superseded"]


async def test_a_repeated_request_publishes_once(
    environment: WorkflowEnvironment, client: EnrichmentClient, ports: Ports
) -> None:
    # More than two, because a local attempt that waits at the gate may be repeated remotely.
    ports.claims.extend([Claim(decision=Decision.SUPERSEDED, version=9)] * 6)
    ports.store_gates["claim"] = asyncio.Event()
    request = factories.request(document_version=3)
    workflow_id = await client.submit(request)
    await calls_of(ports, "claim")
    repeated = request.model_copy(update={"correlation_id": str(uuid4()).upper()})
    assert await client.submit(repeated) == workflow_id
    ports.store_gates["claim"].set()
    assert (await result(environment, workflow_id)).outcome is Outcome.SUPERSEDED
    assert ports.calls["claim"] >= 2
    # A set, because the publishing attempt may be repeated.
    assert {event.correlation_id for event, _ in ports.completed_events} == {request.correlation_id}


@pytest.mark.parametrize("store", ["vector_writes", "graph_writes"])
async def test_losing_the_fence_ends_as_superseded(
    environment: WorkflowEnvironment, client: EnrichmentClient, ports: Ports, store: str
) -> None:
    getattr(ports, store).append(False)
    ports.current = False
    outcome = await result(environment, await client.submit(factories.request()))
    assert outcome.outcome is Outcome.SUPERSEDED
    assert [event.enrichment_status for event, _ in ports.completed_events] == [Outcome.SUPERSEDED]


async def test_a_point_that_contradicts_the_graph_supersedes_nobody(
    environment: WorkflowEnvironment, client: EnrichmentClient, ports: Ports
) -> None:
    ports.vector_writes.extend([False, False])
    outcome = await result(environment, await client.submit(factories.request()))
    assert outcome.outcome is Outcome.SUCCESS
    assert ports.calls["vectors"] == 3


async def test_a_write_whose_answer_was_lost_is_still_published(
    environment: WorkflowEnvironment, client: EnrichmentClient, ports: Ports
) -> None:
    ports.graph_writes.extend([errors.StoreRejectedError("graph", "the connection was reset")] * 2)
    workflow_id = await client.submit(factories.request())
    await parked(client, workflow_id)
    ports.claims.append(Claim(decision=Decision.DUPLICATE, version=1))
    await client.signal(workflow_id, names.SIGNAL_RETRY)
    assert (await result(environment, workflow_id)).outcome is Outcome.SUCCESS
    assert [what for _, what in ports.completed_events] == ["success"]
    assert len(ports.tombstones) == 1


async def test_a_part_writes_no_vectors(
    environment: WorkflowEnvironment, client: EnrichmentClient, ports: Ports
) -> None:
    request = factories.request(enrichment_type=EnrichmentType.QUALITY_ONLY)
    outcome = await result(environment, await client.submit(request))
    assert outcome.outcome is Outcome.SUCCESS
    assert ports.calls["vectors"] == 0
    assert [what for _, what in ports.completed_events] == ["success:quality_only"]


async def test_a_redelivery_while_it_runs_is_counted(
    environment: WorkflowEnvironment, client: EnrichmentClient, ports: Ports
) -> None:
    ports.gate.clear()
    request = factories.request()
    workflow_id = await client.submit(request)
    assert await client.submit(request) == workflow_id

    async def seen() -> bool:
        return (await client.status(workflow_id)).duplicates == 1

    await eventually(seen)
    ports.gate.set()
    await result(environment, workflow_id)
    assert len(ports.completed_events) == 1
    assert ports.calls["claim"] == 1


@pytest.mark.history("marked-second-submission")
async def test_a_submission_while_it_runs_is_settled_before_it_returns(
    environment: WorkflowEnvironment, client: EnrichmentClient, ports: Ports
) -> None:
    ports.gate.clear()
    first = factories.request()
    workflow_id = await client.submit(first)
    await client.submit(first.model_copy(update={"correlation_id": str(uuid4()).upper()}))
    ports.claims.extend(
        [Claim(decision=Decision.PROCEED, version=1), Claim(decision=Decision.DUPLICATE, version=1)]
    )
    ports.gate.set()
    await result(environment, workflow_id)
    assert ports.calls["claim"] == 2
    assert len(ports.completed_events) == 1


async def test_a_closed_run_is_opened_again(
    environment: WorkflowEnvironment, client: EnrichmentClient, ports: Ports
) -> None:
    request = factories.request()
    workflow_id = await client.submit(request)
    await result(environment, workflow_id)
    await client.submit(request)
    await result(environment, workflow_id)
    assert ports.calls["claim"] == 2


@pytest.mark.history("marked-retried")
async def test_transient_failures_are_retried(
    environment: WorkflowEnvironment, client: EnrichmentClient, ports: Ports
) -> None:
    ports.analyses.extend(
        [errors.IntelligenceUnavailableError("503"), errors.IntelligenceThrottledError("429", 1)]
    )
    ports.graph_writes.extend(
        [errors.StoreConflictError("graph", "lost"), errors.StoreUnavailableError("graph", "down")]
    )
    outcome = await result(environment, await client.submit(factories.request()))
    assert outcome.outcome is Outcome.SUCCESS
    assert (ports.calls["analysis"], ports.calls["graph"]) == (3, 3)
    assert ports.dead_letters == []


@pytest.mark.history("marked-outage")
async def test_a_step_that_fails_locally_is_patient_remotely_and_writes_no_history(
    environment: WorkflowEnvironment, client: EnrichmentClient, ports: Ports
) -> None:
    down = errors.StoreUnavailableError("graph", "down")
    for planned in (ports.claims, ports.vector_writes, ports.graph_writes):
        planned.extend([down] * 2)
    workflow_id = await client.submit(factories.request())
    assert (await result(environment, workflow_id)).outcome is Outcome.SUCCESS
    assert [ports.calls[name] for name in ("claim", "vectors", "graph")] == [3, 3, 3]
    assert list(dict.fromkeys(ports.stages)) == WHOLE
    assert len(ports.stages) == len(WHOLE) + 1  # analysed, by the local and the remote attempt of one write
    description = await environment.client.get_workflow_handle(workflow_id).describe()
    assert description.history_length <= 40


@pytest.mark.parametrize("store", ["vectors", "graph"])
async def test_a_joint_attempt_that_is_given_up_says_nothing_when_its_store_is_back(
    environment: WorkflowEnvironment,
    client: EnrichmentClient,
    ports: Ports,
    monkeypatch: pytest.MonkeyPatch,
    store: str,
) -> None:
    short = policies.LocalActivityOptions(
        **{**policies.JOINT, "start_to_close_timeout": timedelta(seconds=0.3)}
    )
    monkeypatch.setattr(policies, "JOINT", short)
    ports.store_gates[store] = asyncio.Event()
    workflow_id = await client.submit(factories.request())
    await calls_of(ports, store, 2)  # the second call is the patient remote step
    ports.store_gates[store].set()
    assert (await result(environment, workflow_id)).outcome is Outcome.SUCCESS
    assert len(ports.completed_events) == 1


async def test_a_large_analysis_is_written_remotely_at_once(
    environment: WorkflowEnvironment, client: EnrichmentClient, ports: Ports
) -> None:
    large = factories.analysis("f")
    large.entities.extend(large.entities[0].model_copy(update={"ordinal": n}) for n in range(1, 600))
    ports.analyses.append(large)
    workflow_id = await client.submit(factories.request())
    await result(environment, workflow_id)
    history = await environment.client.get_workflow_handle(workflow_id).fetch_history()
    scheduled = [
        event.activity_task_scheduled_event_attributes.activity_type.name
        for event in history.events
        if event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED
    ]
    assert scheduled == ["analyse", "write_vectors", "write_graph"]


@pytest.mark.history("marked-overtaken-while-analysing")
async def test_a_newer_version_ends_an_analysis_that_nobody_needs_any_more(
    environment: WorkflowEnvironment, client: EnrichmentClient, ports: Ports
) -> None:
    ports.gate.clear()
    workflow_id = await client.submit(factories.request(document_version=1))
    await until_requested(ports)
    await environment.client.get_workflow_handle(workflow_id).signal(names.SIGNAL_SUPERSEDE, 2)
    assert (await result(environment, workflow_id)).outcome is Outcome.SUPERSEDED
    assert (ports.calls["vectors"], ports.calls["graph"], ports.calls["analysis"]) == (0, 0, 0)


async def test_results_for_a_document_deleted_meanwhile_are_removed(
    environment: WorkflowEnvironment, client: EnrichmentClient, ports: Ports
) -> None:
    request = factories.request()
    ports.store_gates["vectors"] = asyncio.Event()
    workflow_id = await client.submit(request)
    await calls_of(ports, "vectors")
    ports.estate.tombstones[request.document_id] = 2
    ports.estate.points[request.document_id] = 1
    ports.graph_writes.append(False)
    ports.store_gates["vectors"].set()
    assert (await result(environment, workflow_id)).outcome is Outcome.SUPERSEDED
    assert ports.estate.points == {}
    assert await ports.content.analyses(request.content_hash) == []


async def test_a_run_of_the_release_before_ends_as_it_began(
    environment: WorkflowEnvironment, ports: Ports
) -> None:
    workflow_id = await submit_as_before(environment.client, factories.request())
    assert (await result(environment, workflow_id)).outcome is Outcome.SUCCESS
    assert ports.stages == WHOLE
    history = await environment.client.get_workflow_handle(workflow_id).fetch_history()
    before = histories.read(histories.DIRECTORY / "happy.json")
    assert steps_in(history) == steps_in(before)
    await histories.replay(history)


def steps_in(history: WorkflowHistory) -> list[tuple[str, str]]:
    """The activities of a run in order, remote and local."""
    found = []
    for event in history.events:
        if event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:
            found.append(("remote", event.activity_task_scheduled_event_attributes.activity_type.name))
        if event.event_type == EventType.EVENT_TYPE_MARKER_RECORDED:
            found.append(("local", event.marker_recorded_event_attributes.marker_name))
    return found


@pytest.mark.history("marked-parked-and-retried")
async def test_a_terminal_failure_is_dead_lettered_once_and_retried_by_a_signal(
    environment: WorkflowEnvironment, client: EnrichmentClient, ports: Ports
) -> None:
    request = factories.request()
    workflow_id = await park(client, ports, request)
    (letter,) = ports.dead_letters
    assert (letter.document_id, letter.workflow_id) == (request.document_id, workflow_id)
    assert (letter.failure_type, letter.failure_count) == (FailureType.DATA_QUALITY, 1)
    assert letter.error_details.exception_type == "IntelligenceRejectedError"
    assert letter.error_details.service_health.qdrant == "healthy"
    assert "HTTP 400: no" in letter.failure_reason
    assert ports.statuses[0] is EnrichmentStatus.FAILED
    assert ports.calls["analysis"] == 1
    await client.signal(workflow_id, names.SIGNAL_RETRY)
    assert (await result(environment, workflow_id)).outcome is Outcome.SUCCESS
    assert len(ports.dead_letters) == 1


async def test_an_early_retry_is_not_lost(
    environment: WorkflowEnvironment, client: EnrichmentClient, ports: Ports
) -> None:
    ports.gate.clear()
    ports.analyses.append(errors.IntelligenceRejectedError("no"))
    workflow_id = await client.submit(factories.request())
    await client.signal(workflow_id, names.SIGNAL_RETRY)
    ports.gate.set()
    assert (await result(environment, workflow_id)).outcome is Outcome.SUCCESS


@pytest.mark.history("marked-discarded")
async def test_a_discarded_document_ends_with_its_event(
    environment: WorkflowEnvironment, client: EnrichmentClient, ports: Ports
) -> None:
    workflow_id = await park(client, ports, factories.request())
    await client.signal(workflow_id, names.SIGNAL_DISCARD)
    assert (await result(environment, workflow_id)).outcome is Outcome.DISCARDED
    assert ports.statuses[-1] is EnrichmentStatus.DISCARDED
    assert [event.enrichment_status for event, _ in ports.completed_events] == [Outcome.DISCARDED]


@pytest.mark.history("marked-woken-by-a-submission")
async def test_a_new_submission_wakes_a_parked_run_and_a_redelivery_does_not(
    environment: WorkflowEnvironment, client: EnrichmentClient, ports: Ports
) -> None:
    request = factories.request()
    workflow_id = await park(client, ports, request)
    await client.submit(request)
    assert (await client.status(workflow_id)).parked
    await client.submit(request.model_copy(update={"correlation_id": str(uuid4()).upper()}))
    assert (await result(environment, workflow_id)).outcome is Outcome.SUCCESS


@pytest.mark.history("marked-superseded")
async def test_a_parked_run_that_is_superseded_ends(
    environment: WorkflowEnvironment, client: EnrichmentClient, ports: Ports
) -> None:
    old = factories.request(document_version=1)
    old_id = await park(client, ports, old)
    ports.claims.append(Claim(decision=Decision.PROCEED, version=2, previous_workflow_id=old_id))
    new = old.model_copy(
        update={"content_hash": "f" * 64, "document_version": 2, "correlation_id": str(uuid4()).upper()}
    )
    assert (await result(environment, await client.submit(new))).outcome is Outcome.SUCCESS
    assert (await result(environment, old_id)).outcome is Outcome.SUPERSEDED


@pytest.mark.history("marked-retried-by-itself")
async def test_transient_failures_retry_themselves_after_a_while(
    environment: WorkflowEnvironment, client: EnrichmentClient, ports: Ports
) -> None:
    ports.analyses.extend([errors.IntelligenceUnavailableError("503")] * 3)
    workflow_id = await client.submit(factories.request())
    await environment.sleep(timedelta(minutes=7))
    outcome = await result(environment, workflow_id)
    assert outcome.outcome is Outcome.SUCCESS
    assert [letter.failure_type for letter in ports.dead_letters] == [FailureType.TRANSIENT]
    assert ports.calls["analysis"] == 4


async def test_a_retry_does_not_pay_for_the_analysis_again(
    environment: WorkflowEnvironment, client: EnrichmentClient, ports: Ports
) -> None:
    ports.graph_writes.extend([errors.StoreRejectedError("graph", "no such constraint")] * 2)
    workflow_id = await client.submit(factories.request(force=True))
    await parked(client, workflow_id)
    await client.signal(workflow_id, names.SIGNAL_RETRY)
    assert (await result(environment, workflow_id)).outcome is Outcome.SUCCESS
    assert ports.calls["analysis"] == 1


async def test_a_repair_needs_no_analysis_and_publishes_its_own_event(
    environment: WorkflowEnvironment, client: EnrichmentClient, ports: Ports
) -> None:
    request = factories.request()
    await result(environment, await client.submit(request))
    anew = {"correlation_id": factories.request().correlation_id, "repair": True}
    repair = request.model_copy(update=anew)
    await result(environment, await client.submit(repair))
    assert (ports.calls["analysis"], ports.calls["graph"], ports.calls["vectors"]) == (1, 2, 2)
    assert [what for _, what in ports.completed_events] == ["success", f"success:{repair.correlation_id}"]


async def test_equal_content_of_a_project_is_analysed_once(
    environment: WorkflowEnvironment, client: EnrichmentClient, ports: Ports
) -> None:
    one = factories.request("same")
    other = factories.request("same", file_path="elsewhere/b.py")
    foreign = factories.request("another")
    for request in (one, other, foreign):
        await result(environment, await client.submit(request))
    assert ports.calls["analysis"] == 2


async def test_the_operator_sees_what_failed(
    environment: WorkflowEnvironment, client: EnrichmentClient, ports: Ports
) -> None:
    workflow_id = await park(client, ports, factories.request())
    status = await client.status(workflow_id)
    assert (status.version, status.submissions, status.duplicates) == (1, 1, 0)
    assert status.failure is not None
    assert status.failure.stage == "analysing"
    handle: WorkflowHandle = environment.client.get_workflow_handle(workflow_id)  # type: ignore[type-arg]
    description = await handle.describe()
    attributes = {pair.key.name: pair.value for pair in description.typed_search_attributes}
    assert attributes[names.SEARCH_ENRICHMENT_STATUS] == names.STATUS_PARKED
    assert attributes[names.SEARCH_FAILURE_TYPE] == "data_quality"
    assert attributes[names.SEARCH_PROJECT_NAME] == "p"
    assert attributes[names.SEARCH_FILE_PATH] == factories.request().file_path
    assert attributes[names.SEARCH_DOCUMENT_VERSION] == "1"
    await client.signal(workflow_id, names.SIGNAL_DISCARD)
    await handle.result()
