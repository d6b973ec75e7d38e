"""Workers with versions, on a real dev server: which worker finishes the runs of an older release."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflow.v1 import VersioningOverride, WorkflowExecutionOptions
from temporalio.api.workflowservice.v1 import (
    SetWorkerDeploymentCurrentVersionRequest,
    UpdateWorkflowExecutionOptionsRequest,
)
from temporalio.client import Client
from temporalio.service import RPCError

from archon.contracts import errors, names
from archon.contracts.types import Outcome
from archon.contracts.workflow import EnrichmentOutcome
from archon.devstack.temporal import NAMESPACE, temporal
from archon.runtime.local_ports import HOST, free_ports
from archon.runtime.settings import Settings
from archon.runtime.temporal import client as clients
from archon.runtime.temporal.client import EnrichmentClient
from tests import factories
from tests.eventually import eventually
from tests.workflows import histories
from tests.workflows.conftest import Ports, running, workers_on
from tests.workflows.runs import park, parked, submit_as_before

DEPLOYMENT = Settings().temporal_deployment_name


@pytest.fixture(scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Client]:
    """One per file: workers of other tests have no versions, and task queues have the same names
    everywhere."""
    port, ui_port = free_ports(2)
    async with temporal(tmp_path_factory.mktemp("versions"), port, ui_port):
        yield await clients.connect(Settings(temporal_address=f"{HOST}:{port}"))


async def make_current(client: Client, build_id: str) -> None:
    async def made() -> bool:
        try:
            await client.workflow_service.set_worker_deployment_current_version(
                SetWorkerDeploymentCurrentVersionRequest(
                    namespace=NAMESPACE, deployment_name=DEPLOYMENT, build_id=build_id, identity="test"
                ),
                timeout=timedelta(seconds=20),
            )
        except RPCError:  # until its workers have polled
            return False
        return True

    await eventually(made)


async def outcome_of(client: Client, workflow_id: str) -> EnrichmentOutcome:
    handle = client.get_workflow_handle(workflow_id, result_type=EnrichmentOutcome)
    outcome: EnrichmentOutcome = await handle.result()
    return outcome


async def test_a_run_of_the_release_before_that_is_parked_ends_under_another_worker(server: Client) -> None:
    """Its input and history are those of that release, and the worker has not seen it before."""
    client, before, after = EnrichmentClient(server), Ports(), Ports()
    async with running(workers_on(server, before)):
        before.analyses.append(errors.IntelligenceRejectedError("HTTP 400"))
        workflow_id = await submit_as_before(server, factories.request())
        await parked(client, workflow_id)
    async with running(workers_on(server, after)):
        await client.signal(workflow_id, names.SIGNAL_RETRY)
        assert (await outcome_of(server, workflow_id)).outcome is Outcome.SUCCESS
    assert (before.calls["graph"], after.calls["graph"]) == (0, 1)
    await histories.replay(await server.get_workflow_handle(workflow_id).fetch_history())


async def test_a_run_is_pinned_to_the_version_that_it_began_on(server: Client) -> None:
    """A run from before versions continues on the first one; an operator moves a parked one, and its history
    replays there."""
    client, bare, old, new = EnrichmentClient(server), Ports(), Ports(), Ports()
    async with running(workers_on(server, bare)):
        without = await park(client, bare, factories.request("before versions"))
    async with running(workers_on(server, old, temporal_worker_build_id="1")):
        await make_current(server, "1")
        await client.signal(without, names.SIGNAL_RETRY)
        assert (await outcome_of(server, without)).outcome is Outcome.SUCCESS
        stays = await park(client, old, factories.request("stays"))
        moved = await park(client, old, factories.request("is moved"))
        async with running(workers_on(server, new, temporal_worker_build_id="2")):
            await make_current(server, "2")
            later = await client.submit(factories.request("another"))
            assert (await outcome_of(server, later)).outcome is Outcome.SUCCESS
            assert (old.calls["graph"], new.calls["graph"]) == (1, 1)
            await client.signal(stays, names.SIGNAL_RETRY)
            assert (await outcome_of(server, stays)).outcome is Outcome.SUCCESS
            assert (old.calls["graph"], new.calls["graph"]) == (2, 1)
            await auto_upgrade(server, moved)
            await client.signal(moved, names.SIGNAL_RETRY)
            assert (await outcome_of(server, moved)).outcome is Outcome.SUCCESS
            assert (old.calls["graph"], new.calls["graph"]) == (2, 2)


async def auto_upgrade(client: Client, workflow_id: str) -> None:
    """The effect of `temporal workflow update-options --versioning-override-behavior auto_upgrade`."""
    override = VersioningOverride(auto_upgrade=True)
    await client.workflow_service.update_workflow_execution_options(
        UpdateWorkflowExecutionOptionsRequest(
            namespace=NAMESPACE,
            workflow_execution=WorkflowExecution(workflow_id=workflow_id),
            workflow_execution_options=WorkflowExecutionOptions(versioning_override=override),
            update_mask=FieldMask(paths=["versioning_override"]),
        )
    )
