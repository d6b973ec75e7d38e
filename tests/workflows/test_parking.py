"""A run that cannot continue by itself: its dead letter, wake-ups, cancellations, outages."""

import asyncio
from datetime import timedelta
from uuid import uuid4

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.testing import WorkflowEnvironment

from activities import events
from archon.contracts import errors, names
from archon.contracts.types import EnrichmentStatus, EnrichmentType, FailureType, Outcome
from archon.contracts.workflow import Carried, Claim, Decision, EnrichDocumentInput, EnrichmentOutcome
from archon.runtime.flow.breaker import BreakerState
from archon.runtime.temporal.client import EnrichmentClient
from tests import factories
from tests.eventually import eventually
from tests.workflows.conftest import Ports
from tests.workflows.runs import calls_of, park, parked, result, submit_as_before, until_requested

pytestmark = pytest.mark.usefixtures("working")
DOWN = errors.IntelligenceUnavailableError("HTTP 503")
AWAY = errors.StoreUnavailableError("graph", "no space left on device")


async def cancelled(environment: WorkflowEnvironment, workflow_id: str) -> EnrichmentOutcome:
    handle = environment.client.get_workflow_handle(workflow_id, result_type=EnrichmentOutcome)
    await handle.cancel()
    outcome: EnrichmentOutcome = await handle.result()
    return outcome


async def cancel_during(
    environment: WorkflowEnvironment, ports: Ports, workflow_id: str, step: str
) -> EnrichmentOutcome:
    """Cancels while the step's local activity runs, then lets it end. The run sees the cancellation when its
    workflow task has ended, or is not accepted."""
    await calls_of(ports, step)
    handle = environment.client.get_workflow_handle(workflow_id, result_type=EnrichmentOutcome)
    await handle.cancel()
    ports.store_gates[step].set()
    outcome: EnrichmentOutcome = await handle.result()
    return outcome


async def cancel_during_remote(
    environment: WorkflowEnvironment, ports: Ports, workflow_id: str, step: str
) -> EnrichmentOutcome:
    """Cancels while the step's activity runs, then lets it end."""
    await calls_of(ports, step)
    handle = environment.client.get_workflow_handle(workflow_id, result_type=EnrichmentOutcome)
    await handle.cancel()

    async def asked_to_end() -> bool:
        events = (await handle.fetch_history()).events
        return events[-1].event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_CANCEL_REQUESTED

    await eventually(asked_to_end)
    ports.store_gates[step].set()
    outcome: EnrichmentOutcome = await handle.result()
    return outcome


async def test_a_recovery_clears_the_dead_letter(
    environment: WorkflowEnvironment, client: EnrichmentClient, ports: Ports
) -> None:
    request = factories.request()
    workflow_id = await park(client, ports, request)
    assert ports.tombstones == []
    await client.signal(workflow_id, names.SIGNAL_RETRY)
    await result(environment, workflow_id)
    assert ports.tombstones == [request.document_id]


async def test_a_discard_clears_the_dead_letter(
    environment: WorkflowEnvironment, client: EnrichmentClient, ports: Ports
) -> None:
    request = factories.request()
    workflow_id = await park(client, ports, request)
    await client.signal(workflow_id, names.SIGNAL_DISCARD)
    await result(environment, workflow_id)
    assert ports.tombstones == [request.document_id]


async def test_a_newer_version_clears_the_dead_letter_of_the_older(
    environment: WorkflowEnvironment, client: EnrichmentClient, ports: Ports
) -> None:
    ports.claims.append(Claim(decision=Decision.PROCEED, version=2, dead_lettered=True))
    request = factories.request()
    await result(environment, await client.submit(request))
    assert ports.tombstones == [request.document_id]
    assert ports.dead_letters == []


async def test_only_the_current_version_writes_a_dead_letter(
    environment: WorkflowEnvironment, client: EnrichmentClient, ports: Ports
) -> None:
    ports.current = False
    ports.analyses.append(errors.IntelligenceRejectedError("HTTP 400"))
    outcome = await result(environment, await client.submit(factories.request()))
    assert outcome.outcome is Outcome.SUPERSEDED
    assert (ports.dead_letters, ports.tombstones, ports.statuses) == ([], [], [])


