"""In: observations of a process. Out: the product's metrics, each defined here once.

A service exports only the metrics that it updates. Series with known labels start at zero: then the first
failure is an increase, which `rate()` sees, and not a new series.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, Self

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.registry import Collector

from archon.contracts.documents import IndexingStatus
from archon.contracts.operations.drift import Drift
from archon.contracts.types import FailureType, Outcome

_ANSWERS: Final = (0.005, 0.01, 0.02, 0.035, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1.0, 2.5, 5.0)
"""Seconds: buckets around the target of a tenth of a second for indexing."""
_ANALYSES: Final = (0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 15.0, 20.0, 30.0, 45.0, 60.0, 120.0, 300.0)
"""Seconds: buckets around the usual five to sixty of an enrichment, with a bound at the alert's thirty."""
_AGES: Final = (1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 900.0, 3600.0, 6 * 3600.0, 24 * 3600.0)
"""Seconds from indexing to enriched; a backlog or an outage extends them to hours."""

DOCUMENTS_INDEXED: Final = Counter(
    "archon_bridge_documents_indexed_total",
    "Documents indexed, by the status of the answer.",
    ["status"],
    registry=None,
)
INDEXING_SECONDS: Final = Histogram(
    "archon_bridge_indexing_duration_seconds",
    "From a parsed submission to its answer, or to the wait for an enrichment within the request.",
    buckets=_ANSWERS,
    registry=None,
)
INDEXING_ERRORS: Final = Counter(
    "archon_bridge_indexing_errors_total",
    "Submissions that a store refused, by the error's class; none of their data is indexed.",
    ["error_type"],
    registry=None,
)
REQUESTS_PUBLISHED: Final = Counter(
    "archon_bridge_enrichment_events_published_total",
    "Enrichment requests that Kafka has acknowledged.",
    registry=None,
)
PUBLISH_ERRORS: Final = Counter(
    "archon_bridge_enrichment_publish_errors_total",
    "Enrichment requests that Kafka has not acknowledged in time; they are published later.",
    registry=None,
)
PUBLISH_SECONDS: Final = Histogram(
    "archon_bridge_enrichment_publish_duration_seconds",
    "From sending an enrichment request to Kafka's acknowledgement.",
    buckets=_ANSWERS,
    registry=None,
)

MESSAGES_CONSUMED: Final = Counter(
    "archon_enrichment_consumer_messages_consumed_total",
    "Records taken from a topic.",
    ["topic"],
    registry=None,
)
MESSAGES_PROCESSED: Final = Counter(
    "archon_enrichment_consumer_messages_processed_total",
    "Records that are durable elsewhere, dead letters included.",
    ["topic"],
    registry=None,
)
VERSIONS_OVERTAKEN: Final = Counter(
    "archon_enrichment_consumer_versions_overtaken_total",
    "Versions that a newer one overtook before they had a run.",
    registry=None,
)
PROCESSING_SECONDS: Final = Histogram(
    "archon_enrichment_consumer_processing_duration_seconds",
    "From the moment a run takes up a request to its end, without the wait before.",
    ["outcome"],
    buckets=_ANALYSES,
    registry=None,
)
ERRORS: Final = Counter(
    "archon_enrichment_consumer_errors_total",
    "Failed attempts of a step and messages refused, by the error's class.",
    ["error_type"],
    registry=None,
)
DEAD_LETTERS: Final = Counter(
    "archon_enrichment_consumer_dlq_published_total",
    "Dead letters published.",
    ["failure_type"],
    registry=None,
)
RETRIES: Final = Counter(
    "archon_enrichment_consumer_retries_total",
    "Attempts of a step after its first.",
    ["activity"],
    registry=None,
)
BREAKER_STATE: Final = Gauge(
    "archon_enrichment_consumer_circuit_breaker_state", "0 closed, 1 open, 2 half-open.", registry=None
)
BREAKER_PROBES: Final = Counter(
    "archon_enrichment_consumer_circuit_breaker_probes_total",
    "Probes of the unavailable intelligence service: answered, failed.",
    ["outcome"],
    registry=None,
)

INTELLIGENCE_REQUESTS: Final = Counter(
    "archon_intelligence_enrichment_requests_total",
    "Documents sent to the intelligence service.",
    registry=None,
)
INTELLIGENCE_SECONDS: Final = Histogram(
    "archon_intelligence_enrichment_duration_seconds",
    "Answer time of the intelligence service, including failures.",
    buckets=_ANALYSES,
    registry=None,
)
INTELLIGENCE_ERRORS: Final = Counter(
    "archon_intelligence_enrichment_errors_total",
    "Failed calls of the intelligence service, by the error's class.",
    ["error_type"],
    registry=None,
)

