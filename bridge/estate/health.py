"""In: the bridge's connection to Kafka, and its flags. Out: whether, and for which projects, it enriches in
the background."""

from datetime import datetime
from typing import Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel

from archon.contracts.errors import ConfigurationError
from archon.contracts.estate import PartName
from archon.runtime.estate.parts import Parts
from bridge.requests.access import caller_of
from bridge.requests.dependencies import PublisherDep, SettingsDep
from bridge.requests.rollout import Rollout

router = APIRouter(tags=["health"])


class ProducerHealth(BaseModel):
    """`down`: requests are deferred, and published as soon as Kafka answers again. `enabled`: whether there
    may be requests to publish."""

    status: Literal["connected", "down"]
    enabled: bool
    topic: str


class RolloutHealth(BaseModel):
    """The flags in force. `enabled_projects` is visible to callers with access to all projects; `problem`:
    why the flags file is ignored."""

    rollout_percentage: int
    enabled_projects: list[str] | None
    skip: bool
    problem: str | None


class WorkerHealth(BaseModel):
    """Whether a worker polls the queues. `last_seen`: time of the last answer of a worker; None if there was
    none since the start of this bridge."""

    status: Literal["working", "gone", "unknown"]
    last_seen: datetime | None


class EnrichmentHealth(BaseModel):
    """Answer of `GET /health/enrichment`. The platform's monitors read `kafka_producer`. `enabled`: whether
    documents are enriched in the background, for the projects in `rollout`. `clocks_ahead`: parts whose
    clocks differ from the bridge's, with the seconds."""

    status: Literal["healthy", "degraded"]
    enabled: bool
    rollout: RolloutHealth
    kafka_producer: ProducerHealth
    worker: WorkerHealth
    clocks_ahead: dict[PartName, float]


@router.get("/health/enrichment", operation_id="enrichment_health")
async def enrichment_health(
    request: Request, settings: SettingsDep, publisher: PublisherDep
) -> EnrichmentHealth:
    """Whether requests reach Kafka, whether a worker polls, and which projects are enriched in the
    background."""
    rollout: Rollout = request.app.state.rollout
    flags, problem = rollout.flags, await _problem(rollout)
    parts: Parts = request.app.state.parts
    kafka, worker = parts.known.get(PartName.KAFKA), _worker(parts)
    # A check notices a hanging broker long before a publish gives up.
    available = publisher.available and (kafka is None or kafka.working)
    clocks = {part.name: part.clock_ahead or 0.0 for part in parts.known.values() if part.clock_is_off}
    healthy = available and problem is None and worker.status != "gone" and not clocks
    enabled = flags.enable_async_enrichment and not flags.skip_intelligence_enrichment
    everything = caller_of(request).projects is None
    return EnrichmentHealth(
        status="healthy" if healthy else "degraded",
        enabled=enabled,
        rollout=RolloutHealth(
            rollout_percentage=flags.async_enrichment_rollout_percentage,
            enabled_projects=flags.async_enrichment_enabled_projects if everything else None,
            skip=flags.skip_intelligence_enrichment,
            problem=problem if everything or problem is None else "the flags file cannot be read",
        ),
        kafka_producer=ProducerHealth(
            status="connected" if available else "down",
            enabled=enabled,
            topic=settings.kafka_enrichment_topic,
        ),
        worker=worker,
        clocks_ahead=clocks,
    )


def _worker(parts: Parts) -> WorkerHealth:
    part = parts.known.get(PartName.WORKER)
    if part is None:
        return WorkerHealth(status="unknown", last_seen=None)
    return WorkerHealth(status="working" if part.working else "gone", last_seen=part.last_seen)


async def _problem(rollout: Rollout) -> str | None:
    try:
        await rollout.check()
    except ConfigurationError as error:
        return str(error)
    return None
