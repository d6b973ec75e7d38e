"""In: a Temporal server. Out: the number of bare workflows per second that it completes, with a separate
worker.

Rates use the server's own times, so polling does not slow what it measures.
"""

import asyncio
import contextlib
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from uuid import uuid4

from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.common import WorkflowIDReusePolicy
from temporalio.service import RPCError

from archon.cli.bench.bare import workflow as bare
from archon.cli.bench.load.documents import Generated
from archon.cli.bench.load.sending import drive
from archon.cli.bench.measured.history import describe, history_of, seconds_of
from archon.cli.bench.measured.report import Baseline
from archon.contracts import identity, names
from archon.contracts.errors import WorkflowUnavailableError
from archon.contracts.events import EnrichmentRequest, RequestMetadata
from archon.contracts.workflow import EnrichDocumentInput
from archon.devstack.process import BACKGROUND, ChildProcess

WARM_UP: Final = 10
"""Workflows before the measured ones: a cold worker would make the baseline too slow."""
_POLL: Final = 0.5
_TERMINATED_AT_ONCE: Final = 8
_PATIENCE: Final = 60.0
"""Seconds without a completed workflow after which the baseline is given up."""


async def baseline(
    client: Client,
    environment: Mapping[str, str],
    directory: Path,
    documents: Sequence[Generated],
    *,
    concurrency: int,
    progress: Callable[[int], None],
) -> Baseline:
    """Runs `count` bare workflows. `environment` points the worker to the server of `client`.

    Raises WorkflowUnavailableError, TimeoutError, ServerFailedError; leaves no workflow open.
    """
    queue = f"bench-{uuid4().hex[:8]}"
    warm_up = documents[:WARM_UP]
    started: list[str] = []
    async with _worker(client, environment, directory, queue):
        try:
            await _start(client, queue, warm_up, concurrency, started)
            await _closed(client, queue, len(warm_up), lambda _: None)
            await _start(client, queue, documents, concurrency, started)
            await _closed(client, queue, len(started), lambda count: progress(count - len(warm_up)))
        except BaseException:
            await asyncio.shield(_terminate(client, started))
            raise
    ids = started[len(warm_up) :]
    found = await describe(client, ids)
    if any(each.status is not WorkflowExecutionStatus.COMPLETED for each in found):
        raise WorkflowUnavailableError(f"bare workflows on {queue} have failed; the Web UI shows why")
    seconds = seconds_of(found)
    return Baseline(
        workflows=len(ids),
        seconds=round(seconds, 3),
        per_second=round(len(ids) / seconds, 2),
        history=history_of(found),
    )


def _worker(client: Client, environment: Mapping[str, str], directory: Path, queue: str) -> ChildProcess:
    """In a separate process, with the priority of the product's worker in a stack of bench's own."""

    async def ready() -> None:
        polled = [
            (queue, TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW),
            (queue, TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY),
            (bare.analysis_queue(queue), TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY),
        ]
        for name, kind in polled:
            request = DescribeTaskQueueRequest(
                namespace=client.namespace, task_queue=TaskQueue(name=name), task_queue_type=kind
            )
            if not (await client.workflow_service.describe_task_queue(request)).pollers:
                raise WorkflowUnavailableError(f"nobody polls {name} yet")

    return ChildProcess(
        name="the baseline's worker",
        version="",
        url="",
        log=directory / "logs" / "baseline.log",
        ready=ready,
        environment={**environment, "OTEL_EXPORTER_OTLP_ENDPOINT": ""},
        niceness=BACKGROUND,
        command=[sys.executable, "-m", "archon.cli.bench.bare.worker", queue],
    )


async def _start(
    client: Client, queue: str, documents: Sequence[Generated], concurrency: int, started: list[str]
) -> None:
    """Signal-with-start for one workflow per document, as the ingress does. An id enters `started` before its
    workflow starts."""
    requests = [_request(document) for document in documents]

    async def send(number: int, _due: float, _begun: float) -> None:
        request = requests[number]
        started.append(f"{queue}-{len(started)}")
        await client.start_workflow(
            bare.WORKFLOW,
            EnrichDocumentInput.of(request),
            id=started[-1],
            task_queue=queue,
            id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
            start_signal=names.SIGNAL_SUBMIT,
            start_signal_args=[request],
        )

    try:
        await drive(len(documents), concurrency, 0, send)
    except* RPCError as failed:
        raise WorkflowUnavailableError(f"Temporal: {failed.exceptions[0]}") from failed


def _request(document: Generated) -> EnrichmentRequest:
    """The same request that the bridge would publish."""
    document_id, _ = identity.document_id("bench", None, document.path)
    return EnrichmentRequest(
        document_id=document_id,
        project_name="bench",
        content_hash=identity.content_hash(document.text),
        file_path=document.path,
        indexed_at=datetime.now(UTC),
        correlation_id=str(uuid4()),
        document_type=identity.document_type_of(document.path, document.language),
        language=document.language,
        metadata=RequestMetadata(file_size_bytes=len(document.text), line_count=document.text.count("\n")),
        document_version=1,
    )


async def _closed(client: Client, queue: str, count: int, progress: Callable[[int], None]) -> None:
    """Waits until `count` workflows of the queue have ended. Raises TimeoutError if they make no progress."""
    ended, since = 0, time.monotonic()
    while ended < count:
        await asyncio.sleep(_POLL)
        found = (await client.count_workflows(f"TaskQueue='{queue}' AND ExecutionStatus!='Running'")).count
        if found > ended:
            ended, since = found, time.monotonic()
            progress(ended)
        elif time.monotonic() - since > _PATIENCE:
            raise TimeoutError(
                f"{ended} of {count} bare workflows have ended, and no more for {_PATIENCE:g} s"
            )


async def _terminate(client: Client, started: Sequence[str]) -> None:
    """Ends open workflows, which no worker would process. Uses ids: a listing may lag behind."""

    async def send(number: int, _due: float, _begun: float) -> None:
        with contextlib.suppress(RPCError):  # it has ended, or was never started
            await client.get_workflow_handle(started[number]).terminate("the load test was interrupted")

    await drive(len(started), _TERMINATED_AT_ONCE, 0, send)
