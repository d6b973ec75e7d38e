"""In: errors raised inside an activity. Out: Temporal failures with their type and whether to retry.

The only definition of which errors are retried, how often, and with which delays. Jitter is added here,
because Temporal adds none.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum, auto
from itertools import count
from typing import Final, TypeVar

from temporalio import activity
from temporalio.common import RetryPolicy
from temporalio.exceptions import ApplicationError

from archon.contracts import errors
from archon.contracts.types import FailureType
from archon.contracts.workflow import RetrySettings

Result = TypeVar("Result")


class Again(Enum):
    """How often a failed step is tried again."""

    NEVER = auto()
    COUNTED = auto()
    """By the policy `counted`: RETRY_MAX_ATTEMPTS times in total."""
    PATIENTLY = auto()
    """By the policy PATIENT: without a limit, until the step's time limit OUTAGE_BUDGET."""


@dataclass(frozen=True)
class Treatment:
    """The handling of an error: the failure type for its dead letter, and how often to try again."""

    failure_type: FailureType
    again: Again


TREATMENTS: Final[dict[type[errors.ArchonError], Treatment]] = {
    errors.StoreUnavailableError: Treatment(FailureType.SERVICE_DOWN, Again.PATIENTLY),
    errors.StoreConflictError: Treatment(FailureType.TRANSIENT, Again.PATIENTLY),
    errors.StoreMismatchError: Treatment(FailureType.SERVICE_DOWN, Again.PATIENTLY),
    errors.StoreOutageError: Treatment(FailureType.SERVICE_DOWN, Again.NEVER),
    errors.StoreRejectedError: Treatment(FailureType.PERMANENT, Again.NEVER),
    errors.PublishError: Treatment(FailureType.SERVICE_DOWN, Again.PATIENTLY),
    errors.TopicUnavailableError: Treatment(FailureType.SERVICE_DOWN, Again.PATIENTLY),
    errors.WorkflowUnavailableError: Treatment(FailureType.SERVICE_DOWN, Again.PATIENTLY),
    # The circuit breaker turns these two into a wait, as soon as they are an outage.
    errors.IntelligenceUnavailableError: Treatment(FailureType.TRANSIENT, Again.COUNTED),
    errors.IntelligenceAuthError: Treatment(FailureType.SERVICE_DOWN, Again.COUNTED),
    errors.IntelligenceThrottledError: Treatment(FailureType.TRANSIENT, Again.COUNTED),
    errors.IntelligenceOutageError: Treatment(FailureType.SERVICE_DOWN, Again.NEVER),
    errors.IntelligenceRejectedError: Treatment(FailureType.DATA_QUALITY, Again.NEVER),
    errors.IntelligenceResponseError: Treatment(FailureType.PERMANENT, Again.NEVER),
    errors.ContentMissingError: Treatment(FailureType.DATA_QUALITY, Again.NEVER),
    errors.InvalidInputError: Treatment(FailureType.DATA_QUALITY, Again.NEVER),
    errors.ProjectConflictError: Treatment(FailureType.DATA_QUALITY, Again.NEVER),
}
UNKNOWN: Final = Treatment(FailureType.PERMANENT, Again.NEVER)

PATIENT: Final = RetryPolicy(
    initial_interval=timedelta(milliseconds=500),
    backoff_coefficient=2.0,
    maximum_interval=timedelta(seconds=15),
)
"""The longest delay is also how late the end of an outage may be noticed."""
LOST: Final = 10
"""Additional attempts for those lost with their workers: a document that kills that many workers is the
cause."""
JITTER: Final = 0.2
"""Jitter of a delay, as a share in both directions."""
LONGEST_RETRY_AFTER: Final = 3600.0
"""Maximum seconds of a Retry-After to honour."""


def counted(retry: RetrySettings) -> RetryPolicy:
    """The policy of the analysis, the only step with counted attempts."""
    return RetryPolicy(
        initial_interval=timedelta(seconds=retry.first_delay),
        backoff_coefficient=retry.backoff,
        maximum_interval=timedelta(seconds=retry.max_delay),
        maximum_attempts=retry.max_attempts + LOST,
    )


