"""In: the retry settings from a claim. Out: the options for each activity.

activities.failures defines which errors are retried and how often; here the time limits are added.
"""

from datetime import timedelta
from typing import Final, TypedDict

from temporalio.common import RetryPolicy
from temporalio.workflow import ActivityCancellationType

from activities.failures import PATIENT, counted
from archon.contracts import names
from archon.contracts.workflow import RetrySettings


class LocalActivityOptions(TypedDict, total=False):
    """The keyword arguments of execute_local_activity that a policy sets."""

    start_to_close_timeout: timedelta
    schedule_to_close_timeout: timedelta
    retry_policy: RetryPolicy
    cancellation_type: ActivityCancellationType


class ActivityOptions(LocalActivityOptions, total=False):
    """The keyword arguments of execute_activity that a policy sets."""

    task_queue: str
    heartbeat_timeout: timedelta


LOST_AFTER: Final = timedelta(seconds=15)
"""Time without a heartbeat after which a worker counts as lost, and its step goes to another worker."""

LOCAL: Final = LocalActivityOptions(
    cancellation_type=ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
    start_to_close_timeout=timedelta(seconds=3),
    retry_policy=RetryPolicy(maximum_attempts=1),
)
"""One attempt of a step, short enough for two of them in a workflow task's ten seconds."""

JOINT: Final = LocalActivityOptions(
    cancellation_type=ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
    start_to_close_timeout=timedelta(seconds=6),
    retry_policy=RetryPolicy(maximum_attempts=1),
)
"""One attempt for all writes of a run, alone in its workflow task, which must heartbeat after 8 s."""

EVENT: Final = ActivityOptions(start_to_close_timeout=timedelta(seconds=15), retry_policy=PATIENT)
"""Completed events and dead letters: retried until acknowledged."""

MARK: Final = ActivityOptions(
    cancellation_type=ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
    start_to_close_timeout=timedelta(minutes=10),
    heartbeat_timeout=LOST_AFTER,
    retry_policy=PATIENT,
)
"""Marking the document of a parked run: retried as long as the run waits."""

DELETION: Final = ActivityOptions(
    start_to_close_timeout=timedelta(minutes=30), heartbeat_timeout=LOST_AFTER, retry_policy=PATIENT
)
"""Steps of a deletion: one page at a time, retried until the stores are back."""
SWEEP_AFTER: Final = timedelta(minutes=1)
"""Time after which no point from before the marking can still arrive: far above the time limits of all writes
to the vector store."""

RECONCILE: Final = ActivityOptions(
    start_to_close_timeout=timedelta(minutes=10),
    heartbeat_timeout=LOST_AFTER,
    schedule_to_close_timeout=timedelta(minutes=15),
    retry_policy=PATIENT,
)
"""A page of a reconciliation. During a longer outage, the next scheduled run tries again."""

BACKFILL: Final = ActivityOptions(
    cancellation_type=ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
    start_to_close_timeout=timedelta(minutes=10),
    heartbeat_timeout=LOST_AFTER,
    retry_policy=PATIENT,
)
"""A step of a backfill: it is not urgent, and waits out any outage."""

PROGRESS: Final = LocalActivityOptions(
    start_to_close_timeout=timedelta(seconds=1), retry_policy=RetryPolicy(maximum_attempts=1)
)
"""One short attempt."""


def store(retry: RetrySettings) -> ActivityOptions:
    """Options of a step against graph, vectors or content store.

    A cancellation waits for the step's end: a late write would contradict later steps.
    """
    return ActivityOptions(
        cancellation_type=ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
        start_to_close_timeout=timedelta(minutes=10),
        heartbeat_timeout=LOST_AFTER,
        schedule_to_close_timeout=timedelta(seconds=retry.outage_budget),
        retry_policy=PATIENT,
    )


def analysis(retry: RetrySettings, *, wait_for_cancellation: bool) -> ActivityOptions:
    """Options of the analysis. One attempt may wait out an outage in its slot, with heartbeats.

    `wait_for_cancellation`: until it can no longer store anything.
    """
    return ActivityOptions(
        cancellation_type=ActivityCancellationType.WAIT_CANCELLATION_COMPLETED
        if wait_for_cancellation
        else ActivityCancellationType.TRY_CANCEL,
        task_queue=names.QUEUE_INTELLIGENCE,
        start_to_close_timeout=timedelta(seconds=retry.outage_budget + 600),
        heartbeat_timeout=LOST_AFTER,
        retry_policy=counted(retry),
    )
