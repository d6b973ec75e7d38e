"""In: a number of documents. Out: the mean data that one of them leaves in each store, measured on a stack of
its own.

The documents are those of `enrich bench`. Plain clients read the complete contents of the stores.
"""

import asyncio
import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import httpx
import obstore
from aiokafka import AIOKafkaConsumer
from neo4j import AsyncGraphDatabase
from obstore.store import from_url
from prometheus_client.parser import text_string_to_metric_families
from qdrant_client import AsyncQdrantClient
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import Client, WorkflowHandle

from archon.cli.bench.load.documents import generate
from archon.cli.capacity.stored import TOPICS, Means, Stored, StoredPoints, property_bytes
from archon.cli.stack.own_stack import own_directory
from archon.clients.bridge import BridgeApi
from archon.contracts import names
from archon.contracts.errors import ArchonError, PublishError
from archon.contracts.types import EnrichmentStatus
from archon.devstack.stack import Ports, running
from archon.runtime.kafka.brokers import connection
from archon.runtime.kafka.topics import topics
from archon.runtime.settings import Settings
from archon.runtime.temporal import client as temporal
from archon.stores.vectors.store import qdrant

_PROJECT: Final = "capacity"
_PAGE: Final = 500
_SECONDS: Final = 60
_PATIENCE: Final = 3600
_EVERY: Final = 0.1
_METRICS_EVERY: Final = 3
_REQUESTS: Final = frozenset({"persistence_requests", "visibility_persistence_requests"})
_WRITES: Final = re.compile("Create|Update|Append|AddHistory|Complete|RangeComplete|Delete|Upsert|Record")
_INDEXED: Final = frozenset(
    {"project_name", "document_id", "language", "document_type", "kind", "enrichment_status", "version"}
)
"""Payload fields that are indexed in the collections that contain them."""


async def stored(documents: int, size: int) -> Stored:
    """`size`: mean bytes of a document. Starts a stack, and removes it at the end. Raises ArchonError."""
    with own_directory(None, "archon-capacity-") as directory:
        async with running(directory, Ports.free()) as stack:
            client = await temporal.connect(stack.settings)
            async with asyncio.timeout(_PATIENCE):
                before = await _persistence_writes(directory, stack.settings)
                workflow_ids = await _enriched(stack.settings, client, documents, size)
                # Read now, so that the following reads are not counted.
                writes = await _steady(directory, stack.settings) - before
            return await _count(stack.settings, client, writes, workflow_ids)


async def _enriched(settings: Settings, client: Client, documents: int, size: int) -> list[str]:
    """The run ids. Each run ends before the next document is sent: a queue with a backlog costs Temporal
    more, and the backlog is not a property of a document."""
    found: list[str] = []
    async with BridgeApi.connect(settings, _SECONDS) as api:
        for number, each in enumerate(generate(_PROJECT, documents, size), 1):
            body = {"project_id": _PROJECT, "source_path": each.path, "full_text": each.text}
            found.append(str((await api.index(body)).workflow_id))
            await _completed(api, number)
            # The status becomes completed before the run ends: the run then publishes its event.
            await client.get_workflow_handle(found[-1]).result()
    return found


async def _completed(api: BridgeApi, number: int) -> None:
    """Returns when exactly `count` documents exist and all are completed."""
    while True:
        if (await api.statistics(_PROJECT)).statuses == {EnrichmentStatus.COMPLETED: number}:
            return
        await asyncio.sleep(_EVERY)


async def _count(
    settings: Settings, client: Client, writes: Counter[str], workflow_ids: Sequence[str]
) -> Stored:
    documents = len(workflow_ids)
    nodes, relationships, property_total = await _graph(settings)
    records, record_bytes = await _kafka(settings)
    objects, object_bytes = await _objects(settings)
    history_bytes, tasks = await _histories(client, workflow_ids)
    points = await _points(settings, documents)
    return Stored(
        documents=documents,
        nodes=_means(nodes, documents),
        relationships=_means(relationships, documents),
        property_bytes=round(property_total / documents, 1),
        points=points,
        kafka_records=_means(records, documents),
        kafka_bytes=_means(record_bytes, documents),
        objects=_means(objects, documents),
        object_bytes=_means(object_bytes, documents),
        history_bytes=round(history_bytes / documents, 1),
        tasks=_means(tasks, documents),
        persistence_writes=_means(writes, documents),
    )


def _means(counts: Mapping[str, float], documents: int) -> Means:
    return {name: round(count / documents, 2) for name, count in sorted(counts.items())}


async def _graph(settings: Settings) -> tuple[Counter[str], Counter[str], int]:
    user, password = settings.memgraph_user, settings.memgraph_password.get_secret_value()
    auth = (user, password) if user else None
    labels, types, total = Counter[str](), Counter[str](), 0
    async with (
        AsyncGraphDatabase.driver(settings.memgraph_uri, auth=auth) as driver,
        driver.session(database=settings.graph_database) as session,
    ):
        for what, found in (
            ("MATCH (n) RETURN labels(n)[0], properties(n)", labels),
            ("MATCH ()-[r]->() RETURN type(r), properties(r)", types),
        ):
            async for kind, properties in await session.run(what):
                found[kind] += 1
                total += sum(map(property_bytes, properties.values()))
    return labels, types, total


