"""In: enrichment requests. Out: the topic for each of them.

Kafka is read in order, so a project with many requests would delay all others. Its requests above its share
go to the bulk topic, which is only read while few analyses wait.
"""

import time
from collections.abc import Callable
from typing import Final

from archon.contracts.events import EnrichmentRequest
from archon.contracts.types import Priority
from archon.runtime.flow.rates import TokenBuckets
from archon.runtime.settings import Settings

PROJECTS: Final = 10_000
"""Maximum number of projects whose shares are remembered; a forgotten project starts with a full share."""


class Lanes:
    """Counts for one process; `clock` is in seconds."""

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.monotonic) -> None:
        self._settings = settings
        self._buckets = TokenBuckets(clock, most=PROJECTS)

    def topic(self, request: EnrichmentRequest) -> str:
        """The topic for the request: bulk for low priority or above the project's share."""
        rate, burst = self._settings.project_rate, self._settings.project_burst
        if request.priority is Priority.LOW or not self._buckets.has(request.project_name, rate, burst):
            return self._settings.kafka_bulk_topic
        return self._settings.kafka_enrichment_topic
