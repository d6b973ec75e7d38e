"""In: the cost of a document, a rate, a number of documents. Out: the needs of every part, and their limits.

All needs are linear, except those that come in whole pieces. A part is full when one process, one server or
the default setting reaches the limits in `published`.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from archon.cli.capacity import published
from archon.cli.capacity.measured import Measured, total
from archon.cli.capacity.stored import TOPICS
from archon.contracts import names
from archon.contracts.types import Model
from archon.runtime.kafka.topics import REPLICAS, topics
from archon.runtime.settings import Settings
from archon.runtime.temporal.namespace import RETENTION
from archon.stores.bolt.schema import INDEXED, UNIQUE

By = Literal["rate", "documents"]


class Unit(StrEnum):
    CORES = "cores"
    PER_SECOND = "/s"
    BYTES = "bytes"
    BYTES_PER_SECOND = "bytes/s"
    COUNT = ""


class Need(Model):
    """`by`: the quantity it grows with. `full_at`: the rate or the number of documents at which one process,
    one server or the default is full; None without a limit. `moved_by`: how to raise that limit."""

    part: str
    what: str
    amount: float
    unit: Unit
    by: By
    full_at: float | None = None
    moved_by: str = ""


@dataclass(frozen=True)
class Load:
    """`rate`: documents per second, sustained for days. `documents`: number of stored documents."""

    measured: Measured
    rate: float
    documents: int

    def need(
        self, part: str, what: str, unit: Unit, each: float, by: By, one: float | None = None, moved: str = ""
    ) -> Need:
        """The need for `each` per document, or per document and second; `one` is the capacity of a single
        unit."""
        times = self.rate if by == "rate" else self.documents
        full_at = one / each if one is not None and each else None
        return Need(
            part=part, what=what, amount=each * times, unit=unit, by=by, full_at=full_at, moved_by=moved
        )


def needs(measured: Measured, rate: float, documents: int) -> list[Need]:
    """For every part: first the needs that grow with the rate."""
    load = Load(measured, rate, documents)
    parts = (_processors, _temporal, _kafka, _requests, _graph, _vectors, _objects)
    return [need for part in parts for need in part(load)]


_ONE_PROCESS = published.BUSY
"""Cores that one process of ours can use: it is a Python process."""
_PROCESSORS = {
    "bridge": (_ONE_PROCESS, "more bridges"),
    "ingress": (_ONE_PROCESS, "more ingresses, up to the topic's partitions"),
    "worker": (_ONE_PROCESS, "more workers"),
    "intelligence": (_ONE_PROCESS, "`INTELLIGENCE_WORKERS`, then replicas"),
    "Temporal": (None, "more frontend, history and matching services"),
    "graph": (
        published.GRAPH_SERVER_CORES * published.BUSY,
        "a larger server, then a stack for each group of projects",
    ),
    "vectors": (None, "more Qdrant nodes and shards"),
    "Kafka": (None, "more brokers"),
}


def _processors(load: Load) -> Iterator[Need]:
    for name, (one, moved) in _PROCESSORS.items():
        each = load.measured.cpu_ms[name] / 1000
        found = load.need(name, "cores", Unit.CORES, each, "rate", one, moved)
        yield found.model_copy(update={"amount": found.amount / published.BUSY})


def _temporal(load: Load) -> Iterator[Need]:
    measured, rate = load.measured, load.rate
    transitions, stored = measured.state_transitions, measured.stored
    yield load.need("Temporal", "state transitions", Unit.PER_SECOND, transitions, "rate")
    yield load.need(
        "Temporal",
        "database writes",
        Unit.PER_SECOND,
        total(stored.persistence_writes),
        "rate",
        published.DATABASE_WRITES,
        "a larger database, then Cassandra",
    )
    of_one = published.SHARD_BUSY / published.WRITE_SECONDS
    yield Need(
        part="Temporal",
        what="history shards",
        amount=max(published.DEFAULT_SHARDS, _power_of_two(rate * transitions / of_one)),
        unit=Unit.COUNT,
        by="rate",
        full_at=published.DEFAULT_SHARDS * of_one / transitions,
        moved_by="`numHistoryShards`, only when the cluster is made",
    )
    for queue in (names.QUEUE_ENRICHMENT, names.QUEUE_INTELLIGENCE):
        tasks = stored.tasks[queue]
        yield Need(
            part="Temporal",
            what=f"partitions of queue `{queue}`",
            amount=max(published.TASK_QUEUE_PARTITIONS, math.ceil(rate * tasks / published.PARTITION_TASKS)),
            unit=Unit.COUNT,
            by="rate",
            full_at=published.TASK_QUEUE_PARTITIONS * published.PARTITION_TASKS / tasks,
            moved_by="`matching.numTaskqueueReadPartitions`, `...WritePartitions`",
        )
    kept = stored.history_bytes * RETENTION.total_seconds()
    yield load.need("Temporal", f"histories of {RETENTION.days} days", Unit.BYTES, kept, "rate")


def _kafka(load: Load) -> Iterator[Need]:
    planned = dict(zip(TOPICS, topics(Settings.model_construct()), strict=True))
    sizes = load.measured.stored.kafka_bytes
    requests, ingress = planned["enrichment"], load.measured.cpu_ms["ingress"] / 1000
    yield load.need("Kafka", "records", Unit.PER_SECOND, total(load.measured.stored.kafka_records), "rate")
    yield load.need(
        "Kafka",
        f"written, on {REPLICAS} brokers",
        Unit.BYTES_PER_SECOND,
        total(sizes) * REPLICAS,
        "rate",
        published.PARTITION_BYTES * requests.partitions * REPLICAS,
        "more partitions",
    )
    yield Need(
        part="Kafka",
        what="partitions of the request topic",
        amount=max(requests.partitions, math.ceil(load.rate * ingress / published.BUSY)),
        unit=Unit.COUNT,
        by="rate",
        full_at=requests.partitions * published.BUSY / ingress,
        moved_by="`kafka-topics.sh --alter`; each feeds one ingress",
    )
    kept = sum(size * planned[name].retention_ms / 1000 for name, size in sizes.items())
    yield load.need("Kafka", "kept until it expires", Unit.BYTES, kept * REPLICAS, "rate")


def _requests(load: Load) -> Iterator[Need]:
    moved = "nothing on S3, which splits our 256 prefixes by itself"
    writes, reads = load.measured.object_writes, float(load.measured.object_reads)
    yield load.need("object store", "writes", Unit.PER_SECOND, writes, "rate", published.S3_WRITES, moved)
    yield load.need("object store", "reads", Unit.PER_SECOND, reads, "rate", published.S3_READS, moved)


def _graph(load: Load) -> Iterator[Need]:
    stored = load.measured.stored
    nodes, relationships = total(stored.nodes), total(stored.relationships)
    yield load.need("graph", "nodes", Unit.COUNT, nodes, "documents")
    yield load.need("graph", "relationships", Unit.COUNT, relationships, "documents")
    yield load.need(
        "graph",
        "memory",
        Unit.BYTES,
        graph_bytes(load.measured) * published.GRAPH_HEADROOM,
        "documents",
        published.GRAPH_SERVER_BYTES,
        "a stack for each group of projects",
    )


def graph_bytes(measured: Measured) -> float:
    """Memory of a document in Memgraph, by Memgraph's own estimate."""
    stored = measured.stored
    # A unique property has a constraint and an index; absent properties count too.
    entries = [label for label, _ in (*UNIQUE, *UNIQUE, *INDEXED)]
    return (
        published.NODE_BYTES * total(stored.nodes)
        + published.RELATIONSHIP_BYTES * total(stored.relationships)
        + stored.property_bytes
        + published.INDEX_ENTRY_BYTES * sum(stored.nodes.get(label, 0) for label in entries)
    )


