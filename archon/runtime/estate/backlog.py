"""In: broker and Temporal. Out: the number of requested and unfinished enrichments, wherever they are."""

import asyncio

from archon.runtime.kafka.statistics import enrichment_lag
from archon.runtime.settings import Settings
from archon.runtime.temporal.client import EnrichmentClient


class PipelineBacklog:
    """Kafka serves requests in order, regardless of priority; Temporal serves them by priority. Callers that
    must yield to live traffic need both counts."""

    def __init__(self, settings: Settings, client: EnrichmentClient) -> None:
        self._settings = settings
        self._client = client

    async def open(self) -> int:
        """An estimate. Raises TopicUnavailableError, WorkflowUnavailableError."""
        return sum(await asyncio.gather(enrichment_lag(self._settings), self._client.under_way()))
