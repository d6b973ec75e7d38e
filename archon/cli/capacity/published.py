"""What the makers of the servers publish of their limits, and, marked as such, what we assume.

Gigabytes are 10^9 bytes. docs/scale.md names the sources.
"""

from typing import Final

GB: Final = 1e9
BUSY: Final = 0.7
"""Assumed: how busy a processor should be at most, so that a peak or the loss of a replica is borne."""

# Memgraph: "Storage memory usage", estimate in IN_MEMORY_TRANSACTIONAL mode, without properties and indexes.
NODE_BYTES: Final = 204
RELATIONSHIP_BYTES: Final = 154
INDEX_ENTRY_BYTES: Final = 96
"""80 of an entry of a label-property index, and 16 of its pointers."""
GRAPH_HEADROOM: Final = 2
"""The same page: "double the RAM than what the actual dataset is occupying"."""
GRAPH_SERVER_BYTES: Final = 512 * GB
GRAPH_SERVER_CORES: Final = 32
"""Assumed: the largest server one would give to a graph, as it writes on one."""

# Qdrant: "Capacity planning": vectors x dimensions x 4 bytes x 1.5, and payload x 1.5.
FLOAT_BYTES: Final = 4
SPARSE_BYTES: Final = 8
"""An index and a weight, four bytes each."""
QDRANT_OVERHEAD: Final = 1.5
QDRANT_REPLICAS: Final = 2
"""Assumed, as for the nodes: `replication_factor` of a cluster that bears the loss of a node."""
QDRANT_NODE_BYTES: Final = 64 * GB
INT8: Final = 1 / 4
"""Of the dense vectors with scalar quantization."""

# Temporal: a history shard does one database operation at a time ("What is a History Shard?").
WRITE_SECONDS: Final = 0.01
"""Assumed: of a write to Temporal's database, with its replication."""
SHARD_BUSY: Final = 0.5
"""Assumed."""
DEFAULT_SHARDS: Final = 512
"""What Temporal's Helm chart sets."""
DATABASE_WRITES: Final = 10_000
"""Assumed: writes a second that one SQL server with fast disks takes."""
TASK_QUEUE_PARTITIONS: Final = 4
"""Temporal's default."""
PARTITION_TASKS: Final = 100
"""Assumed, carefully: tasks a second of one partition. Temporal publishes none."""

# Kafka
PARTITION_BYTES: Final = 10e6
"""A second: "10s of MB/sec" are usual (Confluent, "5 Common Pitfalls When Using Apache Kafka")."""

# S3: "Performance guidelines", requests a second of each partitioned prefix.
S3_WRITES: Final = 3_500
S3_READS: Final = 5_500
