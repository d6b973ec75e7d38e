"""In: the retry settings a claim handed out. Out: the options each activity is scheduled with.

What is retried how often is activities.failures' table; here it is joined to time limits.
"""

from datetime import timedelta
from typing import Final, TypedDict

from temporalio.common import RetryPolicy
from temporalio.workflow import ActivityCancellationType

from activities.failures import PATIENT, counted
from archon.contracts import names
from archon.contracts.workflow import RetrySettings


class LocalActivityOptions(TypedDict, total=False):
    """The part of execute_local_activity's keyword arguments that a policy fixes."""

    start_to_close_timeout: timedelta
    schedule_to_close_timeout: timedelta
    retry_policy: RetryPolicy
    cancellation_type: ActivityCancellationType


class ActivityOptions(LocalActivityOptions, total=False):
    """The part of execute_activity's keyword arguments that a policy fixes."""

    task_queue: str
    heartbeat_timeout: timedelta


LOST_AFTER: Final = timedelta(seconds=15)
"""Silence after which a worker is taken as lost, and its step given to another."""

LOCAL: Final = LocalActivityOptions(
    cancellation_type=ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
    start_to_close_timeout=timedelta(seconds=3),
    retry_policy=RetryPolicy(maximum_attempts=1),
)
"""One attempt of a step, short enough that two of them fit in a workflow task's time of ten seconds."""

JOINT: Final = LocalActivityOptions(
    cancellation_type=ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
    start_to_close_timeout=timedelta(seconds=6),
    retry_policy=RetryPolicy(maximum_attempts=1),
)
"""One attempt of all that a run writes, alone in its workflow task, which has to heartbeat after 8 s."""

EVENT: Final = ActivityOptions(start_to_close_timeout=timedelta(seconds=15), retry_policy=PATIENT)
"""Completed events and dead letters: retried until acknowledged."""

MARK: Final = ActivityOptions(
    cancellation_type=ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
    start_to_close_timeout=timedelta(minutes=10),
    heartbeat_timeout=LOST_AFTER,
    retry_policy=PATIENT,
)
"""Marks a document whose run is parked: tried for as long as that waits."""

DELETION: Final = ActivityOptions(
    start_to_close_timeout=timedelta(minutes=30), heartbeat_timeout=LOST_AFTER, retry_policy=PATIENT
)
"""Steps of a deletion: a page at a time, and again until the stores are back."""
SWEEP_AFTER: Final = timedelta(minutes=1)
"""After which no point can come any more that was on its way when its document was marked: well above the
time limits of all that writes to the vector store."""

RECONCILE: Final = ActivityOptions(
    start_to_close_timeout=timedelta(minutes=10),
    heartbeat_timeout=LOST_AFTER,
    schedule_to_close_timeout=timedelta(minutes=15),
    retry_policy=PATIENT,
)
"""A page of a reconciliation. Where a store stays down for so long, the next one on the schedule tries."""

BACKFILL: Final = ActivityOptions(
    cancellation_type=ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
    start_to_close_timeout=timedelta(minutes=10),
    heartbeat_timeout=LOST_AFTER,
    retry_policy=PATIENT,
)
"""A step of a backfill: it has time, and waits out whatever is down."""

PROGRESS: Final = LocalActivityOptions(
    start_to_close_timeout=timedelta(seconds=1), retry_policy=RetryPolicy(maximum_attempts=1)
)
"""One short attempt."""


def store(retry: RetrySettings) -> ActivityOptions:
    """Options of a step against graph, vectors or content store.

    A cancellation waits for the step's end: a write that comes late would contradict what follows it.
    """
    return ActivityOptions(
        cancellation_type=ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
        start_to_close_timeout=timedelta(minutes=10),
        heartbeat_timeout=LOST_AFTER,
        schedule_to_close_timeout=timedelta(seconds=retry.outage_budget),
        retry_policy=PATIENT,
    )


def analysis(retry: RetrySettings, *, wait_for_cancellation: bool) -> ActivityOptions:
    """Options of the analysis. One attempt may wait out an outage in its slot, heartbeating.

    `wait_for_cancellation`: until it can store nothing any more.
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
