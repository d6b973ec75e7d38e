"""Progress on a real broker: in order, awaited by nobody, and counted if lost."""

import asyncio
from datetime import UTC, datetime
from uuid import uuid4

from archon.contracts.events import EnrichmentProgress
from archon.runtime.kafka.publisher import KafkaPublisher
from archon.runtime.kafka.topics import ensure_topics
from archon.runtime.kafka.unawaited import LIMIT, Record, Unawaited
from archon.runtime.local_ports import HOST, free_ports
from archon.runtime.settings import Settings
from archon.runtime.telemetry import metrics
from tests.e2e.events import read_all
from tests.eventually import eventually
from tests.stacks import TestServers


def progress(document_id: str, percent: int) -> EnrichmentProgress:
    return EnrichmentProgress(
        document_id=document_id,
        correlation_id=str(uuid4()),
        stage=f"at {percent}",
        progress_percent=percent,
        updated_at=datetime.now(UTC),
    )


def lost() -> float:
    (family,) = metrics.PROGRESS_LOST.collect()
    return next(sample.value for sample in family.samples if sample.name.endswith("_total"))


async def test_a_document_s_progress_arrives_in_order(servers: TestServers, settings: Settings) -> None:
    await servers.start("kafka")
    await ensure_topics(settings)
    document_id = str(uuid4())
    async with KafkaPublisher.connect(settings, "test") as publisher:
        for percent in range(101):
            publisher.progress(progress(document_id, percent))
        await publisher.flushed()
        found = [
            event["value"]["progress_percent"]
            for event in await read_all(settings, settings.kafka_progress_topic)
            if event["key"] == document_id
        ]
    assert found == list(range(101))


async def test_what_waits_when_a_process_ends_is_sent_before(
    servers: TestServers, settings: Settings
) -> None:
    await servers.start("kafka")
    await ensure_topics(settings)
    document_id = str(uuid4())
    async with KafkaPublisher.connect(settings, "test") as publisher:
        publisher.progress(progress(document_id, 10))
    keys = [event["key"] for event in await read_all(settings, settings.kafka_progress_topic)]
    assert document_id in keys


async def test_progress_that_cannot_be_published_is_counted_and_holds_nobody(settings: Settings) -> None:
    nowhere = settings.model_copy(update={"kafka_bootstrap_servers": f"{HOST}:{free_ports(1)[0]}"})
    before = lost()
    async with KafkaPublisher.connect(nowhere, "test") as publisher:
        for percent in (10, 60, 80, 100):
            publisher.progress(progress(str(uuid4()), percent))
        await publisher.flushed()
    assert lost() == before + 4


async def test_no_more_waits_than_there_is_room_for() -> None:
    release = asyncio.Event()

    async def slow(record: Record) -> asyncio.Future[object]:
        await release.wait()
        acknowledged: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        acknowledged.set_result(None)
        return acknowledged

    before, unawaited = lost(), Unawaited(slow)
    record = Record("topic", b"key", b"value", [])
    async with unawaited.sending():
        unawaited.put(record)

        async def taken() -> bool:
            return unawaited._waiting.empty()

        await eventually(taken)
        for _ in range(LIMIT + 3):
            unawaited.put(record)
        release.set()
        await unawaited.flushed()
    assert lost() == before + 3