DOCUMENTS_ENRICHED: Final = Counter("archon_documents_enriched_total", "Documents enriched.", registry=None)
ENRICHMENT_AGE_SECONDS: Final = Histogram(
    "archon_enrichment_age_seconds",
    "From indexing to enriched, all waiting included.",
    buckets=_AGES,
    registry=None,
)
PROGRESS_LOST: Final = Counter(
    "archon_enrichment_progress_lost_total",
    "Progress events that Kafka has not acknowledged; they are not sent again.",
    registry=None,
)

DRIFT_DOCUMENTS: Final = Gauge(
    "archon_reconcile_drift_documents",
    "Documents on which the stores disagreed in the last reconciliation completed by this worker.",
    ["kind"],
    registry=None,
)
DRIFT_REPAIRED: Final = Counter(
    "archon_reconcile_repaired_total",
    "Drifting documents submitted again, and points repaired, by reconciliations.",
    ["kind"],
    registry=None,
)
RECONCILED_AT: Final = Gauge(
    "archon_reconcile_last_run_timestamp_seconds",
    "Time of the last reconciliation completed by this worker; 0: never.",
    registry=None,
)

STORAGE_FREE: Final = Gauge(
    "archon_storage_free_bytes",
    "Free bytes for a store's data, as far as this process can see.",
    ["store"],
    registry=None,
)
STORAGE_SIZE: Final = Gauge(
    "archon_storage_size_bytes",
    "Size of the file system with a store's data.",
    ["store"],
    registry=None,
)

SERVICES: Final[dict[str, tuple[Collector, ...]]] = {
    "bridge": (
        DOCUMENTS_INDEXED,
        INDEXING_SECONDS,
        INDEXING_ERRORS,
        REQUESTS_PUBLISHED,
        PUBLISH_ERRORS,
        PUBLISH_SECONDS,
        STORAGE_FREE,
        STORAGE_SIZE,
    ),
    "ingress": (MESSAGES_CONSUMED, MESSAGES_PROCESSED, VERSIONS_OVERTAKEN, ERRORS, DEAD_LETTERS),
    "worker": (
        PROCESSING_SECONDS,
        ERRORS,
        DEAD_LETTERS,
        RETRIES,
        BREAKER_STATE,
        BREAKER_PROBES,
        INTELLIGENCE_REQUESTS,
        INTELLIGENCE_SECONDS,
        INTELLIGENCE_ERRORS,
        DOCUMENTS_ENRICHED,
        ENRICHMENT_AGE_SECONDS,
        PROGRESS_LOST,
        DRIFT_DOCUMENTS,
        DRIFT_REPAIRED,
        RECONCILED_AT,
        STORAGE_FREE,
        STORAGE_SIZE,
    ),
    "intelligence": (),
}
"""The metrics that each service updates."""


async def _nothing() -> bytes:
    return b""


@dataclass(frozen=True)
class Exposition:
    """A service's answer to `/metrics`, in Prometheus' text format; `beside`: text from other sources."""

    registry: CollectorRegistry
    beside: Callable[[], Awaitable[bytes]] = _nothing

    @classmethod
    def of(cls, service: str, *more: Collector, beside: Callable[[], Awaitable[bytes]] = _nothing) -> Self:
        """A service's own metrics, `more`, and those of its process."""
        registry = CollectorRegistry()
        for collector in (*SERVICES[service], *more):
            registry.register(collector)
        for of_the_process in (ProcessCollector, PlatformCollector, GCCollector):
            of_the_process(registry=registry)
        return cls(registry, beside)

    async def text(self) -> bytes:
        return generate_latest(self.registry) + await self.beside()


def _begin_at_zero() -> None:
    for failure_type in FailureType:
        DEAD_LETTERS.labels(failure_type)
    for outcome in Outcome:
        PROCESSING_SECONDS.labels(outcome)
    for status in IndexingStatus:
        DOCUMENTS_INDEXED.labels(status)
    for learnt in ("answered", "failed"):
        BREAKER_PROBES.labels(learnt)
    for kind in Drift:
        DRIFT_DOCUMENTS.labels(kind)
        DRIFT_REPAIRED.labels(kind)


_begin_at_zero()
