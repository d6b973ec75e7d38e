"""`enrich setup` and `enrich topics` on the real servers: created and unchanged parts, and the output."""

import contextlib
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from types import SimpleNamespace
from uuid import uuid4

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from qdrant_client import models
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest, ListSearchAttributesRequest
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest, RegisterNamespaceRequest
from temporalio.client import Client
from temporalio.service import RPCError

from archon.contracts import names
from archon.contracts.errors import PublishError, SetupError
from archon.contracts.types import EnrichmentStatus
from archon.runtime.kafka import topics as planned
from archon.runtime.kafka.check import TopicCheck
from archon.runtime.kafka.publisher import KafkaPublisher
from archon.runtime.kafka.topics import describe_topics, ensure_topics, topics
from archon.runtime.local_ports import free_ports
from archon.runtime.settings import Settings
from archon.runtime.temporal import client as temporal
from archon.runtime.temporal.attributes import query_of
from archon.runtime.temporal.client import EnrichmentClient
from archon.runtime.temporal.namespace import RETENTION, ensure_namespace
from archon.runtime.temporal.search_attributes import NamespaceCheck
from archon.stores.vectors.store import VectorStore, qdrant
from tests import factories
from tests.e2e.command import enrich
from tests.eventually import eventually
from tests.stacks import TestServers

KEYWORD = IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD
DAY = 24 * 3600


@pytest.fixture
async def own(servers: TestServers, tmp_path: Path) -> Settings:
    """Servers of the suite, with new topics, namespace and collection."""
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


