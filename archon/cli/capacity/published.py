"""Limits that the vendors of the servers publish, and our own assumptions, which are marked as such.

Gigabytes are 10^9 bytes. docs/scale.md names the sources.
"""

from typing import Final

GB: Final = 1e9
BUSY: Final = 0.7
"""Assumed: maximum sustained load of a processor, with reserve for a peak or the loss of a replica."""

# Memgraph: "Storage memory usage", estimate in IN_MEMORY_TRANSACTIONAL mode, without properties and indexes.
NODE_BYTES: Final = 204
RELATIONSHIP_BYTES: Final = 154
INDEX_ENTRY_BYTES: Final = 96
"""80 bytes for an entry of a label-property index, and 16 for its pointers."""
GRAPH_HEADROOM: Final = 2
"""Same page: "double the RAM than what the actual dataset is occupying"."""
GRAPH_SERVER_BYTES: Final = 512 * GB
GRAPH_SERVER_CORES: Final = 32
"""Assumed: the largest server for a graph, because Memgraph writes on one server."""

# Qdrant: "Capacity planning": vectors x dimensions x 4 bytes x 1.5, and payload x 1.5.
FLOAT_BYTES: Final = 4
SPARSE_BYTES: Final = 8
"""An index and a weight of four bytes each."""
QDRANT_OVERHEAD: Final = 1.5
QDRANT_REPLICAS: Final = 2
"""Assumed, like the nodes: `replication_factor` of a cluster that survives the loss of a node."""
QDRANT_NODE_BYTES: Final = 64 * GB
INT8: Final = 1 / 4
"""Size of dense vectors with scalar quantization, relative to the full size."""

# Temporal: a history shard does one database operation at a time ("What is a History Shard?").
WRITE_SECONDS: Final = 0.01
"""Assumed: duration of a write to Temporal's database, including replication."""
SHARD_BUSY: Final = 0.5
"""Assumed."""
DEFAULT_SHARDS: Final = 512
"""The default of Temporal's Helm chart."""
DATABASE_WRITES: Final = 10_000
"""Assumed: writes per second of one SQL server with fast disks."""
TASK_QUEUE_PARTITIONS: Final = 1
"""Of deploy/temporal/dynamic-config.yaml; projects take turns within a partition."""
PARTITION_TASKS: Final = 100
"""Assumed, conservatively: tasks per second of one partition. Temporal publishes no figure."""

# Kafka
PARTITION_BYTES: Final = 10e6
"""Per second: "10s of MB/sec" are usual (Confluent, "5 Common Pitfalls When Using Apache Kafka")."""

# S3: "Performance guidelines", requests a second of each partitioned prefix.
S3_WRITES: Final = 3_500
S3_READS: Final = 5_500
