"""`enrich setup` and `enrich topics` on the real servers: what they make, what they leave, what they say."""

import os
from collections.abc import Mapping
from pathlib import Path
from uuid import uuid4

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest, ListSearchAttributesRequest
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest, RegisterNamespaceRequest
from temporalio.client import Client

from archon.contracts import names
from archon.contracts.errors import SetupError
from archon.runtime import topics as planned
from archon.runtime.namespace import RETENTION, ensure_namespace
from archon.runtime.ports import free_ports
from archon.runtime.settings import Settings
from archon.runtime.topics import describe_topics, topics
from archon.stores.vectors import VectorStore
from tests.conftest import TestServers
from tests.e2e.command import enrich

KEYWORD = IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD
DAY = 24 * 3600


@pytest.fixture
async def own(servers: TestServers, tmp_path: Path) -> Settings:
    """Servers of the suite, with topics, namespace and collection that nobody has made yet."""
    await servers.start("temporal", "kafka", "graph", "vectors")
    return servers.settings(tmp_path, temporal_namespace=f"n{uuid4().hex[:10]}")


def environment(servers: TestServers, own: Settings, **overrides: str) -> Mapping[str, str]:
    namespace = {"TEMPORAL_NAMESPACE": own.temporal_namespace}
    return {**os.environ, **servers.environment_of(own), **namespace, **overrides}


async def test_setup_makes_everything_and_nothing_twice(servers: TestServers, own: Settings) -> None:
    env = environment(servers, own)
    first = await enrich("setup", "-o", "json", environment=env)
    again = await enrich("setup", "-o", "json", environment=env)
    assert (first.code, again.code) == (0, 0), first.err + again.err
    assert _statuses(first.json()) == {"topics": {"created"}, "temporal": {"created"}, **READY}
    assert _statuses(again.json()) == {"topics": {"exists"}, "temporal": {"exists"}, **READY}

    client = await Client.connect(own.temporal_address, namespace=own.temporal_namespace)
    namespace = await client.workflow_service.describe_namespace(
        DescribeNamespaceRequest(namespace=own.temporal_namespace)
    )
    assert namespace.config.workflow_execution_retention_ttl.ToTimedelta() == RETENTION
    attributes = await client.operator_service.list_search_attributes(
        ListSearchAttributesRequest(namespace=own.temporal_namespace)
    )
    assert dict(attributes.custom_attributes) == dict.fromkeys(names.SEARCH_ATTRIBUTES, KEYWORD)
    async with VectorStore.connect(own) as vectors:
        assert await vectors.get(str(uuid4())) is None
    assert not [each for each in Path(own.content_store_url[7:]).rglob("*") if each.is_file()]


READY = {part: {"ready"} for part in ("graph", "vectors", "content")}


