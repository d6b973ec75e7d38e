"""The `settled` update on a real Temporal server: a waiting client learns how its submission ended."""

import asyncio
from uuid import uuid4

import pytest
from temporalio.testing import WorkflowEnvironment

from archon.contracts import errors, names
from archon.contracts.types import FailureType
from archon.contracts.workflow import Claim, Decision
from archon.runtime.temporal.client import EnrichmentClient
from tests import factories
from tests.eventually import eventually
from tests.workflows.conftest import Ports
from tests.workflows.runs import park, result

pytestmark = pytest.mark.usefixtures("working")
SECONDS = 60.0


async def working_on_it(ports: Ports) -> None:
    async def is_requested() -> bool:
        return ports.requests > 0

    await eventually(is_requested)


async def test_an_answer_waits_until_the_document_is_enriched(client: EnrichmentClient, ports: Ports) -> None:
    ports.gate.clear()
    request = factories.request()
    workflow_id = await client.submit(request)
    waiting = asyncio.create_task(client.answer(workflow_id, request.correlation_id, SECONDS))
    await working_on_it(ports)
    assert not waiting.done()
    ports.gate.set()
    found = await waiting
    assert found is not None
    assert found.state == "completed"


async def test_a_closed_run_answers_with_its_result(
    environment: WorkflowEnvironment, client: EnrichmentClient, ports: Ports
) -> None:
    ports.claims.append(Claim(decision=Decision.SUPERSEDED, version=9))
    request = factories.request(document_version=3)
    workflow_id = await client.submit(request)
    await result(environment, workflow_id)
    found = await client.answer(workflow_id, request.correlation_id, SECONDS)
    assert found is not None
    assert found.state == "superseded"


async def test_a_parked_document_is_answered_with_its_reason(client: EnrichmentClient, ports: Ports) -> None:
    request = factories.request()
    workflow_id = await park(client, ports, request)
    found = await client.answer(workflow_id, request.correlation_id, SECONDS)
    assert found is not None
    assert (found.state, found.failure_type) == ("parked", FailureType.DATA_QUALITY)
    assert found.reason is not None
    assert "HTTP 400: no" in found.reason
    await client.signal(workflow_id, names.SIGNAL_DISCARD)


async def test_a_submission_that_wakes_a_parked_run_waits_for_its_own_end(
    client: EnrichmentClient, ports: Ports
) -> None:
    request = factories.request()
    workflow_id = await park(client, ports, request)
    again = request.model_copy(update={"correlation_id": str(uuid4()).upper()})
    await client.submit(again)
    found = await client.answer(workflow_id, again.correlation_id, SECONDS)
    assert found is not None
    assert found.state == "completed"


async def test_no_client_waits_longer_than_it_requests(client: EnrichmentClient, ports: Ports) -> None:
    ports.gate.clear()
    request = factories.request()
    workflow_id = await client.submit(request)
    assert await client.answer(workflow_id, request.correlation_id, 0.2) is None
    ports.gate.set()
    found = await client.answer(workflow_id, request.correlation_id, SECONDS)
    assert found is not None
    assert found.state == "completed"


async def test_a_wait_for_an_unknown_submission_learns_its_end(
    environment: WorkflowEnvironment, client: EnrichmentClient, ports: Ports
) -> None:
    ports.gate.clear()
    workflow_id = await client.submit(factories.request())
    waiting = asyncio.create_task(client.answer(workflow_id, str(uuid4()).upper(), SECONDS))
    await working_on_it(ports)
    ports.gate.set()
    await result(environment, workflow_id)
    found = await waiting
    assert found is not None
    assert found.state == "completed"


async def test_a_discarded_document_ends_the_stream(client: EnrichmentClient, ports: Ports) -> None:
    ports.analyses.append(errors.IntelligenceRejectedError("HTTP 400: no"))
    request = factories.request()
    workflow_id = await park(client, ports, request)
    await client.signal(workflow_id, names.SIGNAL_DISCARD)

    async def discarded() -> bool:
        found = await client.answer(workflow_id, request.correlation_id, SECONDS)
        return found is not None and found.state == "discarded"

    await eventually(discarded)