def _vectors(load: Load) -> Iterator[Need]:
    points = load.measured.stored.points.values()
    dense = sum(each.per_document for each in points) * dense_bytes()
    rest = published.QDRANT_OVERHEAD * sum(
        each.per_document * (each.terms * published.SPARSE_BYTES + each.indexed_bytes) for each in points
    )
    payload = published.QDRANT_OVERHEAD * sum(each.per_document * each.payload_bytes for each in points)
    replicas, node = published.QDRANT_REPLICAS, published.QDRANT_NODE_BYTES
    fewest = replicas * node
    quantized = (dense * published.INT8 + rest) * replicas
    yield load.need("vectors", "points", Unit.COUNT, sum(each.per_document for each in points), "documents")
    yield load.need(
        "vectors",
        f"memory, {replicas} replicas",
        Unit.BYTES,
        (dense + rest) * replicas,
        "documents",
        fewest,
        "quantization, or more nodes and shards",
    )
    yield load.need(
        "vectors",
        "the same with int8 vectors",
        Unit.BYTES,
        quantized,
        "documents",
        fewest,
        "more nodes and shards",
    )
    yield Need(
        part="vectors",
        what=f"nodes of {node / published.GB:.0f} GB, with int8 vectors",
        amount=max(replicas, math.ceil(load.documents * quantized / node)),
        unit=Unit.COUNT,
        by="documents",
    )
    yield load.need("vectors", "payload on disk", Unit.BYTES, payload * replicas, "documents")


def dense_bytes() -> float:
    """Memory of a point's vector in Qdrant."""
    dimensions: int = Settings.model_fields["embedding_dimensions"].default
    return dimensions * published.FLOAT_BYTES * published.QDRANT_OVERHEAD


def _objects(load: Load) -> Iterator[Need]:
    stored = load.measured.stored
    yield load.need("object store", "objects", Unit.COUNT, total(stored.objects), "documents")
    yield load.need("object store", "size", Unit.BYTES, total(stored.object_bytes), "documents")


def _power_of_two(least: float) -> int:
    return 1 << max(0, math.ceil(math.log2(least))) if least > 1 else 1
