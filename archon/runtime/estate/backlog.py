"""In: broker and Temporal. Out: how many enrichments are requested and not finished, wherever they are."""

import asyncio

from archon.runtime.kafka.statistics import enrichment_lag
from archon.runtime.settings import Settings
from archon.runtime.temporal.client import EnrichmentClient


class PipelineBacklog:
    """Requests in Kafka are served in their order, whatever their priority; in Temporal by priority. So who
    must not delay others looks at both."""

    def __init__(self, settings: Settings, client: EnrichmentClient) -> None:
        self._settings = settings
        self._client = client

    async def open(self) -> int:
        """About. Raises TopicUnavailableError, WorkflowUnavailableError."""
        return sum(await asyncio.gather(enrichment_lag(self._settings), self._client.under_way()))
