"""The data that a document leaves in the stores is counted as docs/scale.md computes with it."""

import pytest

from archon.cli.capacity.counting import stored
from archon.cli.capacity.measured import Measured


@pytest.mark.full
async def test_each_store_is_counted() -> None:
    found = await stored(documents=3, size=2048)
    assert found.documents == 3
    assert found.nodes["Document"] == found.points["documents"].per_document == 1
    assert found.relationships["CONTAINS"] == found.nodes["Entity"] > 1
    assert found.property_bytes > 500
    symbols = found.points["symbols"]
    assert symbols.per_document > 1
    assert 0 < symbols.terms < 500
    assert 0 < symbols.indexed_bytes < symbols.payload_bytes
    assert found.kafka_records["enrichment"] == found.kafka_records["completed"] == 1
    assert all(found.kafka_bytes[topic] > 100 * count for topic, count in found.kafka_records.items())
    assert found.objects == {"analysis": 1, "content": 1}
    assert 1500 < found.object_bytes["content"] < 8192
    assert found.tasks["intelligence"] == 1 < found.tasks["enrichment"]
    assert found.history_bytes > 1000
    assert found.persistence_writes["CreateWorkflowExecution"] >= 1
    # The same keys as in the shipped figures: a new label or topic must be added there.
    shipped = Measured.shipped().stored
    for name in ("nodes", "kafka_records", "kafka_bytes", "objects", "tasks", "points"):
        assert getattr(found, name).keys() <= getattr(shipped, name).keys(), name
