"""In: requests to enrich. Out: for each the topic that it goes to.

Kafka is read in its order, so that a project that sends much would be in front of all others. What a project
sends beyond its share goes to a topic of its own, which is read while not too many analyses wait.
"""

import time
from collections.abc import Callable
from typing import Final

from archon.contracts.events import EnrichmentRequest
from archon.contracts.types import Priority
from archon.runtime.flow.rates import TokenBuckets
from archon.runtime.settings import Settings

PROJECTS: Final = 10_000
"""Projects whose shares are known; one that was forgotten begins anew."""


class Lanes:
    """Counts for one process; `clock` is in seconds."""

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.monotonic) -> None:
        self._settings = settings
        self._buckets = TokenBuckets(clock, most=PROJECTS)

    def topic(self, request: EnrichmentRequest) -> str:
        """Where the request is to be published. What has time waits behind all that has not."""
        rate, burst = self._settings.project_rate, self._settings.project_burst
        if request.priority is Priority.LOW or not self._buckets.has(request.project_name, rate, burst):
            return self._settings.kafka_bulk_topic
        return self._settings.kafka_enrichment_topic
