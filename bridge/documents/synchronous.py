"""In: a request whose client waits. Out: the result of its durable run, or that it continues.

The run is the same as in the background mode; only a client waits for it.
"""

import time

from archon.contracts.errors import WorkflowUnavailableError
from archon.contracts.events import EnrichmentRequest
from archon.contracts.workflow import SubmissionAnswer
from archon.runtime.logs import get_logger
from archon.runtime.temporal.client import EnrichmentClient

_log = get_logger(__name__)


class SynchronousEnrichment:
    def __init__(self, client: EnrichmentClient) -> None:
        self._client = client

    async def submit(self, request: EnrichmentRequest) -> bool:
        """Whether Temporal has accepted it; otherwise the request goes to Kafka."""
        try:
            await self._client.submit(request)
        except WorkflowUnavailableError as error:
            _log.warning("request_not_submitted", **request.about, error=str(error))
            return False
        return True

    async def wait(
        self, request: EnrichmentRequest, workflow_id: str, deadline: float
    ) -> SubmissionAnswer | None:
        """Waits for a submitted request. None if `deadline`, a time.monotonic(), comes first, or Temporal is
        unavailable."""
        seconds = deadline - time.monotonic()
        if seconds <= 0:
            return None
        try:
            return await self._client.answer(workflow_id, request.correlation_id, seconds)
        except WorkflowUnavailableError as error:
            _log.warning("settlement_unknown", **request.about, error=str(error))
            return None