async def test_each_failure_has_one_dead_letter_and_one_alert(
    environment: WorkflowEnvironment, client: EnrichmentClient, ports: Ports
) -> None:
    workflow_id = await park(client, ports, factories.request())
    ports.analyses.append(errors.IntelligenceResponseError("rubbish"))
    await client.signal(workflow_id, names.SIGNAL_RETRY)

    async def parked_again() -> bool:
        status = await client.status(workflow_id)
        return status.failure is not None and status.failure.error_type == "IntelligenceResponseError"

    await eventually(parked_again)
    await parked(client, workflow_id)
    await client.signal(workflow_id, names.SIGNAL_RETRY)
    await result(environment, workflow_id)
    assert [(letter.failure_count, letter.failure_type) for letter in ports.dead_letters] == [
        (1, FailureType.DATA_QUALITY),
        (2, FailureType.PERMANENT),
    ]
    assert ports.alerts == ports.dead_letters


async def test_a_dead_letter_is_published_again_before_it_expires(
    environment: WorkflowEnvironment, client: EnrichmentClient, ports: Ports
) -> None:
    workflow_id = await park(client, ports, factories.request())
    await environment.sleep(timedelta(days=41))

    async def again() -> bool:
        return len(ports.dead_letters) == 3

    await eventually(again)
    assert ports.dead_letters[0] == ports.dead_letters[1] == ports.dead_letters[2]
    await client.signal(workflow_id, names.SIGNAL_DISCARD)
    await result(environment, workflow_id)


async def test_a_letter_that_is_no_longer_its_own_ends_the_wait(
    environment: WorkflowEnvironment, client: EnrichmentClient, ports: Ports
) -> None:
    workflow_id = await park(client, ports, factories.request())
    ports.current = False
    await environment.sleep(timedelta(days=21))
    assert (await result(environment, workflow_id)).outcome is Outcome.SUPERSEDED
    assert len(ports.dead_letters) == 1


@pytest.mark.history("marked-while-parked")
async def test_a_run_is_parked_without_the_graph_and_marks_its_document_when_that_is_back(
    environment: WorkflowEnvironment, client: EnrichmentClient, ports: Ports
) -> None:
    ports.marks.extend([AWAY] * 4)
    workflow_id = await park(client, ports, factories.request())
    assert (len(ports.dead_letters), ports.statuses) == (1, [])
    await environment.sleep(timedelta(minutes=2))

    async def marked() -> bool:
        return set(ports.statuses) == {EnrichmentStatus.FAILED}

    await eventually(marked)
    await client.signal(workflow_id, names.SIGNAL_DISCARD)
    assert (await result(environment, workflow_id)).outcome is Outcome.DISCARDED
    assert ports.statuses[-1] is EnrichmentStatus.DISCARDED


@pytest.mark.history("marked-while-parked-and-retried")
async def test_a_retry_continues_while_the_graph_still_lacks_the_mark(
    environment: WorkflowEnvironment, client: EnrichmentClient, ports: Ports
) -> None:
    ports.marks.extend([AWAY] * 1000)
    workflow_id = await park(client, ports, factories.request())
    await calls_of(ports, "mark", 2)
    await client.signal(workflow_id, names.SIGNAL_RETRY)
    assert (await result(environment, workflow_id)).outcome is Outcome.SUCCESS
    assert ports.statuses == []


async def test_a_mark_that_is_under_way_has_ended_before_the_run_goes_on(
    environment: WorkflowEnvironment, client: EnrichmentClient, ports: Ports
) -> None:
    ports.marks.extend([AWAY])
    ports.store_gates["mark"] = asyncio.Event()
    workflow_id = await park(client, ports, factories.request())
    await calls_of(ports, "mark", 2)
    claims = ports.calls["claim"]
    await client.signal(workflow_id, names.SIGNAL_RETRY)
    handle = environment.client.get_workflow_handle(workflow_id)

    async def cancelling() -> bool:
        events = (await handle.fetch_history()).events
        return events[-1].event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_CANCEL_REQUESTED

    await eventually(cancelling)
    assert ports.calls["claim"] == claims
    ports.store_gates["mark"].set()
    assert (await result(environment, workflow_id)).outcome is Outcome.SUCCESS


