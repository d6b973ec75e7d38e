"""In: the bridge's way to Kafka. Out: whether enrichment requests leave it now."""

from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel

from bridge.dependencies import PublisherDep, SettingsDep

router = APIRouter(tags=["health"])


class ProducerHealth(BaseModel):
    """`down`: requests are deferred; they are published as soon as Kafka answers again."""

    status: Literal["connected", "down"]
    topic: str


class EnrichmentHealth(BaseModel):
    """Answer of `GET /health/enrichment`. `enabled`: whether documents are enriched in the background."""

    status: Literal["healthy", "degraded"]
    enabled: bool
    producer: ProducerHealth


@router.get("/health/enrichment", operation_id="enrichment_health")
async def enrichment_health(settings: SettingsDep, publisher: PublisherDep) -> EnrichmentHealth:
    """Whether enrichment requests reach Kafka."""
    available = publisher.available
    return EnrichmentHealth(
        status="healthy" if available else "degraded",
        enabled=True,
        producer=ProducerHealth(
            status="connected" if available else "down", topic=settings.kafka_enrichment_topic
        ),
    )
