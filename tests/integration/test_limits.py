"""Both limits on analyses, on a real Temporal server: concurrent ones of a worker, and the rate of all
workers."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import timedelta
from uuid import uuid4

import pytest
from google.protobuf.duration_pb2 import Duration
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest
from temporalio.api.workflowservice.v1 import RegisterNamespaceRequest
from temporalio.client import Client

from archon.contracts import names
from archon.contracts.analysis import AnalysisRequest, AnalysisResult
from archon.contracts.errors import NotFoundError, WorkflowUnavailableError
from archon.contracts.operations.backfill import BackfillInput, Criteria
from archon.runtime.settings import Settings
from archon.runtime.temporal import client as temporal
from archon.runtime.temporal.backfills import Backfill
from archon.runtime.temporal.client import EnrichmentClient
from tests import factories
from tests.eventually import eventually
from tests.stacks import TestServers
from tests.workflows.conftest import Ports, workers_on


class CountingPorts(Ports):
    """Records when each analysis started, and the maximum concurrency."""

    def __init__(self) -> None:
        super().__init__()
        self.began: list[float] = []
        self.running = 0
        self.most = 0

    async def process(self, request: AnalysisRequest) -> AnalysisResult:
        self.began.append(time.monotonic())
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            return await super().process(request)
        finally:
            self.running -= 1


async def register(settings: Settings) -> str:
    """A new namespace."""
    namespace = f"limits-{uuid4().hex[:8]}"
    client = await temporal.connect(settings)
    await client.workflow_service.register_namespace(
        RegisterNamespaceRequest(
            namespace=namespace, workflow_execution_retention_period=Duration(seconds=24 * 3600)
        )
    )
    return namespace


@pytest.fixture
async def client(servers: TestServers, settings: Settings) -> Client:
    """In its own namespace, because task queues have the same names everywhere."""
    await servers.start("temporal")
    namespace = await register(settings)
    own = settings.model_copy(update={"temporal_namespace": namespace})

    async def ready() -> Client | None:
        try:
            found = await temporal.connect(own)
            keyword = IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD
            await found.operator_service.add_search_attributes(
                AddSearchAttributesRequest(
                    namespace=namespace,
                    search_attributes=dict.fromkeys(names.SEARCH_ATTRIBUTES, keyword),
                )
            )
        except Exception:  # noqa: BLE001  a new namespace is known everywhere only after a while
            return None
        return found

    found: Client = await eventually(ready)
    return found


async def test_a_server_that_lacks_the_search_attributes_is_not_the_requests_fault(
    servers: TestServers, settings: Settings
) -> None:
    await servers.start("temporal")
    namespace = await register(settings)
    own = settings.model_copy(update={"temporal_namespace": namespace})

    async def refused() -> str | None:
        try:
            await EnrichmentClient(await temporal.connect(own)).submit(factories.request())
        except WorkflowUnavailableError as error:
            return str(error)
        except NotFoundError:  # not known everywhere yet
            return None
        raise AssertionError("accepted")

    assert "search attribute" in (await eventually(refused)).lower()


async def test_a_project_may_have_the_longest_name_there_is(servers: TestServers, settings: Settings) -> None:
    await servers.start("temporal")
    client = await temporal.connect(settings)
    request = factories.request("\N{GRINNING FACE}" * 255)
    handle = client.get_workflow_handle(await EnrichmentClient(client).submit(request))
    backfill = Backfill(client, names.backfill_workflow_id(request.project_name))
    await backfill.start(
        BackfillInput(backfill_id=str(uuid4()), criteria=Criteria(project_name=request.project_name))
    )
    for run in (handle, client.get_workflow_handle(backfill.workflow_id)):
        await run.terminate()


@pytest.fixture
async def ports() -> AsyncIterator[CountingPorts]:
    ports = CountingPorts()
    yield ports
    ports.gate.set()


async def submit(client: Client, count: int) -> list[str]:
    submitter = EnrichmentClient(client)
    return [await submitter.submit(factories.request(text=str(number))) for number in range(count)]


async def start_worker(running: AsyncExitStack, client: Client, ports: Ports, settings: Settings) -> None:
    # As in a separate process: a connection accepts one worker per queue.
    own = Settings(temporal_address=client.config()["service_client"].config.target_host)
    client = await temporal.connect(own.model_copy(update={"temporal_namespace": client.namespace}))
    for worker in workers_on(client, ports, settings):
        await running.enter_async_context(worker)


async def test_a_worker_runs_no_more_analyses_at_once_than_it_may(
    client: Client, ports: CountingPorts
) -> None:
    ports.gate.clear()
    settings = Settings(max_concurrent_enrichments=3, shutdown_timeout=1)
    async with AsyncExitStack() as running:
        await start_worker(running, client, ports, settings)
        submitted = await submit(client, 9)

        async def full() -> bool:
            return ports.running == 3

        await eventually(full)
        ports.gate.set()
        for workflow_id in submitted:
            await client.get_workflow_handle(workflow_id).result(rpc_timeout=timedelta(seconds=60))
    assert ports.most == 3


async def test_all_workers_together_keep_the_rate(client: Client, ports: CountingPorts) -> None:
    rate, count = 2.0, 10
    settings = Settings(max_processing_rate=rate, shutdown_timeout=1)
    async with AsyncExitStack() as running:
        for _ in range(2):
            await start_worker(running, client, ports, settings)
        submitted = await submit(client, count)
        for workflow_id in submitted:
            await client.get_workflow_handle(workflow_id).result(rpc_timeout=timedelta(seconds=60))
    # Without a limit this is a matter of milliseconds; the server may let a few through at once.
    assert ports.began[-1] - ports.began[0] >= (count - 1) / rate / 2


async def test_none_waits_for_another(client: Client, ports: CountingPorts) -> None:
    """Without a rate, two workers' slots add up."""
    ports.gate.clear()
    settings = Settings(max_concurrent_enrichments=2, shutdown_timeout=1)
    async with AsyncExitStack() as running:
        for _ in range(2):
            await start_worker(running, client, ports, settings)
        submitted = await submit(client, 6)

        async def both_full() -> bool:
            return ports.running == 4

        await eventually(both_full)
        ports.gate.set()
        await asyncio.gather(*(client.get_workflow_handle(each).result() for each in submitted))
    assert ports.most == 4
