"""In: the bridge's way to Kafka, and its flags. Out: whether, and for whom, it enriches in the background."""

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
    """`down`: requests are deferred; they are published as soon as Kafka answers again. `enabled`:
    whether there are any to be published."""

    status: Literal["connected", "down"]
    enabled: bool
    topic: str


class RolloutHealth(BaseModel):
    """The flags in force. `enabled_projects` are named to callers whose are all projects; `problem`: why the
    flags file is not taken up."""

    rollout_percentage: int
    enabled_projects: list[str] | None
    skip: bool
    problem: str | None


class WorkerHealth(BaseModel):
    """Whether somebody works on the queues. `last_seen`: when a worker last answered; None where none has
    since this bridge began."""

    status: Literal["working", "gone", "unknown"]
    last_seen: datetime | None


class EnrichmentHealth(BaseModel):
    """Answer of `GET /health/enrichment`. `kafka_producer` is what the platform's monitors read. `enabled`:
    whether documents are enriched in the background, of those projects that `rollout` lets in.
    `clocks_ahead`: the parts whose clocks are not set as the bridge's is, by how many seconds."""

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
    """Whether requests reach Kafka, whether somebody works on them, and whose documents are enriched in the
    background."""
    rollout: Rollout = request.app.state.rollout
    flags, problem = rollout.flags, await _problem(rollout)
    parts: Parts = request.app.state.parts
    kafka, worker = parts.known.get(PartName.KAFKA), _worker(parts)
    # A broker that hangs is found by asking it, long before a publish has given up.
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