class Attempts:
    """Number of failed attempts of a counted step. An attempt lost with its worker does not count: heartbeats
    carry the count, and only a failing attempt increases it."""

    def __init__(self, most: int) -> None:
        self._most = most
        details = activity.info().heartbeat_details
        self.failed: int = details[-1] if details and isinstance(details[-1], int) else 0

    @property
    def last(self) -> bool:
        """Whether this is the last attempt."""
        return self.failed + 1 >= self._most

    @contextmanager
    def counted(self) -> Iterator[None]:
        """Counts a failure in the block; the last one is final."""
        try:
            yield
        except ApplicationError as error:
            if error.non_retryable:
                raise
            if not self.last:
                activity.heartbeat(None, self.failed + 1)
                raise
            raise ApplicationError(
                error.message, *error.details, type=error.type, non_retryable=True
            ) from error.__cause__


def treatment_of(error: errors.ArchonError) -> Treatment:
    """The row for the nearest class of `error`; errors without one are permanent."""
    return next((TREATMENTS[cls] for cls in type(error).__mro__ if cls in TREATMENTS), UNKNOWN)


@contextmanager
def as_application_errors() -> Iterator[None]:
    """Raises our errors as ApplicationError, with the class name as type and the failure type as detail.

    Any other exception is a bug, which a retry cannot fix.
    """
    try:
        yield
    except errors.ArchonError as error:
        treatment = treatment_of(error)
        raise ApplicationError(
            str(error),
            str(treatment.failure_type),
            type=type(error).__name__,
            non_retryable=treatment.again is Again.NEVER,
            next_retry_delay=_delay(error),
        ) from error
    except Exception as error:
        raise ApplicationError(
            str(error) or repr(error),
            str(FailureType.PERMANENT),
            type=type(error).__name__,
            non_retryable=True,
        ) from error


def _delay(error: errors.ArchonError) -> timedelta | None:
    """The requested delay, otherwise the policy's delay with jitter, so that concurrent failures are not
    retried at the same moment."""
    if (requested := _requested(error)) is not None:
        return requested
    info = activity.info()
    return delay_before(info.retry_policy, info.attempt) if info.retry_policy else None


def _requested(error: errors.ArchonError) -> timedelta | None:
    """The delay that the service requested. For a store a little longer, because it gives all writers the
    same time."""
    if not isinstance(error, errors.IntelligenceThrottledError | errors.StoreUnavailableError):
        return None
    if error.retry_after is None:
        return None
    spread = random.uniform(1, 1 + JITTER) if isinstance(error, errors.StoreError) else 1
    return timedelta(seconds=min(error.retry_after, LONGEST_RETRY_AFTER) * spread)


def delay_before(policy: RetryPolicy, failed: int) -> timedelta:
    """The policy's delay after this number of failed attempts, with jitter."""
    delay = policy.initial_interval * policy.backoff_coefficient ** min(failed - 1, 32)
    if policy.maximum_interval is not None:
        delay = min(delay, policy.maximum_interval)
    return delay * random.uniform(1 - JITTER, 1 + JITTER)


async def patiently(work: Callable[[], Awaitable[Result]], seconds: float) -> Result:
    """The result of `work` in a step with counted attempts: an unavailable store spends none of them.

    Raises StoreOutageError if the store is unavailable for longer than `seconds`.
    """
    deadline = time.monotonic() + seconds
    for failed in count(1):
        try:
            return await work()
        except errors.StoreError as error:
            if treatment_of(error).again is not Again.PATIENTLY:
                raise
            if time.monotonic() > deadline:
                raise errors.StoreOutageError(error.store, str(error)) from error
            delay = _requested(error) or delay_before(PATIENT, failed)
        await asyncio.sleep(delay.total_seconds())
    raise AssertionError("unreachable")
