"""In: an activity's failure from Temporal. Out: the Failure for a parked run and its dead letter."""

from typing import Final

from temporalio import exceptions
from temporalio.api.failure.v1 import Failure as FailureProto
from temporalio.exceptions import ActivityError, ApplicationError, FailureError

from archon.contracts.types import FailureType
from archon.contracts.workflow import Failure

_WORKER_SHUTDOWN: Final = "WorkerShutdown"
"""The SDK's message for an activity that was interrupted because its worker had to stop."""


def is_final(error: FailureError) -> bool:
    """Whether the activity marked the failure as not retryable."""
    cause = _cause(error)
    return isinstance(cause, ApplicationError) and cause.non_retryable


def _cause(error: FailureError) -> BaseException | None:
    """A local activity's failure may have no ActivityError around it."""
    return error.cause if isinstance(error, ActivityError) else error


def failure_of(error: FailureError, stage: str) -> Failure:
    """The failure at `stage`, with the type that the activity named."""
    cause = _cause(error)
    if isinstance(cause, ApplicationError):
        named = str(cause.details[0]) if cause.details else ""
        if cause.type == _WORKER_SHUTDOWN:
            named = FailureType.TRANSIENT
        known = named in set(FailureType)
        return Failure(
            stage=stage,
            failure_type=FailureType(named) if known else FailureType.PERMANENT,
            error_type=cause.type or "ApplicationError",
            message=cause.message,
            stack_trace=_stack_trace(cause.failure),
        )
    timed_out = isinstance(cause, exceptions.TimeoutError)
    return Failure(
        stage=stage,
        failure_type=FailureType.TRANSIENT if timed_out else FailureType.PERMANENT,
        error_type=type(cause or error).__name__,
        message=str(cause or error),
    )


def _stack_trace(failure: FailureProto | None) -> str:
    """Each exception of the chain with its frames, the first cause last."""
    parts = []
    while failure is not None:
        parts.append(f"{failure.application_failure_info.type}: {failure.message}\n{failure.stack_trace}")
        failure = failure.cause if failure.HasField("cause") else None
    return "\n".join(parts)
