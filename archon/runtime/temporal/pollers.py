"""In: a Temporal client. Out: the last time that a worker polled our queues."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.client import Client

from archon.contracts import names
from archon.runtime.temporal.client import translated

_QUEUES: Final[Mapping[str, TaskQueueType.ValueType]] = {
    names.QUEUE_ENRICHMENT: TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
    names.QUEUE_INTELLIGENCE: TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY,
}


class Pollers:
    """Raises WorkflowUnavailableError. An idle worker polls once a minute, and a stopped one stays listed for
    minutes: the time of the last poll distinguishes them, roughly."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def last(self) -> datetime | None:
        """The last poll of the queue that was polled less recently; None if one has no poller."""
        found = await asyncio.gather(*(self._last_of(*queue) for queue in _QUEUES.items()))
        known = [each for each in found if each is not None]
        return min(known) if len(known) == len(found) else None

    async def _last_of(self, queue: str, kind: TaskQueueType.ValueType) -> datetime | None:
        request = DescribeTaskQueueRequest(
            namespace=self._client.namespace, task_queue=TaskQueue(name=queue), task_queue_type=kind
        )
        with translated():
            found = await self._client.workflow_service.describe_task_queue(request)
        return max((each.last_access_time.ToDatetime(UTC) for each in found.pollers), default=None)
