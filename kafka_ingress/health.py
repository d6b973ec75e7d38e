"""In: the consumer of requests, and a worker. Out: `GET /health` in the format of the platform's monitors."""

from typing import Final, Literal, Self

import httpx
from pydantic import BaseModel

from archon.runtime.http.health import DependencyState
from archon.runtime.logs import get_logger
from kafka_ingress.backlog import BacklogGate
from kafka_ingress.consumer import RecordConsumer
from kafka_ingress.enrichment import EnrichmentHandler

_BREAKER: Final = "/metrics/circuit_breaker"
_log = get_logger(__name__)


class ConsumerHealth(BaseModel):
    """`errors`: how often a request had to wait for a service. In addition to the platform's fields: `state`,
    `duplicates` (redeliveries), `pauses` (how often a large backlog has paused consumption)."""

    running: bool
    messages_consumed: int
    messages_processed: int
    errors: int
    state: Literal["consuming", "paused", "connecting"]
    duplicates: int
    pauses: int


class BreakerHealth(BaseModel):
    """A worker's circuit breaker; `state` is unknown if no worker answers."""

    state: str = "unknown"
    failure_count: int = 0


class IngressHealth(BaseModel):
    """Answer of `GET /health`: healthy while the consumer of requests is a member of its group, and Kafka
    answers."""

    status: Literal["healthy", "unhealthy"]
    consumer: ConsumerHealth
    circuit_breaker: BreakerHealth
    kafka: DependencyState

    @classmethod
    def of(
        cls,
        consumer: RecordConsumer,
        handler: EnrichmentHandler,
        gate: BacklogGate,
        breaker: BreakerHealth,
        kafka: DependencyState,
    ) -> Self:
        reading: Literal["paused", "consuming"] = "paused" if consumer.paused else "consuming"
        found = ConsumerHealth(
            running=consumer.connected,
            messages_consumed=consumer.consumed,
            messages_processed=consumer.processed,
            errors=consumer.errors,
            state=reading if consumer.connected else "connecting",
            duplicates=handler.duplicates,
            pauses=gate.pauses,
        )
        healthy = found.running and kafka.status == "healthy"
        return cls(
            status="healthy" if healthy else "unhealthy", consumer=found, circuit_breaker=breaker, kafka=kafka
        )


async def breaker_of(worker: httpx.AsyncClient) -> BreakerHealth:
    """The circuit breaker's state in a worker, within the client's timeout."""
    try:
        answer = (await worker.get(_BREAKER)).raise_for_status()
        return BreakerHealth.model_validate_json(answer.content)
    except (httpx.HTTPError, ValueError) as error:
        _log.warning("breaker_unknown", error=repr(error))
        return BreakerHealth()
