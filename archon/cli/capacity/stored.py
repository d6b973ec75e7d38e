"""In: the contents of a stack. Out: the mean data of one document, as stored in measured.json."""

from typing import Final

from pydantic import Field

from archon.contracts.types import Model

Means = dict[str, float]
"""Values per document, by name."""

TOPICS: Final = ("index", "enrichment", "bulk", "dlq", "completed", "progress")
"""Short names, in the order of `archon.runtime.kafka.topics.topics`."""


class StoredPoints(Model):
    """Points of one collection. `terms`: entries of the sparse vector; `payload_bytes`: size as JSON,
    `indexed_bytes`: the part in indexed fields. The last three are means per point."""

    per_document: float
    terms: float
    payload_bytes: float
    indexed_bytes: float


class Stored(Model):
    """Means over `documents`. Nodes by label, relationships by type; `property_bytes`: all of a document's
    nodes and relationships, in the sizes that Memgraph documents. Records and bytes by topic, before
    compression and replication; objects and bytes by kind. `tasks`: workflow and activity tasks by task
    queue; `persistence_writes`: Temporal's database writes, by operation."""

    documents: int = Field(gt=0)
    nodes: Means
    relationships: Means
    property_bytes: float
    points: dict[str, StoredPoints]
    kafka_records: Means
    kafka_bytes: Means
    objects: Means
    object_bytes: Means
    history_bytes: float
    tasks: Means
    persistence_writes: Means


def property_bytes(value: object) -> int:
    """Memory of a property in Memgraph (memgraph.com/docs/fundamentals/storage-memory-usage, Properties).
    Names are stored once, whatever their length."""
    return 0 if value is None else 2 + _value_bytes(value)


def _value_bytes(value: object) -> int:
    """Bytes after the two bytes for the type and the property's id."""
    match value:
        case bool():
            return 0
        case int():
            return next(
                size for size in (1, 2, 4, 8) if -(2 ** (8 * size - 1)) <= value < 2 ** (8 * size - 1)
            )
        case float():
            return 8
        case list():
            return 2 + sum(1 + _value_bytes(each) for each in value)
        case _:
            return 1 + len(str(value).encode())