async def _points(settings: Settings, documents: int) -> dict[str, StoredPoints]:
    client = qdrant(settings, timeout=_SECONDS)
    try:
        return {
            "documents": await _collection(client, settings.qdrant_collection, documents),
            "symbols": await _collection(client, settings.qdrant_symbols_collection, documents),
        }
    finally:
        await client.close()


async def _collection(client: AsyncQdrantClient, name: str, documents: int) -> StoredPoints:
    seen = terms = payload_bytes = indexed_bytes = 0
    offset: Any = None
    while True:
        page, offset = await client.scroll(name, limit=_PAGE, offset=offset, with_vectors=True)
        for point in page:
            payload, vectors = point.payload or {}, point.vector
            sparse: Any = vectors.get(names.VECTOR_TERMS) if isinstance(vectors, dict) else None
            seen += 1
            terms += len(sparse.indices) if sparse is not None else 0
            payload_bytes += len(json.dumps(payload).encode())
            indexed_bytes += sum(len(str(payload[key]).encode()) for key in _INDEXED & payload.keys())
        if offset is None:
            break
    each = max(seen, 1)
    return StoredPoints(
        per_document=round(seen / documents, 2),
        terms=round(terms / each, 1),
        payload_bytes=round(payload_bytes / each, 1),
        indexed_bytes=round(indexed_bytes / each, 1),
    )


async def _kafka(settings: Settings) -> tuple[Counter[str], Counter[str]]:
    """Keys, values and headers, without Kafka's overhead for records and batches."""
    short = dict(zip((topic.name for topic in topics(settings)), TOPICS, strict=True))
    records, sizes = Counter[str](), Counter[str]()
    async with AIOKafkaConsumer(*short, **connection(settings), enable_auto_commit=False) as consumer:
        partitions = consumer.assignment()
        ends = await consumer.end_offsets(partitions)
        await consumer.seek_to_beginning(*partitions)
        while [each for each in partitions if await consumer.position(each) < ends[each]]:
            for partition, batch in (await consumer.getmany(timeout_ms=500)).items():
                records[short[partition.topic]] += len(batch)
                sizes[short[partition.topic]] += sum(map(_record_bytes, batch))
    if not records["enrichment"]:
        raise PublishError(
            f"{settings.kafka_bootstrap_servers} shows no record of {len(partitions)} partitions"
        )
    return records, sizes


def _record_bytes(record: Any) -> int:
    headers = sum(len(name) + len(value) for name, value in record.headers)
    return headers + len(record.key or b"") + len(record.value or b"")


async def _objects(settings: Settings) -> tuple[Counter[str], Counter[str]]:
    """Objects by the first part of their key: content, analysis."""
    counts, sizes = Counter[str](), Counter[str]()
    for each in await obstore.list(from_url(settings.content_store_url)).collect_async():
        kind = each["path"].partition("/")[0]
        counts[kind] += 1
        sizes[kind] += each["size"]
    return counts, sizes


async def _histories(client: Client, workflow_ids: Sequence[str]) -> tuple[int, Counter[str]]:
    total, tasks = 0, Counter[str]()
    for workflow_id in workflow_ids:
        handle: WorkflowHandle[Any, Any] = client.get_workflow_handle(workflow_id)
        described = (await handle.describe()).raw_description
        total += described.workflow_execution_info.history_size_bytes
        async for event in handle.fetch_history_events():
            if (queue := _queue(event)) is not None:
                tasks[queue] += 1
    return total, tasks


def _queue(event: HistoryEvent) -> str | None:
    """The queue of this event's task. A worker's own sticky queue counts as the queue behind it."""
    match event.WhichOneof("attributes"):
        case "workflow_task_scheduled_event_attributes":
            return names.QUEUE_ENRICHMENT
        case "activity_task_scheduled_event_attributes":
            return event.activity_task_scheduled_event_attributes.task_queue.name
    return None


async def _steady(directory: Path, settings: Settings) -> Counter[str]:
    """Reads Temporal's counters after they stop changing: they reach its metrics with a delay."""
    found = await _persistence_writes(directory, settings)
    while True:
        await asyncio.sleep(_METRICS_EVERY)
        if (now := await _persistence_writes(directory, settings)) == found:
            return now
        found = now


async def _persistence_writes(directory: Path, settings: Settings) -> Counter[str]:
    log = directory / "logs" / "temporal.log"
    found = re.search(r"Temporal Metrics:\s+(\S+)", log.read_text())
    if found is None:
        raise ArchonError(f"{log} does not say where Temporal's metrics are")
    async with httpx.AsyncClient(timeout=_SECONDS) as http:
        text = (await http.get(found[1])).raise_for_status().text
    writes = Counter[str]()
    for family in text_string_to_metric_families(text):
        for sample in family.samples if family.name in _REQUESTS else ():
            operation = sample.labels["operation"]
            # Writes to the visibility store have no namespace label.
            ours = sample.labels.get("namespace", settings.temporal_namespace) == settings.temporal_namespace
            if ours and _WRITES.match(operation):
                writes[operation] += int(sample.value)
    return writes