async def test_a_graph_that_knows_a_newer_version_when_it_is_back_ends_the_wait(
    environment: WorkflowEnvironment, client: EnrichmentClient, ports: Ports
) -> None:
    ports.marks.extend([AWAY, AWAY, False])
    workflow_id = await park(client, ports, factories.request())
    ports.current = False
    assert (await result(environment, workflow_id)).outcome is Outcome.SUPERSEDED
    assert (len(ports.dead_letters), ports.tombstones) == (1, [])


@pytest.mark.parametrize("trouble", [AWAY, errors.StoreRejectedError("graph", "spoilt"), None])
async def test_a_dead_letter_waits_for_no_graph(
    environment: WorkflowEnvironment,
    client: EnrichmentClient,
    ports: Ports,
    monkeypatch: pytest.MonkeyPatch,
    trouble: errors.StoreError | None,
) -> None:
    """The graph is unavailable, refuses, or does not answer."""
    monkeypatch.setattr(events, "GRAPH_SECONDS", 0.1)
    if trouble is None:
        ports.store_gates["announce"] = asyncio.Event()
    else:
        ports.announcements.append(trouble)
    workflow_id = await park(client, ports, factories.request())
    assert len(ports.dead_letters) == 1
    await client.signal(workflow_id, names.SIGNAL_DISCARD)
    for gate in ports.store_gates.values():
        gate.set()
    await result(environment, workflow_id)


@pytest.mark.history("marked-letter-lost")
async def test_a_letter_that_is_lost_is_published_again_and_only_while_the_run_waits(
    environment: WorkflowEnvironment, client: EnrichmentClient, ports: Ports
) -> None:
    ports.gate.clear()
    workflow_id = await client.submit(factories.request())
    await until_requested(ports)
    ports.analyses.append(errors.IntelligenceRejectedError("HTTP 400: no"))
    await client.signal(workflow_id, names.SIGNAL_LETTER)  # too early: there is none
    ports.gate.set()
    await parked(client, workflow_id)
    assert len(ports.dead_letters) == 1
    await client.signal(workflow_id, names.SIGNAL_LETTER)

    async def again() -> bool:
        return len(ports.dead_letters) == 2

    await eventually(again)
    assert ports.dead_letters[0] == ports.dead_letters[1]
    await client.signal(workflow_id, names.SIGNAL_RETRY)
    await result(environment, workflow_id)


async def test_a_part_that_wakes_a_parked_whole_does_not_replace_it(
    environment: WorkflowEnvironment, client: EnrichmentClient, ports: Ports
) -> None:
    request = factories.request()
    workflow_id = await park(client, ports, request)
    part = {"enrichment_type": EnrichmentType.QUALITY_ONLY, "correlation_id": str(uuid4()).upper()}
    await client.submit(request.model_copy(update=part))
    assert (await result(environment, workflow_id)).outcome is Outcome.SUCCESS
    assert [what for _, what in ports.completed_events] == ["success:quality_only", "success"]


async def test_a_dead_letter_that_was_sent_as_a_request_has_a_letter_of_its_own(
    environment: WorkflowEnvironment, client: EnrichmentClient, ports: Ports
) -> None:
    old = {"failure_reason": "old", "failure_count": 9, "error_details": {}, "source": "a:0:1", "mine": 1}
    workflow_id = await park(client, ports, factories.request(**old))
    (letter,) = ports.dead_letters
    assert (letter.failure_count, letter.source) == (1, None)
    assert letter.failure_reason.startswith("analysing: HTTP 400")
    assert letter.model_dump()["mine"] == 1
    await client.signal(workflow_id, names.SIGNAL_DISCARD)
    await result(environment, workflow_id)


