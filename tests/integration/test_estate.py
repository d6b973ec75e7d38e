"""Counts of the installation, from the real graph and the real broker."""

import asyncio
import os
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from archon.contracts.errors import TopicUnavailableError
from archon.contracts.types import EnrichmentStatus
from archon.runtime.kafka.statistics import Consumption, topic_statistics
from archon.runtime.kafka.topics import ensure_topics
from archon.runtime.settings import Settings
from archon.stores.graph.census import Census
from archon.stores.graph.store import GraphStore
from tests import factories
from tests.stacks import TestServers


async def test_lag_is_what_the_group_has_not_committed(servers: TestServers, settings: Settings) -> None:
    await servers.start("kafka")
    await ensure_topics(settings)
    topic = settings.kafka_enrichment_topic
    async with AIOKafkaProducer(
        bootstrap_servers=settings.kafka_bootstrap_servers,
        enable_idempotence=settings.kafka_enable_idempotence,
    ) as producer:
        for number in range(5):
            await producer.send_and_wait(topic, b"x" * 100, partition=0)
            await producer.send_and_wait(topic, b"x", partition=1 + number % 3)
    async with AIOKafkaConsumer(
        bootstrap_servers=settings.kafka_bootstrap_servers,
        group_id=settings.kafka_group_id,
        enable_auto_commit=False,
    ) as member:
        member.assign([TopicPartition(topic, 0)])
        await member.commit({TopicPartition(topic, 0): 2})
    found = await topic_statistics(settings)
    lag = {partition: records for (name, partition), records in found.lag.items() if name == topic}
    assert lag == {0: 3, 1: 2, 2: 2, 3: 1}
    assert found.messages[topic] == 10
    assert found.messages[settings.kafka_dlq_topic] == 0
    read = {topic, settings.kafka_bulk_topic, settings.kafka_index_topic}
    assert {name for name, _ in found.lag} == read
    if "ARCHON_TEST_KAFKA" in os.environ:
        assert found.sizes[topic] > 500
    else:
        assert found.sizes == {}, "the embedded broker tells sizes now: the documents say that it does not"


async def test_the_ingress_is_behind_while_a_request_from_before_is_not_committed(
    servers: TestServers, settings: Settings
) -> None:
    await servers.start("kafka")
    await ensure_topics(settings)
    consumption = Consumption(settings)
    partition = TopicPartition(settings.kafka_enrichment_topic, 2)
    moments = [datetime.now(UTC)]
    assert not await consumption.behind(moments[0])
    async with AIOKafkaProducer(
        bootstrap_servers=settings.kafka_bootstrap_servers,
        enable_idempotence=settings.kafka_enable_idempotence,
    ) as producer:
        for _ in range(2):
            await asyncio.sleep(0.005)  # a record's time is in milliseconds
            await producer.send_and_wait(partition.topic, b"x", partition=partition.partition)
            await asyncio.sleep(0.005)
            moments.append(datetime.now(UTC))
    assert [await consumption.behind(moment) for moment in moments] == [False, True, True]
    async with AIOKafkaConsumer(
        bootstrap_servers=settings.kafka_bootstrap_servers,
        group_id=settings.kafka_group_id,
        enable_auto_commit=False,
    ) as member:
        member.assign([partition])
        await member.commit({partition: 1})
    assert [await consumption.behind(moment) for moment in moments] == [False, False, True]


async def test_a_broker_that_is_away_is_told_as_such(settings: Settings) -> None:
    nowhere = settings.model_copy(update={"kafka_bootstrap_servers": "127.0.0.1:9"})
    for ask in (lambda: topic_statistics(nowhere), lambda: Consumption(nowhere).behind(datetime.now(UTC))):
        with pytest.raises(TopicUnavailableError, match=r"127\.0\.0\.1:9"):
            await ask()


async def test_documents_that_wait_are_counted_by_age(
    servers: TestServers, settings: Settings, project: str
) -> None:
    await servers.start("graph")
    ages = {"under_5m": 1, "5m_to_30m": 10, "30m_to_6h": 60, "over_6h": 7 * 60}
    async with GraphStore.connect(settings) as graph, Census.connect(settings) as census:
        await graph.ensure_schema()
        before = await census.waiting()
        for minutes in ages.values():
            indexed_at = datetime.now(UTC) - timedelta(minutes=minutes)
            document = factories.document(project, indexed_at=indexed_at)
            await graph.index(document, str(uuid4()), status=EnrichmentStatus.PROCESSING)
        await graph.index(factories.document(project), str(uuid4()), status=EnrichmentStatus.FAILED)
        after = await census.waiting()
    assert {age: after.pending[age] - before.pending[age] for age in ages} == dict.fromkeys(ages, 1)
    assert after.parked - before.parked == 1
