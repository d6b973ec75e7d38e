"""In: broker and Temporal. Out: how many enrichments wait, wherever they wait."""

from archon.runtime.settings import Settings
from archon.runtime.temporal import EnrichmentClient
from archon.runtime.topic_statistics import enrichment_lag


class PipelineBacklog:
    """Requests in Kafka are served in their order, whatever their priority; in Temporal by priority. So who
    must not delay others looks at both."""

    def __init__(self, settings: Settings, client: EnrichmentClient) -> None:
        self._settings = settings
        self._client = client

    async def waiting(self) -> int:
        """Enrichments requested and not begun, about. Raises TopicUnavailableError,
        WorkflowUnavailableError."""
        return await enrichment_lag(self._settings) + await self._client.backlog()