async def test_a_claim_that_fails_is_dead_lettered_too(
    environment: WorkflowEnvironment, client: EnrichmentClient, ports: Ports
) -> None:
    ports.claims.append(errors.ProjectConflictError("d"))
    ports.current = False  # the graph has another project's document, and nothing of this run
    workflow_id = await client.submit(factories.request())
    await parked(client, workflow_id)
    assert [letter.error_details.exception_type for letter in ports.dead_letters] == ["ProjectConflictError"]
    await client.signal(workflow_id, names.SIGNAL_DISCARD)
    assert (await result(environment, workflow_id)).outcome is Outcome.DISCARDED


@pytest.mark.history("marked-cancelled")
async def test_cancelling_a_parked_run_discards(
    environment: WorkflowEnvironment, client: EnrichmentClient, ports: Ports
) -> None:
    request = factories.request()
    workflow_id = await park(client, ports, request)
    assert (await cancelled(environment, workflow_id)).outcome is Outcome.DISCARDED
    assert ports.statuses[-1] is EnrichmentStatus.DISCARDED
    assert ports.tombstones == [request.document_id]
    assert [event.enrichment_status for event, _ in ports.completed_events] == [Outcome.DISCARDED]


@pytest.mark.history("marked-cancelled-while-analysing")
async def test_cancelling_during_the_analysis_discards_and_frees_the_slot(
    environment: WorkflowEnvironment, client: EnrichmentClient, ports: Ports
) -> None:
    ports.gate.clear()
    workflow_id = await client.submit(factories.request())
    await until_requested(ports)
    assert (await cancelled(environment, workflow_id)).outcome is Outcome.DISCARDED
    assert ports.calls["graph"] == 0


async def test_a_run_that_a_deletion_cancels_ends_as_past_and_not_as_discarded(
    environment: WorkflowEnvironment, client: EnrichmentClient, ports: Ports
) -> None:
    ports.gate.clear()
    workflow_id = await client.submit(factories.request())
    await until_requested(ports)
    await environment.client.get_workflow_handle(workflow_id).signal(names.SIGNAL_SUPERSEDE, 2)
    assert (await cancelled(environment, workflow_id)).outcome is Outcome.SUPERSEDED
    assert ports.statuses == []


@pytest.mark.parametrize("step", ["claim", "vectors"])
async def test_cancelling_during_a_remote_step_waits_for_it_and_discards(
    environment: WorkflowEnvironment, ports: Ports, step: str
) -> None:
    ports.store_gates[step] = asyncio.Event()
    workflow_id = await submit_as_before(environment.client, factories.request())
    outcome = await cancel_during_remote(environment, ports, workflow_id, step)
    assert outcome.outcome is Outcome.DISCARDED
    assert ports.calls["graph"] == 0
    assert set(ports.statuses) == {EnrichmentStatus.DISCARDED}


async def test_a_cancellation_during_the_remote_write_comes_too_late_for_a_completed_document(
    environment: WorkflowEnvironment, ports: Ports
) -> None:
    ports.store_gates["graph"] = asyncio.Event()
    workflow_id = await submit_as_before(environment.client, factories.request())
    outcome = await cancel_during_remote(environment, ports, workflow_id, "graph")
    assert outcome.outcome is Outcome.SUCCESS
    assert ports.statuses == []
    assert len(ports.completed_events) == 1


@pytest.mark.history("marked-cancelled-while-claiming")
async def test_cancelling_during_the_claim_discards(
    environment: WorkflowEnvironment, client: EnrichmentClient, ports: Ports
) -> None:
    ports.gate.clear()
    ports.store_gates["claim"] = asyncio.Event()
    outcome = await cancel_during(environment, ports, await client.submit(factories.request()), "claim")
    assert outcome.outcome is Outcome.DISCARDED
    assert ports.calls["graph"] == 0
    assert set(ports.statuses) == {EnrichmentStatus.DISCARDED}


