"""In: errors raised inside an activity. Out: Temporal failures that say their type and whether to retry.

The one table of what is retried and what is not. Delays and attempt limits are the retry policy's; jitter
is added here, because Temporal adds none.
"""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from temporalio import activity
from temporalio.exceptions import ApplicationError

from archon.contracts import errors
from archon.contracts.types import FailureType


@dataclass(frozen=True)
class Treatment:
    """What a failure means: the type its dead letter says, and whether another attempt may help."""

    failure_type: FailureType
    retried: bool


_JITTER: Final = 0.2

_TRANSIENT: Final = Treatment(FailureType.TRANSIENT, retried=True)
_SERVICE_DOWN: Final = Treatment(FailureType.SERVICE_DOWN, retried=True)
_DATA_QUALITY: Final = Treatment(FailureType.DATA_QUALITY, retried=False)
_PERMANENT: Final = Treatment(FailureType.PERMANENT, retried=False)

TREATMENTS: Final[dict[type[errors.ArchonError], Treatment]] = {
    errors.StoreUnavailableError: _SERVICE_DOWN,
    errors.StoreConflictError: _TRANSIENT,
    errors.StoreRejectedError: _PERMANENT,
    errors.PublishError: _SERVICE_DOWN,
    errors.IntelligenceUnavailableError: _TRANSIENT,
    errors.IntelligenceThrottledError: _TRANSIENT,
    errors.IntelligenceAuthError: _SERVICE_DOWN,
    errors.IntelligenceOutageError: Treatment(FailureType.SERVICE_DOWN, retried=False),
    errors.IntelligenceRejectedError: _DATA_QUALITY,
    errors.IntelligenceResponseError: _PERMANENT,
    errors.ContentMissingError: _DATA_QUALITY,
    errors.InvalidInputError: _DATA_QUALITY,
    errors.ProjectConflictError: _DATA_QUALITY,
}


def treatment_of(error: errors.ArchonError) -> Treatment:
    """The table's row for the nearest class of `error`; what is not in it is permanent."""
    return next((TREATMENTS[cls] for cls in type(error).__mro__ if cls in TREATMENTS), _PERMANENT)


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
            non_retryable=not treatment.retried,
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
    if isinstance(error, errors.IntelligenceThrottledError) and error.retry_after is not None:
        return timedelta(seconds=error.retry_after)
    info = activity.info()
    policy = info.retry_policy
    if policy is None:
        return None
    delay = policy.initial_interval * policy.backoff_coefficient ** min(info.attempt - 1, 32)
    if policy.maximum_interval is not None:
        delay = min(delay, policy.maximum_interval)
    return delay * random.uniform(1 - _JITTER, 1 + _JITTER)
