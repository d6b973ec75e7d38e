"""In: submissions with their senders' spans. Out: one span for each submission of a run, and for each
activity attempt.

Temporal's own interceptor (temporalio.contrib.opentelemetry) assigns everything in a run to the trace of its
starter. But our run serves every submission of a content, and another submission may wake a parked one days
later. So each submission's span is kept by its correlation id, and an activity belongs to the trace of the
submission that it works for. Headers carry the spans through signals, continue-as-new and retries; without
headers, the correlation id in an activity's input determines the trace.

Workflow code is replayed, so it holds no open span. A submission's span is recorded when its run ends, under
an id that every replay computes alike; activities use that id as their parent before.
"""

import hashlib
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final, NoReturn

from opentelemetry.trace import SpanContext, SpanKind
from temporalio import activity, workflow
from temporalio.api.common.v1 import Payload
from temporalio.client import Interceptor as ClientInterceptor
from temporalio.client import OutboundInterceptor, StartWorkflowInput, WorkflowHandle
from temporalio.converter import PayloadConverter
from temporalio.exceptions import FailureError
from temporalio.worker import (
    ActivityInboundInterceptor,
    ContinueAsNewInput,
    ExecuteActivityInput,
    ExecuteWorkflowInput,
    HandleSignalInput,
    StartActivityInput,
    StartLocalActivityInput,
    WorkflowInboundInterceptor,
    WorkflowInterceptorClassInput,
    WorkflowOutboundInterceptor,
)
from temporalio.worker import Interceptor as WorkerInterceptor

from archon.contracts.workflow import request_in
from archon.runtime.telemetry import tracing

HEADER: Final = "archon-traces"
"""Traceparents of the parent spans of a submission or an activity, by correlation id."""
Headers = Mapping[str, Payload]


class TracingInterceptor(ClientInterceptor, WorkerInterceptor):
    """For a client, and the workers that use it."""

    def intercept_client(self, next: OutboundInterceptor) -> OutboundInterceptor:
        return _Client(next)

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        return _Activity(next)

    def workflow_interceptor_class(
        self,
        input: WorkflowInterceptorClassInput,  # noqa: ARG002
    ) -> type[WorkflowInboundInterceptor]:
        return _Workflow


class _Client(OutboundInterceptor):
    async def start_workflow(self, input: StartWorkflowInput) -> WorkflowHandle[Any, Any]:
        """A submission carries the current span."""
        around = tracing.current()
        correlation_id = _correlation_id(input.start_signal_args)
        if around is not None and correlation_id is not None:
            input.headers = _with(input.headers, {correlation_id: around})
        return await super().start_workflow(input)


class _Activity(ActivityInboundInterceptor):
    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        info = activity.info()
        correlation_id = _correlation_id(input.args)
        attributes: dict[str, str | int] = {
            "temporal.workflow.id": info.workflow_id or "",
            "temporal.run.id": info.workflow_run_id or "",
            "temporal.activity.attempt": info.attempt,
        }
        with tracing.span(
            info.activity_type,
            SpanKind.SERVER,
            attributes,
            correlation_id=correlation_id,
            traceparent=_of(input.headers).get(correlation_id or "", ""),
        ):
            return await super().execute_activity(input)


class _Workflow(WorkflowInboundInterceptor):
    """By correlation id: `parents`, the spans of submissions; `begun`, the time of each."""

    parents: dict[str, str]
    begun: dict[str, int]

    def init(self, outbound: WorkflowOutboundInterceptor) -> None:
        self.parents, self.begun = {}, {}
        super().init(_WorkflowOutbound(outbound, self))

    async def handle_signal(self, input: HandleSignalInput) -> None:
        self._learn(input.headers)
        await super().handle_signal(input)

    async def execute_workflow(self, input: ExecuteWorkflowInput) -> Any:
        self._learn(input.headers)
        try:
            result = await super().execute_workflow(input)
        except (FailureError, workflow.ContinueAsNewError) as ended:
            self._record("continued" if isinstance(ended, workflow.ContinueAsNewError) else "failed")
            raise
        self._record("completed")
        return result

    def span_of(self, correlation_id: str | None) -> str | None:
        """The traceparent of a submission's span in this run."""
        parent = tracing.read(self.parents.get(correlation_id or ""))
        if parent is None:
            return None
        span_id = _span_id(correlation_id or "")
        return tracing.written(SpanContext(parent.trace_id, span_id, True, parent.trace_flags))

    def _learn(self, headers: Headers) -> None:
        """Keeps the first span of a submission; a redelivery belongs to the same trace."""
        for correlation_id, traceparent in _of(headers).items():
            self.parents.setdefault(correlation_id, traceparent)
            self.begun.setdefault(correlation_id, workflow.time_ns())

    def _record(self, status: str) -> None:
        if workflow.unsafe.is_replaying():
            return
        info = workflow.info()
        attributes = {
            "temporal.workflow.id": info.workflow_id,
            "temporal.run.id": info.run_id,
            "temporal.workflow.status": status,
        }
        # The wall clock: the workflow's own time stands still during the local activities of its last task.
        ended = time.time_ns()
        for correlation_id, traceparent in self.parents.items():
            tracing.completed(
                info.workflow_type,
                traceparent,
                _span_id(correlation_id),
                attributes,
                (self.begun[correlation_id], ended),
            )


class _WorkflowOutbound(WorkflowOutboundInterceptor):
    def __init__(self, next: WorkflowOutboundInterceptor, inbound: _Workflow) -> None:
        super().__init__(next)
        self._inbound = inbound

    def start_activity(self, input: StartActivityInput) -> workflow.ActivityHandle[Any]:
        input.headers = self._for(input.args, input.headers)
        return super().start_activity(input)

    def start_local_activity(self, input: StartLocalActivityInput) -> workflow.ActivityHandle[Any]:
        input.headers = self._for(input.args, input.headers)
        return super().start_local_activity(input)

    def continue_as_new(self, input: ContinueAsNewInput) -> NoReturn:
        """Open submissions continue under their original span; other workflows have none."""
        parents = self._inbound.parents
        carried = getattr(input.args[0], "carried", None)
        waiting = {request.correlation_id for request in getattr(carried, "submissions", ())}
        input.headers = _with(input.headers, {each: parents[each] for each in parents if each in waiting})
        super().continue_as_new(input)

    def _for(self, arguments: Sequence[Any], headers: Headers) -> Headers:
        correlation_id = _correlation_id(arguments)
        traceparent = self._inbound.span_of(correlation_id)
        return headers if traceparent is None else _with(headers, {correlation_id or "": traceparent})


def _correlation_id(arguments: Sequence[Any]) -> str | None:
    request = request_in(arguments)
    return request.correlation_id if request is not None else None


def _span_id(correlation_id: str) -> int:
    """Equal for all replays of a run, and different for every run."""
    seed = f"{workflow.info().run_id}\0{correlation_id}".encode()
    return int.from_bytes(hashlib.blake2b(seed, digest_size=8).digest(), "big")


def _with(headers: Headers, traces: Mapping[str, str]) -> Headers:
    return {**headers, HEADER: PayloadConverter.default.to_payload(dict(traces))}


def _of(headers: Headers) -> dict[str, str]:
    payload = headers.get(HEADER)
    return PayloadConverter.default.from_payload(payload, dict[str, str]) if payload is not None else {}