@pytest.mark.parametrize(
    "step",
    [
        pytest.param("vectors", marks=pytest.mark.history("marked-cancelled-while-writing-vectors")),
        pytest.param("graph", marks=pytest.mark.history("marked-cancelled-while-writing-the-graph")),
        pytest.param("completed", marks=pytest.mark.history("marked-cancelled-while-publishing")),
    ],
)
async def test_a_cancellation_comes_too_late_for_a_document_that_is_completed_in_the_same_task(
    environment: WorkflowEnvironment, client: EnrichmentClient, ports: Ports, step: str
) -> None:
    """Its events all have this outcome, however often they are published."""
    ports.store_gates[step] = asyncio.Event()
    outcome = await cancel_during(environment, ports, await client.submit(factories.request()), step)
    assert outcome.outcome is Outcome.SUCCESS
    assert ports.statuses == []
    assert {(event.enrichment_status, what) for event, what in ports.completed_events} == {
        (Outcome.SUCCESS, "success")
    }


async def test_during_an_outage_no_attempt_is_spent(
    environment: WorkflowEnvironment, client: EnrichmentClient, ports: Ports
) -> None:
    ports.analyses.extend([DOWN] * 12)
    ports.down = DOWN
    workflow_ids = [await client.submit(factories.request()) for _ in range(3)]

    async def is_open() -> bool:
        return ports.breaker.status.state is not BreakerState.CLOSED

    await eventually(is_open)
    for workflow_id in workflow_ids:
        assert (await result(environment, workflow_id)).outcome is Outcome.SUCCESS
    assert ports.dead_letters == []
    assert not ports.analyses


async def test_the_last_attempt_of_a_single_document_is_not_spent_on_an_outage(
    environment: WorkflowEnvironment, client: EnrichmentClient, ports: Ports
) -> None:
    ports.analyses.extend([DOWN] * 4)  # fewer than the threshold, more than the attempts
    ports.down = DOWN
    assert (await result(environment, await client.submit(factories.request()))).outcome is Outcome.SUCCESS
    assert ports.dead_letters == []


async def test_an_outage_past_the_budget_is_a_dead_letter(
    environment: WorkflowEnvironment, client: EnrichmentClient, ports: Ports
) -> None:
    ports.breaker._budget = 0.5
    ports.analyses.append(errors.IntelligenceAuthError("HTTP 401"))
    ports.analyses.extend([errors.IntelligenceAuthError("HTTP 401")] * 20)
    workflow_id = await client.submit(factories.request())
    status = await parked(client, workflow_id)
    assert status.failure is not None
    assert status.failure.failure_type is FailureType.SERVICE_DOWN
    assert [letter.error_details.exception_type for letter in ports.dead_letters] == [
        "IntelligenceOutageError"
    ]
    ports.analyses.clear()
    await client.signal(workflow_id, names.SIGNAL_RETRY)
    assert (await result(environment, workflow_id)).outcome is Outcome.SUCCESS


@pytest.mark.history("marked-continued")
async def test_a_chain_goes_on_with_what_it_was_handed(
    environment: WorkflowEnvironment, client: EnrichmentClient, ports: Ports
) -> None:
    request = factories.request()
    carried = Carried(submissions=[request], seen=[request.correlation_id], failures=4, dead_lettered=True)
    workflow_id = names.enrichment_workflow_id(request.document_id, request.content_hash)
    ports.analyses.append(errors.IntelligenceRejectedError("HTTP 400"))
    await environment.client.start_workflow(
        names.WORKFLOW_ENRICH_DOCUMENT,
        EnrichDocumentInput.of(request).model_copy(update={"carried": carried}),
        id=workflow_id,
        task_queue=names.QUEUE_ENRICHMENT,
    )
    await parked(client, workflow_id)
    assert [letter.failure_count for letter in ports.dead_letters] == [5]
    await client.submit(request)
    assert (await client.status(workflow_id)).duplicates == 1
    await client.signal(workflow_id, names.SIGNAL_RETRY)
    await result(environment, workflow_id)
    assert ports.tombstones == [request.document_id]
