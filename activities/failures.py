"""In: errors raised inside an activity. Out: Temporal failures that say their type and whether to retry.

The one table of what is retried and what is not. Delays and attempt limits are the retry policy's.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from temporalio.exceptions import ApplicationError

from archon.contracts import errors
from archon.contracts.types import FailureType


@dataclass(frozen=True)
class Treatment:
    """What a failure means: the type its dead letter says, and whether another attempt may help."""

    failure_type: FailureType
    retried: bool


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
    """Raise errors of ours as ApplicationError: its type is the class name, its detail the failure type."""
    try:
        yield
    except errors.ArchonError as error:
        treatment = treatment_of(error)
        wait = error.retry_after if isinstance(error, errors.IntelligenceThrottledError) else None
        raise ApplicationError(
            str(error),
            str(treatment.failure_type),
            type=type(error).__name__,
            non_retryable=not treatment.retried,
            next_retry_delay=timedelta(seconds=wait) if wait is not None else None,
        ) from error
