"""In: a submission that Temporal has accepted. Out: how it ended, or that it waits for an operator.

Sends an update to the run; a closed run's result gives the answer.
"""

import asyncio
from typing import Any, Final

from temporalio.client import (
    Client,
    WorkflowFailureError,
    WorkflowHandle,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.service import RPCError, RPCStatusCode

from archon.contracts import names
from archon.contracts.workflow import EnrichmentOutcome, SubmissionAnswer

_AGAIN: Final = 0.2


async def answer(client: Client, workflow_id: str, correlation_id: str) -> SubmissionAnswer | None:
    """Waits for it. None if somebody terminated the run: the end is unknown."""
    handle = client.get_workflow_handle(workflow_id, result_type=EnrichmentOutcome)
    while True:
        try:
            found: SubmissionAnswer = await handle.execute_update(
                names.UPDATE_SETTLED, correlation_id, result_type=SubmissionAnswer
            )
        except WorkflowUpdateRPCTimeoutOrCancelledError:  # the server limits the time of a wait
            _raise_if_cancelled()
        except WorkflowUpdateFailedError:  # the run closed between request and answer
            pass
        except RPCError as error:
            if error.status != RPCStatusCode.NOT_FOUND:
                raise
            return await _result(handle)
        else:
            if found.state != "open":
                return found
        await asyncio.sleep(_AGAIN)


def _raise_if_cancelled() -> None:
    """The SDK reports our own cancellation as a lost connection."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


async def _result(handle: WorkflowHandle[Any, EnrichmentOutcome]) -> SubmissionAnswer | None:
    try:
        return SubmissionAnswer.of(await handle.result())
    except WorkflowFailureError:
        return None
