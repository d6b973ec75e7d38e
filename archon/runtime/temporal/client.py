"""In: enrichment requests and commands of operators. Out: submissions and signals that Temporal has accepted.

The only client class of bridge and ingress; they know workflows by name only.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Final

from opentelemetry.trace import SpanKind
from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.client import Client, Interceptor, WorkflowExecutionStatus
from temporalio.common import WorkflowIDReusePolicy
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.runtime import Runtime
from temporalio.service import RPCError, RPCStatusCode, TLSConfig

from archon.contracts import names
from archon.contracts.errors import (
    ConfigurationError,
    InvalidInputError,
    NotFoundError,
    WorkflowUnavailableError,
)
from archon.contracts.events import EnrichmentRequest
from archon.contracts.text.markdown import plain
from archon.contracts.types import EnrichmentStatus
from archon.contracts.workflow import EnrichDocumentInput, SubmissionAnswer, WorkflowStatus
from archon.runtime.reasons import in_words, place
from archon.runtime.settings import Settings
from archon.runtime.telemetry import tracing
from archon.runtime.temporal.attributes import ENRICHMENT_STATUS, open_query_of, priority, search_attributes
from archon.runtime.temporal.sdk_telemetry import log_as_we_do
from archon.runtime.temporal.submission import answer

_KEY_REFUSED: Final = frozenset({RPCStatusCode.UNAUTHENTICATED, RPCStatusCode.PERMISSION_DENIED})
_NO_ANSWER: Final = frozenset({RPCStatusCode.UNAVAILABLE, RPCStatusCode.DEADLINE_EXCEEDED})
_SERVER: Final = {"name": "Temporal"}
"""The server that this process uses, for error messages."""
_UNDER_WAY: Final = open_query_of(None, EnrichmentStatus.PROCESSING)


async def connect(settings: Settings, *, lazy: bool = False, runtime: Runtime | None = None) -> Client:
    """A client with our models' data converter. `lazy`: connect at the first call; `runtime`: the process's
    own, if it exports metrics. Raises WorkflowUnavailableError."""
    if runtime is None:
        log_as_we_do()
    _SERVER["name"] = temporal_at(settings)
    try:
        return await Client.connect(
            settings.temporal_address,
            namespace=settings.temporal_namespace,
            data_converter=pydantic_data_converter,
            lazy=lazy,
            tls=tls(settings),
            api_key=settings.temporal_api_key.get_secret_value() or None,
            interceptors=_interceptors(),
            runtime=runtime,
        )
    except RuntimeError as error:
        raise WorkflowUnavailableError(f"{temporal_at(settings)}: {in_words(error)}") from error


def temporal_at(settings: Settings) -> str:
    """Temporal's address, and the setting that it comes from."""
    return f"Temporal at {place(settings.temporal_address, 'temporal_address')}"


def tls(settings: Settings) -> TLSConfig | bool:
    """TLS configuration of the connection, or False. Raises ConfigurationError for an unreadable file."""
    ca = _file(settings.temporal_tls_server_ca_cert_path)
    certificate = _file(settings.temporal_tls_client_cert_path)
    key = _file(settings.temporal_tls_client_key_path)
    name = settings.temporal_tls_server_name or None
    if not (
        settings.temporal_tls or settings.temporal_api_key.get_secret_value() or ca or certificate or name
    ):
        return False
    return TLSConfig(server_root_ca_cert=ca, domain=name, client_cert=certificate, client_private_key=key)


def _file(path: str) -> bytes | None:
    try:
        return Path(path).read_bytes() if path else None
    except OSError as error:
        raise ConfigurationError(f"TEMPORAL_TLS_..._PATH: {error}") from error


def _interceptors() -> list[Interceptor]:
    """Interceptors of a client and its workers. Imported only if spans are recorded: the import includes
    Temporal's worker, which takes a fifth of a second."""
    if not tracing.on():
        return []
    return [import_module("archon.runtime.telemetry.temporal").TracingInterceptor()]


@dataclass(frozen=True)
class Backlog:
    """Approximate numbers of tasks that wait for a worker."""

    analyses: int
    workflow_tasks: int

    @property
    def tasks(self) -> int:
        return self.analyses + self.workflow_tasks


