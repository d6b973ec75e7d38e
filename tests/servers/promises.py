"""In: nothing. Out: which test modules show which promise, and which server has to keep it."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Role(StrEnum):
    """A server's part in the product."""

    KAFKA = "kafka"
    GRAPH = "graph"
    VECTORS = "vectors"
    TEMPORAL = "temporal"


PRODUCTION: Final = {
    Role.KAFKA: "Apache Kafka",
    Role.GRAPH: "Memgraph",
    Role.VECTORS: "Qdrant",
    Role.TEMPORAL: "Temporal",
}
"""The server of a production install. A stand-in has another name."""


@dataclass(frozen=True)
class Promise:
    text: str
    role: Role
    modules: tuple[str, ...]
    """Test modules, relative to tests/."""


PROMISES: Final = (
    Promise(
        "Records are taken in order, none is lost, and an offset waits for those before it",
        Role.KAFKA,
        ("integration/test_consumer.py",),
    ),
    Promise(
        "A parked document has one dead letter, until it is cleared",
        Role.KAFKA,
        ("integration/test_dead_letter_topic.py",),
    ),
    Promise(
        "An event stream resumes without a gap; progress arrives in order",
        Role.KAFKA,
        ("integration/test_streams.py", "integration/test_progress.py"),
    ),
    Promise(
        "Topics are created once, and a lag is counted",
        Role.KAFKA,
        ("integration/test_setup.py", "integration/test_estate.py"),
    ),
    Promise(
        "A claim decides once, and an older version writes nothing",
        Role.GRAPH,
        ("integration/stores/test_graph.py", "integration/stores/test_incremental.py"),
    ),
    Promise(
        "Imports become edges, in any order of arrival, and follow a renamed document",
        Role.GRAPH,
        ("integration/stores/test_links.py", "integration/stores/test_moved.py"),
    ),
    Promise(
        "A deleted document stays deleted, and leaves nothing behind",
        Role.GRAPH,
        ("integration/stores/test_deletions.py", "integration/stores/test_former.py"),
    ),
    Promise(
        "Documents of before are found, and what the stores lost is repaired",
        Role.GRAPH,
        ("integration/stores/test_unenriched.py", "integration/stores/test_survey.py"),
    ),
    Promise(
        "An older version overwrites no point and no chunk",
        Role.VECTORS,
        ("integration/stores/test_vectors.py", "integration/stores/test_collections.py"),
    ),
    Promise(
        "Search finds chunks by meaning and by words, in the caller's projects alone",
        Role.VECTORS,
        ("integration/stores/test_chunks.py",),
    ),
    Promise(
        "Limits hold over all workers, and a newer release finishes the runs of an older one",
        Role.TEMPORAL,
        ("integration/test_limits.py", "workflows/test_worker_versions.py"),
    ),
)
