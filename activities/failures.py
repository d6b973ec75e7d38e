"""In: errors raised inside an activity. Out: Temporal failures that say their type and whether to retry.

The one table of what is retried, how often, and with which delays. Jitter is added here, because Temporal
adds none.
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
    """How often what failed is tried again."""

    NEVER = auto()
    COUNTED = auto()
    """As `counted` says: RETRY_MAX_ATTEMPTS times in all."""
    PATIENTLY = auto()
    """As PATIENT says: without end, until the step's time is up, which is OUTAGE_BUDGET."""


@dataclass(frozen=True)
class Treatment:
    """What a failure means: the type its dead letter says, and how often it is tried again."""

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
"""The longest wait is how late the end of an outage may be noticed."""
LOST: Final = 10
"""Attempts that may be lost with their workers, beside those that are counted: a document that has ended so
many is what ends them."""
JITTER: Final = 0.2
"""A delay is spread by this share of it to either side."""
LONGEST_RETRY_AFTER: Final = 3600.0
"""A service that asks for more seconds than these is asked again all the same."""


def counted(retry: RetrySettings) -> RetryPolicy:
    """The policy of the analysis: the one step whose attempts are counted."""
    return RetryPolicy(
        initial_interval=timedelta(seconds=retry.first_delay),
        backoff_coefficient=retry.backoff,
        maximum_interval=timedelta(seconds=retry.max_delay),
        maximum_attempts=retry.max_attempts + LOST,
    )


class Attempts:
    """How many attempts of a counted step have failed. One that was lost with its worker is none of them: the
    count is handed on in heartbeats, which only an attempt that fails raises."""

    def __init__(self, most: int) -> None:
        self._most = most
        details = activity.info().heartbeat_details
        self.failed: int = details[-1] if details and isinstance(details[-1], int) else 0

    @property
    def last(self) -> bool:
        """Whether there is none after this one."""
        return self.failed + 1 >= self._most

    @contextmanager
    def counted(self) -> Iterator[None]:
        """A failure in it counts, and is final where it is the last."""
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
    """The table's row for the nearest class of `error`; what is not in it is permanent."""
    return next((TREATMENTS[cls] for cls in type(error).__mro__ if cls in TREATMENTS), UNKNOWN)


@contextmanager
def told_to_temporal() -> Iterator[None]:
    """Raise errors of ours as ApplicationError: its type is the class name, its detail the failure type.

    Any other exception is a fault of ours, which repetition does not mend.
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
    """What the service asked for, else the policy's delay spread out, so that many failures of one moment
    do not come back at one moment."""
    if (asked := _asked(error)) is not None:
        return asked
    info = activity.info()
    return delay_before(info.retry_policy, info.attempt) if info.retry_policy else None


def _asked(error: errors.ArchonError) -> timedelta | None:
    """How long the service wants to be left alone; a store, which tells all its writers one moment, is left
    alone a little longer."""
    if not isinstance(error, errors.IntelligenceThrottledError | errors.StoreUnavailableError):
        return None
    if error.retry_after is None:
        return None
    spread = random.uniform(1, 1 + JITTER) if isinstance(error, errors.StoreError) else 1
    return timedelta(seconds=min(error.retry_after, LONGEST_RETRY_AFTER) * spread)


def delay_before(policy: RetryPolicy, failed: int) -> timedelta:
    """The policy's delay after so many failed attempts, spread out."""
    delay = policy.initial_interval * policy.backoff_coefficient ** min(failed - 1, 32)
    if policy.maximum_interval is not None:
        delay = min(delay, policy.maximum_interval)
    return delay * random.uniform(1 - JITTER, 1 + JITTER)


async def patiently(work: Callable[[], Awaitable[Result]], seconds: float) -> Result:
    """The result of `work` in a step whose attempts are counted: a store that is down spends none of them.

    Raises StoreOutageError when it has been down for so long.
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
            delay = _asked(error) or delay_before(PATIENT, failed)
        await asyncio.sleep(delay.total_seconds())
    raise AssertionError("unreachable")