class EnrichmentClient:
    """Submits requests, and signals and describes EnrichDocument runs."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def ping(self) -> None:
        """Raises WorkflowUnavailableError if Temporal does not serve."""
        with translated():
            await self._client.service_client.check_health()

    async def submit(self, request: EnrichmentRequest) -> str:
        """Submits a request to its run, which is started if necessary. Returns the workflow id after
        Temporal's acceptance.

        Signal-with-start with ALLOW_DUPLICATE signals a running run and reopens a closed one.
        """
        workflow_id = names.enrichment_workflow_id(request.document_id, request.content_hash)
        attributes = {"temporal.workflow.id": workflow_id}
        submitting = tracing.span(
            f"submit {names.WORKFLOW_ENRICH_DOCUMENT}",
            SpanKind.CLIENT,
            attributes,
            correlation_id=request.correlation_id,
        )
        with submitting, translated():
            await self._client.start_workflow(
                names.WORKFLOW_ENRICH_DOCUMENT,
                EnrichDocumentInput.of(request),
                id=workflow_id,
                task_queue=names.QUEUE_ENRICHMENT,
                id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
                start_signal=names.SIGNAL_SUBMIT,
                start_signal_args=[request],
                search_attributes=search_attributes(request),
                priority=priority(request),
                static_summary=plain(f"{request.project_name} · {request.file_path}"[:200]),
            )
        return workflow_id

    async def status(self, workflow_id: str) -> WorkflowStatus:
        """Answer of the run's `status` query. Raises NotFoundError, WorkflowUnavailableError."""
        with translated():
            handle = self._client.get_workflow_handle(workflow_id)
            status: WorkflowStatus = await handle.query(names.QUERY_STATUS, result_type=WorkflowStatus)
            return status

    async def answer(self, workflow_id: str, correlation_id: str, seconds: float) -> SubmissionAnswer | None:
        """How a submission ended, or that it is parked; None if neither within `seconds`."""
        try:
            async with asyncio.timeout(seconds):
                with translated():
                    return await answer(self._client, workflow_id, correlation_id)
        except TimeoutError:
            return None

    async def parked(self, workflow_id: str) -> bool | None:
        """Whether the run waits for an operator; None if no run is open. Reads from the server, without a
        worker."""
        try:
            with translated():
                found = await self._client.get_workflow_handle(workflow_id).describe()
        except NotFoundError:
            return None
        if found.status is not WorkflowExecutionStatus.RUNNING:
            return None
        return found.typed_search_attributes.get(ENRICHMENT_STATUS) == names.STATUS_PARKED

    async def backlog(self) -> Backlog:
        """Approximate numbers of tasks that wait for a worker."""
        return Backlog(
            analyses=await self._waiting(names.QUEUE_INTELLIGENCE, TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY),
            workflow_tasks=await self._waiting(
                names.QUEUE_ENRICHMENT, TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW
            ),
        )

    async def _waiting(self, queue: str, kind: TaskQueueType.ValueType) -> int:
        request = DescribeTaskQueueRequest(
            namespace=self._client.namespace,
            task_queue=TaskQueue(name=queue),
            task_queue_type=kind,
            report_stats=True,
        )
        with translated():
            found = await self._client.workflow_service.describe_task_queue(request)
        return int(found.stats.approximate_backlog_count)

    async def under_way(self) -> int:
        """Approximate number of open runs that are not parked."""
        with translated():
            found = await self._client.count_workflows(_UNDER_WAY)
        return found.count

    async def signal(self, workflow_id: str, signal: str) -> None:
        """Sends `retry` or `discard`. Raises NotFoundError if no run is open."""
        with tracing.within(f"signal {signal}", {"temporal.workflow.id": workflow_id}), translated():
            await self._client.get_workflow_handle(workflow_id).signal(signal)


@contextmanager
def translated() -> Iterator[None]:
    """Raises the client's errors as ours.

    An unknown search attribute is a fault of the server's set-up; a rejected value of one is a fault of the
    request.
    """
    try:
        yield
    except RPCError as error:
        if error.status == RPCStatusCode.NOT_FOUND:
            raise NotFoundError(f"Temporal: {error.message}") from error
        if error.status in _KEY_REFUSED:
            reason = f"TEMPORAL_API_KEY is missing or wrong, or not allowed to do this: {error.message}"
            raise WorkflowUnavailableError(f"{_SERVER['name']}: {reason}") from error
        message = error.message.lower()
        unknown_attribute = "search attribute" in message and "exceeds" not in message
        if error.status == RPCStatusCode.INVALID_ARGUMENT and not unknown_attribute:
            raise InvalidInputError("request", f"Temporal refused it: {error.message}") from error
        reason = in_words(error) if error.status in _NO_ANSWER else error.message
        raise WorkflowUnavailableError(f"{_SERVER['name']}: {reason}") from error
    except RuntimeError as error:  # a lazy client that cannot connect
        raise WorkflowUnavailableError(f"{_SERVER['name']}: {in_words(error)}") from error