def _statuses(answer: dict[str, list[dict[str, str]]]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for each in answer["parts"]:
        found.setdefault(each["part"], set()).add(each["status"])
    return found


async def test_a_part_that_is_down_does_not_keep_the_others(servers: TestServers, own: Settings) -> None:
    (nobody,) = free_ports(1)
    env = environment(servers, own, QDRANT_URL=f"http://127.0.0.1:{nobody}")
    finished = await enrich("setup", "-o", "json", environment=env)
    assert finished.code == 3
    assert list(finished.json()["failures"]) == ["vectors"]
    assert _statuses(finished.json())["topics"] == {"created"}
    assert "error: qdrant" in finished.err


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
    by_name = {topic["name"]: topic for topic in before.json()["topics"]}
    assert by_name[own.kafka_index_topic]["status"] == "missing"
    assert by_name[own.kafka_dlq_topic]["differences"][0] == "partitions: 2, planned 1"
    assert by_name[own.kafka_progress_topic]["differences"] == [f"retention.ms: 1000, planned {DAY}000"]
    statuses = {topic["name"]: topic["status"] for topic in created.json()["topics"]}
    assert statuses[own.kafka_enrichment_topic] == "created"
    assert statuses[own.kafka_dlq_topic] == "differs"
    assert f"retention.ms: 1000, planned {DAY}000" in after.out
    made = {topic.name: topic for topic in await describe_topics(own)}
    assert {name: topic.partitions for name, topic in made.items()} == {
        own.kafka_index_topic: 4,
        own.kafka_enrichment_topic: 4,
        own.kafka_bulk_topic: 4,
        own.kafka_dlq_topic: 2,
        own.kafka_completed_topic: 4,
        own.kafka_progress_topic: 4,
    }


def test_the_plan_is_the_designs() -> None:
    settings = Settings()
    assert {topic.name: (topic.partitions, topic.config) for topic in topics(settings)} == {
        settings.kafka_index_topic: (4, _config(7)),
        settings.kafka_enrichment_topic: (4, _config(7, compression="snappy")),
        settings.kafka_bulk_topic: (4, _config(7, compression="snappy")),
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


async def registered(own: Settings, attributes: Mapping[str, IndexedValueType.ValueType]) -> Client:
    """A namespace that other clients have created."""
    client = await Client.connect(own.temporal_address, namespace=own.temporal_namespace)
    new = RegisterNamespaceRequest(namespace=own.temporal_namespace)
    new.workflow_execution_retention_period.FromTimedelta(RETENTION)
    await client.workflow_service.register_namespace(new)

    async def added() -> bool:
        try:
            await client.operator_service.add_search_attributes(
                AddSearchAttributesRequest(namespace=own.temporal_namespace, search_attributes=attributes)
            )
        except RPCError:  # a new namespace is not yet known everywhere
            return False
        return True

    if attributes:
        await eventually(added)
    return client


async def test_a_search_attribute_of_another_type_is_refused(own: Settings) -> None:
    other = IndexedValueType.INDEXED_VALUE_TYPE_INT
    client = await registered(own, {names.SEARCH_LANGUAGE: other, names.SEARCH_FILE_PATH: other})
    for act in (lambda: ensure_namespace(own), NamespaceCheck(client).check):
        with pytest.raises(SetupError, match="Language is INDEXED_VALUE_TYPE_INT, FilePath is INDEXED"):
            await act()


async def test_readiness_names_what_a_namespace_lacks(own: Settings) -> None:
    older = [each for each in names.SEARCH_ATTRIBUTES if each != names.SEARCH_FILE_PATH]
    client = await registered(own, dict.fromkeys(older, KEYWORD))
    check = NamespaceCheck(client).check
    with pytest.raises(SetupError, match="lacks search attributes: FilePath; `enrich setup` adds"):
        await check()
    assert (await ensure_namespace(own)).search_attributes_added == [names.SEARCH_FILE_PATH]
    await check()
    nowhere = await Client.connect(own.temporal_address, namespace=f"n{uuid4().hex}")
    with pytest.raises(SetupError, match="has no namespace"):
        await NamespaceCheck(nowhere).check()


async def test_a_store_without_room_for_the_attributes_is_named(own: Settings) -> None:
    await registered(own, {f"Other{number}": KEYWORD for number in range(5)})
    with pytest.raises(SetupError, match=r"refuses the search attributes ProjectName, .*Keyword"):
        await ensure_namespace(own)


async def test_a_run_is_found_by_its_path_and_by_the_link_of_a_listing(own: Settings) -> None:
    await ensure_namespace(own)
    client = await temporal.connect(own)
    request = factories.request("it's a project").model_copy(update={"file_path": "src/a 'b'.py"})
    workflow_id = await EnrichmentClient(client).submit(request)

    async def found(query: str) -> list[str]:
        return [run.id async for run in client.list_workflows(query)]

    own_project = query_of([request.project_name, "other"], EnrichmentStatus.PROCESSING)
    assert await eventually(lambda: found(own_project)) == [workflow_id]
    assert await found(f'{names.SEARCH_FILE_PATH} = "{request.file_path}"') == [workflow_id]
    assert await found(f'{names.SEARCH_FILE_PATH} STARTS_WITH "src/"') == [workflow_id]
    assert await found(query_of(None, None)) == [workflow_id]
    assert await found(query_of([request.project_name], EnrichmentStatus.FAILED)) == []
    assert await found(query_of(["other", "' OR ProjectName != '", "\\", '"'], None)) == []


async def test_readiness_names_the_topics_that_are_missing(own: Settings) -> None:
    async with KafkaPublisher.connect(own, "test") as publisher:
        check = TopicCheck(publisher, own.kafka_dlq_topic, own.kafka_index_topic).check
        with pytest.raises(SetupError, match=own.kafka_dlq_topic):
            await check()
        await ensure_topics(own)
        await check()


@pytest.mark.parametrize(
    ("code", "raised"), [(29, SetupError), (44, SetupError), (38, SetupError), (7, PublishError)]
)
async def test_topics_that_may_not_be_made_are_all_named(
    monkeypatch: pytest.MonkeyPatch, code: int, raised: type[Exception]
) -> None:
    class Admin:
        async def list_topics(self) -> list[str]:
            return []

        async def create_topics(self, new: list[NewTopic]) -> SimpleNamespace:
            return SimpleNamespace(topic_errors=[(each.name, code, "no") for each in new])

    @contextlib.asynccontextmanager
    async def admin(_: Settings) -> AsyncIterator[Admin]:
        yield Admin()

    monkeypatch.setattr(planned, "_admin", admin)
    with pytest.raises(raised) as refusal:
        await ensure_topics(Settings())
    assert all(topic.name in str(refusal.value) for topic in topics(Settings()))


async def test_collections_that_were_there_before_are_named(servers: TestServers, own: Settings) -> None:
    async with AsyncExitStack() as stack:
        client = qdrant(own)
        stack.push_async_callback(client.close)
        for name in (own.qdrant_collection, own.qdrant_symbols_collection):
            dense = models.VectorParams(size=384, distance=models.Distance.DOT)
            await client.create_collection(name, {names.VECTOR_CONTENT: dense})
    finished = await enrich("setup", "-o", "json", environment=environment(servers, own))
    assert finished.code not in {0, 3}
    for name in (own.qdrant_collection, own.qdrant_symbols_collection):
        for part in ("size 384, and wants 256", "distance Dot, and wants Cosine"):
            assert (
                f"collection {name} has vectors content of {part}" in finished.json()["failures"]["vectors"]
            )
    assert f"{own.qdrant_symbols_collection} has no sparse vector terms" in finished.err
