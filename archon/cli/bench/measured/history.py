"""In: workflow ids. Out: the length of their histories, and their duration by the server's clock."""

from collections.abc import Awaitable, Iterable, Sequence
from datetime import datetime
from typing import Final

from temporalio.client import Client, WorkflowExecutionDescription
from temporalio.service import RPCError

from archon.cli.bench.measured.report import History
from archon.contracts.errors import WorkflowUnavailableError
from archon.runtime.tasks import answers

SAMPLE: Final = 20
_AT_ONCE: Final = 8


def spread(ids: Sequence[str], count: int = SAMPLE) -> list[str]:
    """`count` of them, evenly spaced from the first to the last."""
    if len(ids) <= count:
        return list(ids)
    return [ids[number * (len(ids) - 1) // (count - 1)] for number in range(count)]


async def describe(client: Client, ids: Iterable[str]) -> list[WorkflowExecutionDescription]:
    """The latest run of each. Raises WorkflowUnavailableError, also for an unknown workflow."""

    def ask(workflow_id: str) -> Awaitable[WorkflowExecutionDescription]:
        return client.get_workflow_handle(workflow_id).describe()

    try:
        return list((await answers(ids, ask, _AT_ONCE)).values())
    except RPCError as error:
        raise WorkflowUnavailableError(f"Temporal: {error.message}") from error


def history_of(found: Sequence[WorkflowExecutionDescription]) -> History:
    """The means. The server counts a state transition for each change of a workflow's mutable state;
    operators pay by these. See `WorkflowExecutionInfo` in Temporal's API."""
    infos = [each.raw_description.workflow_execution_info for each in found]
    count = max(len(infos), 1)
    return History(
        sampled=len(infos),
        events=round(sum(info.history_length for info in infos) / count, 1),
        state_transitions=round(sum(info.state_transition_count for info in infos) / count, 1),
    )


def seconds_of(found: Sequence[WorkflowExecutionDescription]) -> float:
    """From the start of the first to the end of the last; all must have ended."""
    ends: list[datetime] = [each.close_time for each in found if each.close_time is not None]
    assert len(ends) == len(found) > 0
    return (max(ends) - min(each.start_time for each in found)).total_seconds()
