"""Metrics, logs and health of the running services, and what they must not reveal."""

import json
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from aiokafka import AIOKafkaProducer
from prometheus_client.parser import text_string_to_metric_families

from archon.runtime.settings import Settings
from tests.eventually import eventually


@pytest.fixture
async def http() -> Any:
    async with httpx.AsyncClient(timeout=30) as client:
        yield client


async def samples(http: httpx.AsyncClient, port: int) -> dict[str, float]:
    """A service's samples by name, summed over labels."""
    text = (await http.get(f"http://127.0.0.1:{port}/metrics")).text
    found: dict[str, float] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found[sample.name] = found.get(sample.name, 0.0) + sample.value
    return found


def log_lines(data_dir: Path, service: str) -> list[dict[str, Any]]:
    """Every line is JSON, from the first to the last; an incomplete last line is ignored."""
    text = (data_dir / "logs" / f"{service}.log").read_text()
    return [json.loads(line) for line in text[: text.rfind("\n")].splitlines()]


async def test_one_document_moves_the_metrics_of_every_service_and_leaves_no_text_in_a_log(
    http: httpx.AsyncClient, stack: Settings, stack_dir: Path, project: str
) -> None:
    ports = {"bridge": stack.bridge_port, "ingress": stack.ingress_port, "worker": stack.worker_port}
    before = {name: await samples(http, port) for name, port in ports.items()}
    secret = f"secret-{uuid4().hex}"
    body = {"project_id": project, "source_path": "a.py", "full_text": f"TOKEN = '{secret}'\n"}
    accepted = (await http.post(f"{stack.bridge_url}/api/bridge/document", json=body)).json()
    async with AIOKafkaProducer(
        bootstrap_servers=stack.kafka_bootstrap_servers, enable_idempotence=stack.kafka_enable_idempotence
    ) as producer:
        await producer.send_and_wait(stack.kafka_enrichment_topic, f'{{"full_text": "{secret}"}}'.encode())
        await producer.send_and_wait(stack.kafka_index_topic, f'{{"full_text": "{secret}", '.encode())
    moved = {
        "bridge": ("archon_bridge_documents_indexed_total", "archon_bridge_indexing_duration_seconds_count"),
        "ingress": (
            "archon_enrichment_consumer_messages_processed_total",
            "archon_enrichment_consumer_dlq_published_total",
        ),
        "worker": ("archon_documents_enriched_total", "archon_enrichment_age_seconds_count"),
    }

    async def have_moved() -> bool:
        after = {name: await samples(http, port) for name, port in ports.items()}
        return all(
            after[name][metric] > before[name].get(metric, 0) for name in moved for metric in moved[name]
        )

    await eventually(have_moved)
    worker = await samples(http, stack.worker_port)
    assert any(name.startswith("temporal_workflow_completed") for name in worker)
    assert "archon_documents_parked" not in worker, "the estate is the ingress's to tell"

    events = {
        "bridge": (
            "document_indexed",
            {"document_id", "correlation_id", "project_name", "status", "duration_ms"},
        ),
        "ingress": ("request_submitted", {"document_id", "correlation_id", "project_name", "workflow_id"}),
        "worker": (
            "enrichment_completed",
            {"document_id", "correlation_id", "project_name", "status", "duration_ms", "retry_count"},
        ),
    }
    for service, (event, fields) in events.items():

        async def said(service: str = service, event: str = event) -> list[dict[str, Any]]:
            lines = log_lines(stack_dir, service)
            document_id = accepted["document_id"]
            return [
                each for each in lines if (each["event"], each.get("document_id")) == (event, document_id)
            ]

        found = await eventually(said)
        assert len(found) == 1, f"{service} says {event} once"
        assert fields | {"timestamp", "level", "service"} <= set(found[0])
        assert found[0]["correlation_id"] == accepted["correlation_id"]
    for service in (*events, "intelligence"):
        assert secret not in (stack_dir / "logs" / f"{service}.log").read_text(), service


async def test_the_estate_is_counted_by_the_ingress(http: httpx.AsyncClient, stack: Settings) -> None:
    async def reported() -> bool:
        found = await samples(http, stack.ingress_port)
        return {
            "archon_documents_parked",
            "archon_documents_pending_enrichment",
            "archon_kafka_consumer_lag",
            "archon_kafka_topic_messages_count",
        } <= set(found)

    await eventually(reported)


async def test_health_tells_consumer_breaker_and_producer(http: httpx.AsyncClient, stack: Settings) -> None:
    async def health(port: int, path: str = "/health") -> Any:
        return (await http.get(f"http://127.0.0.1:{port}{path}")).raise_for_status().json()

    ingress = await health(stack.ingress_port)
    assert set(ingress) == {"status", "consumer", "circuit_breaker", "kafka"}
    assert ingress["kafka"]["status"] == "healthy"
    assert (ingress["status"], ingress["consumer"]["running"]) == ("healthy", True)
    assert {"messages_consumed", "messages_processed", "errors"} <= set(ingress["consumer"])
    assert ingress["consumer"]["state"] == "consuming"
    assert ingress["circuit_breaker"] == {"state": "closed", "failure_count": 0}
    worker = await health(stack.worker_port)
    assert worker["status"] == "healthy"
    assert (worker["circuit_breaker"]["state"], worker["circuit_breaker"]["failure_count"]) == ("closed", 0)

    async def sees_the_worker() -> Any:
        found = await health(stack.bridge_port, "/health/enrichment")
        return found if found["worker"]["status"] == "working" else None

    bridge = await eventually(sees_the_worker)
    assert bridge.pop("worker")["last_seen"] is not None
    assert bridge.pop("clocks_ahead") == {}
    assert bridge == {
        "status": "healthy",
        "enabled": True,
        "rollout": {"rollout_percentage": 100, "enabled_projects": [], "skip": False, "problem": None},
        "kafka_producer": {"status": "connected", "enabled": True, "topic": stack.kafka_enrichment_topic},
    }
