"""In: the code's definitions. Out: names of the series that our services export, and of others that we
read."""

from typing import Final

from archon.runtime.telemetry.metrics import SERVICES
from kafka_ingress import estate

ESTATE: Final = (estate.LAG, estate.TOPIC_MESSAGES, estate.TOPIC_BYTES, estate.PENDING, estate.PARKED)
OF_THE_TEMPORAL_SDK: Final = (
    "temporal_activity_schedule_to_start_latency_seconds_bucket",
    "temporal_worker_task_slots_available",
    "temporal_workflow_task_execution_failed_total",
    "temporal_workflow_task_schedule_to_start_latency_seconds_bucket",
)
OF_PROMETHEUS: Final = ("up", "ALERTS")
_SUFFIXES: Final = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count"), "gauge": ("",)}


def exported_by(service: str) -> list[str]:
    """Series names of the metrics that a service updates."""
    return [
        family.name + suffix
        for collector in SERVICES[service]
        for family in collector.collect()
        for suffix in _SUFFIXES[family.type]
    ]


def readable() -> set[str]:
    """All series that a rule or a panel may read."""
    ours = {name for service in SERVICES for name in exported_by(service)}
    return {*ours, *ESTATE, *OF_THE_TEMPORAL_SDK, *OF_PROMETHEUS}
