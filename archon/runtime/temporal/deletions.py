"""In: the scope of a deletion. Out: its workflow, accepted by Temporal, and the current receipt."""

import asyncio
import time
from datetime import timedelta
from typing import Final

from temporalio.client import Client, WorkflowExecutionStatus, WorkflowQueryFailedError
from temporalio.common import (
    TypedSearchAttributes,
    WorkflowIDReusePolicy,
)

from archon.contracts import names
from archon.contracts.errors import NotFoundError, WorkflowUnavailableError
from archon.contracts.operations.deletion import DeletionInput, DeletionReceipt, DeletionScope, DeletionState
from archon.contracts.text.markdown import plain
from archon.runtime.temporal.attributes import keywords
from archon.runtime.temporal.client import translated

_ANSWER: Final = timedelta(seconds=5)
"""Time limit for a worker to answer with the receipt."""
_POLL: Final = 0.15
_OPEN: Final = {WorkflowExecutionStatus.RUNNING, WorkflowExecutionStatus.CONTINUED_AS_NEW}


class DeletionClient:
    """Starts deletions and reads their receipts. Raises WorkflowUnavailableError."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def start(self, scope: DeletionScope, what: str) -> str:
        """Starts a run, or signals the open one. Returns the workflow id after Temporal's acceptance. `what`:
        description for the Web UI."""
        workflow_id = names.deletion_workflow_id(scope.project_name, scope.document_id)
        one = scope.document_id is not None
        with translated():
            await self._client.start_workflow(
                names.WORKFLOW_DELETE_DOCUMENT if one else names.WORKFLOW_DELETE_PROJECT,
                DeletionInput(),
                id=workflow_id,
                task_queue=names.QUEUE_ENRICHMENT,
                id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
                start_signal=names.SIGNAL_DELETE,
                start_signal_args=[scope],
                search_attributes=_search_attributes(scope),
                static_summary=plain(what[:200]),
            )
        return workflow_id

    async def receipt(self, workflow_id: str) -> DeletionReceipt:
        """Raises NotFoundError if there was no deletion with this id, or its retention has expired."""
        handle = self._client.get_workflow_handle(workflow_id, result_type=DeletionReceipt)
        with translated():
            status = (await handle.describe()).status
            if status is WorkflowExecutionStatus.COMPLETED:
                result: DeletionReceipt = await handle.result()
                return result
            try:
                found: DeletionReceipt = await handle.query(
                    names.QUERY_RECEIPT, result_type=DeletionReceipt, rpc_timeout=_ANSWER
                )
            except WorkflowQueryFailedError as error:
                raise NotFoundError(f"{workflow_id} has no scope") from error
        return found if status in _OPEN else found.model_copy(update={"state": DeletionState.FAILED})

    async def until_removed(self, workflow_id: str, seconds: float) -> DeletionReceipt | None:
        """The receipt after everything is removed, or the current one after the time limit; None if no worker
        answers."""
        deadline = time.monotonic() + seconds
        found = None
        while True:
            left = max(deadline - time.monotonic(), _ANSWER.total_seconds() / 5)
            try:
                async with asyncio.timeout(left):
                    found = await self.receipt(workflow_id)
            except (TimeoutError, WorkflowUnavailableError):
                pass
            else:
                if found.state is not DeletionState.REMOVING:
                    return found
            if time.monotonic() + _POLL > deadline:
                return found
            await asyncio.sleep(_POLL)


def _search_attributes(scope: DeletionScope) -> TypedSearchAttributes:
    values = {
        names.SEARCH_PROJECT_NAME: scope.project_name,
        names.SEARCH_DOCUMENT_ID: scope.document_id,
        names.SEARCH_ENRICHMENT_STATUS: names.STATUS_DELETING,
    }
    return keywords(values)