def _statuses(told: dict[str, list[dict[str, str]]]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for each in told["parts"]:
        found.setdefault(each["part"], set()).add(each["status"])
    return found


async def test_a_part_that_is_down_does_not_keep_the_others(servers: TestServers, own: Settings) -> None:
    (nobody,) = free_ports(1)
    env = environment(servers, own, QDRANT_URL=f"http://127.0.0.1:{nobody}")
    told = await enrich("setup", "-o", "json", environment=env)
    assert told.code == 3
    assert list(told.json()["failures"]) == ["vectors"]
    assert _statuses(told.json())["topics"] == {"created"}
    assert "error: qdrant" in told.err


async def test_topics_are_planned_as_designed_and_drift_is_told(servers: TestServers, own: Settings) -> None:
    env = environment(servers, own)
    admin = AIOKafkaAdminClient(bootstrap_servers=own.kafka_bootstrap_servers)
    await admin.start()
    await admin.create_topics(
        [
            NewTopic(own.kafka_dlq_topic, 2, 1, topic_configs={"cleanup.policy": "delete,compact"}),
            NewTopic(own.kafka_progress_topic, 4, 1, topic_configs={"retention.ms": "1000"}),
        ]
    )
    await admin.close()

    before = await enrich("topics", "list", "-o", "json", environment=env)
    created = await enrich("topics", "create", "-o", "json", environment=env)
    after = await enrich("topics", "list", environment=env)

    assert (before.code, created.code, after.code) == (10, 0, 10)
    told = {topic["name"]: topic for topic in before.json()["topics"]}
    assert told[own.kafka_index_topic]["status"] == "missing"
    assert told[own.kafka_dlq_topic]["differences"][0] == "partitions: 2, planned 1"
    assert told[own.kafka_progress_topic]["differences"] == [f"retention.ms: 1000, planned {DAY}000"]
    statuses = {topic["name"]: topic["status"] for topic in created.json()["topics"]}
    assert statuses[own.kafka_enrichment_topic] == "created"
    assert statuses[own.kafka_dlq_topic] == "differs"
    assert f"retention.ms: 1000, planned {DAY}000" in after.out
    made = {topic.name: topic for topic in await describe_topics(own)}
    assert {name: topic.partitions for name, topic in made.items()} == {
        own.kafka_index_topic: 4,
        own.kafka_enrichment_topic: 4,
        own.kafka_dlq_topic: 2,
        own.kafka_completed_topic: 4,
        own.kafka_progress_topic: 4,
    }


def test_the_plan_is_the_designs() -> None:
    settings = Settings()
    assert {topic.name: (topic.partitions, topic.config) for topic in topics(settings)} == {
        settings.kafka_index_topic: (4, _config(7)),
        settings.kafka_enrichment_topic: (4, _config(7, compression="snappy")),
        settings.kafka_dlq_topic: (1, _config(30, cleanup="compact,delete", compression="gzip")),
        settings.kafka_completed_topic: (4, _config(7)),
        settings.kafka_progress_topic: (4, _config(1)),
    }


@pytest.mark.parametrize(("copies", "acknowledging"), [(1, None), (2, None), (3, "2")])
def test_an_acknowledged_record_survives_a_broker(copies: int, acknowledging: str | None) -> None:
    made = planned._new_topic(topics(Settings())[0], copies)
    assert made.topic_configs.get("min.insync.replicas") == acknowledging


def _config(days: int, cleanup: str = "delete", compression: str = "producer") -> dict[str, str]:
    return {
        "retention.ms": str(days * DAY * 1000),
        "cleanup.policy": cleanup,
        "compression.type": compression,
    }


async def test_a_namespace_that_exists_is_raised_and_never_lowered(own: Settings) -> None:
    client = await Client.connect(own.temporal_address, namespace=own.temporal_namespace)
    short = RegisterNamespaceRequest(namespace=own.temporal_namespace)
    short.workflow_execution_retention_period.FromTimedelta(RETENTION / 7)
    await client.workflow_service.register_namespace(short)
    raised = await ensure_namespace(own)
    kept = await ensure_namespace(own, RETENTION / 7)
    assert (raised.status, raised.retention) == ("changed", 7 * DAY)
    assert (kept.status, kept.retention) == ("exists", 7 * DAY)


async def test_a_search_attribute_of_another_type_is_refused(own: Settings) -> None:
    await ensure_namespace(own)
    other = own.model_copy(update={"temporal_namespace": f"n{uuid4().hex[:10]}"})
    client = await Client.connect(other.temporal_address, namespace=other.temporal_namespace)
    new = RegisterNamespaceRequest(namespace=other.temporal_namespace)
    new.workflow_execution_retention_period.FromTimedelta(RETENTION)
    await client.workflow_service.register_namespace(new)
    await client.operator_service.add_search_attributes(
        AddSearchAttributesRequest(
            namespace=other.temporal_namespace,
            search_attributes={names.SEARCH_LANGUAGE: IndexedValueType.INDEXED_VALUE_TYPE_INT},
        )
    )
    with pytest.raises(SetupError, match="Language is INDEXED_VALUE_TYPE_INT"):
        await ensure_namespace(other)
