"""In: a run on the time-skipping server. Out: its outcome, or its status after parking."""

from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from archon.contracts import errors, names
from archon.contracts.events import EnrichmentRequest
from archon.contracts.types import EnrichmentStatus
from archon.contracts.workflow import EnrichDocumentInput, EnrichmentOutcome, WorkflowStatus
from archon.runtime.temporal.client import EnrichmentClient
from tests.eventually import eventually
from tests.workflows.conftest import Ports


async def result(environment: WorkflowEnvironment, workflow_id: str) -> EnrichmentOutcome:
    handle = environment.client.get_workflow_handle(workflow_id, result_type=EnrichmentOutcome)
    outcome: EnrichmentOutcome = await handle.result()
    return outcome


async def parked(client: EnrichmentClient, workflow_id: str) -> WorkflowStatus:
    async def is_parked() -> WorkflowStatus | None:
        status = await client.status(workflow_id)
        return status if status.parked and status.status is EnrichmentStatus.FAILED else None

    found: WorkflowStatus = await eventually(is_parked)
    return found


async def park(client: EnrichmentClient, ports: Ports, request: EnrichmentRequest) -> str:
    """A run whose document the intelligence service has refused."""
    ports.analyses.append(errors.IntelligenceRejectedError("HTTP 400: no"))
    workflow_id = await client.submit(request)
    await parked(client, workflow_id)
    return workflow_id


async def until_requested(ports: Ports) -> None:
    """Waits until the intelligence service receives a request for an analysis."""

    async def is_requested() -> bool:
        return ports.requests > 0

    await eventually(is_requested)


async def calls_of(ports: Ports, name: str, count: int = 1) -> None:
    async def called() -> bool:
        return ports.calls[name] >= count

    await eventually(called)


async def submit_as_before(client: Client, request: EnrichmentRequest) -> str:
    """Submits like the release before local steps; such runs are still open somewhere."""
    workflow_id = names.enrichment_workflow_id(request.document_id, request.content_hash)
    await client.start_workflow(
        names.WORKFLOW_ENRICH_DOCUMENT,
        EnrichDocumentInput(document_id=request.document_id, content_hash=request.content_hash),
        id=workflow_id,
        task_queue=names.QUEUE_ENRICHMENT,
        start_signal=names.SIGNAL_SUBMIT,
        start_signal_args=[request],
    )
    return workflow_id
