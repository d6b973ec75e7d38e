"""Incremental and partial enrichments on a real graph: each writes only its own changes."""

from typing import Any

import pytest

from archon.contracts.analysis import ROWS_AT_ONCE, AnalysisResult, Entity
from archon.contracts.documents import Document
from archon.contracts.types import EnrichmentType
from archon.contracts.workflow import Step
from archon.runtime.settings import Settings
from archon.stores.graph.store import GraphStore
from tests import factories, stores


def entities(bodies: dict[str, str], first_line: int = 1) -> list[Entity]:
    return [
        Entity(
            kind="function",
            name=name,
            qualified_name=name,
            start_line=line,
            end_line=line,
            body_hash=body,
        )
        for line, (name, body) in enumerate(bodies.items(), first_line)
    ]


def analysis(bodies: dict[str, str], first_line: int = 1, **changes: Any) -> AnalysisResult:
    return factories.analysis(*bodies, entities=entities(bodies, first_line), **changes)


class Enriching:
    """One document, enriched repeatedly, each time at a new version."""

    def __init__(self, graph: GraphStore, settings: Settings, project: str) -> None:
        self._graph, self._settings, self._project = graph, settings, project
        self._id: str | None = None
        self._version = 0

    async def write(self, kind: EnrichmentType, result: AnalysisResult) -> None:
        self._version += 1
        changes = {"entity_id": self._id} if self._id else {}
        document: Document = factories.document(self._project, f"text {self._version}", **changes)
        self._id = document.entity_id
        await self._graph.index(document, factories.request().correlation_id)
        request = factories.request_of(document, self._version, enrichment_type=kind)
        step: Step = factories.step(request, self._version)
        await self._graph.claim(request, step.workflow_id)
        assert await self._graph.write_enrichment(step, result)

    async def entities(self) -> dict[str, dict[str, Any]]:
        """Entities by name, from the graph."""
        rows = await stores.query(
            self._settings,
            "MATCH (:Document {entity_id: $id})-[:CONTAINS]->(e:Entity) RETURN properties(e)",
            id=self._id,
        )
        return {entity["name"]: entity for (entity,) in rows}

    async def written(self, before: dict[str, dict[str, Any]]) -> set[str]:
        """Entities written since."""
        now = await self.entities()
        return {
            name
            for name, entity in now.items()
            if name not in before or entity["written_by"] != before[name]["written_by"]
        }

    async def node(self) -> dict[str, Any]:
        return (await stores.nodes(self._settings, self._project))[self._id or ""]

    async def related(self, kind: str) -> set[tuple[str, str]]:
        match = {
            "IMPORTS": "MATCH (a:Document {entity_id: $id})-[:IMPORTS]->(b)",
            "CALLS": "MATCH (:Document {entity_id: $id})-[:CONTAINS]->(a)-[:CALLS]->(b)",
        }[kind]
        rows = await stores.query(self._settings, f"{match} RETURN a.name, b.name", id=self._id)
        return {(source, target) for source, target in rows}


@pytest.fixture
def enriching(graph: GraphStore, settings: Settings, project: str) -> Enriching:
    return Enriching(graph, settings, project)


async def test_one_changed_function_is_one_written_entity(enriching: Enriching) -> None:
    await enriching.write(EnrichmentType.FULL, analysis({"f": "1", "g": "1", "h": "1"}))
    before = await enriching.entities()
    await enriching.write(EnrichmentType.INCREMENTAL, analysis({"f": "1", "g": "2", "h": "1"}))
    assert await enriching.written(before) == {"g"}
    node = await enriching.node()
    assert (node["enrichment_status"], node["version"]) == ("completed", 2)
    assert node["enrichment_content_hash"] == node["content_hash"]


async def test_what_has_moved_gets_its_lines_and_nothing_else(enriching: Enriching) -> None:
    await enriching.write(EnrichmentType.FULL, analysis({"f": "1", "g": "1"}))
    before = await enriching.entities()
    await enriching.write(EnrichmentType.INCREMENTAL, analysis({"f": "1", "g": "1"}, first_line=10))
    assert await enriching.written(before) == set()
    assert {name: each["start_line"] for name, each in (await enriching.entities()).items()} == {
        "f": 10,
        "g": 11,
    }


async def test_what_is_new_comes_and_what_is_gone_goes(enriching: Enriching) -> None:
    await enriching.write(EnrichmentType.FULL, analysis({"f": "1", "g": "1", "h": "1"}))
    before = await enriching.entities()
    result = analysis({"f": "1", "h": "1", "i": "1"})
    result.relationships[-1].target = "sys"
    await enriching.write(EnrichmentType.INCREMENTAL, result)
    assert await enriching.written(before) == {"i"}
    assert set(await enriching.entities()) == {"f", "h", "i"}
    assert await enriching.related("CALLS") == {("f", "h"), ("h", "i")}
    assert {target for _, target in await enriching.related("IMPORTS")} == {"sys"}


async def test_a_body_that_nobody_has_hashed_is_written(enriching: Enriching) -> None:
    await enriching.write(EnrichmentType.FULL, factories.analysis("f", "g"))
    before = await enriching.entities()
    await enriching.write(EnrichmentType.INCREMENTAL, factories.analysis("f", "g"))
    assert await enriching.written(before) == {"f", "g"}


async def test_more_changes_than_a_transaction_takes_are_written_as_a_whole(enriching: Enriching) -> None:
    many = {f"f{number}": "1" for number in range(ROWS_AT_ONCE + 1)}
    await enriching.write(EnrichmentType.FULL, analysis({"f0": "1", "old": "1"}))
    await enriching.write(EnrichmentType.INCREMENTAL, analysis(many))
    assert set(await enriching.entities()) == set(many)
    assert (await enriching.node())["enrichment_status"] == "completed"


OF_QUALITY = {
    "quality_score",
    "complexity_score",
    "patterns_detected",
    "anti_patterns_detected",
    "quality_content_hash",
}
OF_ENTITIES = {"entities_extracted", "entities_content_hash"}
OF_EVERY_VERSION = {
    "changed_key",
    "posted_at",
    "version",
    "content_hash",
    "past_hashes",
    "content_preview",
    "indexed_at",
    "enrichment_status",
}
OF_THE_RUN = {"lock", "outbox", "correlation_id", "enrichment_type", "workflow_id", "metadata"}


@pytest.mark.parametrize(
    ("kind", "own", "entities_written"),
    [
        (EnrichmentType.QUALITY_ONLY, OF_QUALITY, set()),
        (EnrichmentType.ENTITIES_ONLY, OF_ENTITIES, {"f", "g"}),
    ],
)
async def test_a_part_touches_its_own_properties_alone(
    enriching: Enriching, kind: EnrichmentType, own: set[str], entities_written: set[str]
) -> None:
    await enriching.write(EnrichmentType.FULL, analysis({"f": "1"}))
    before, entities_before = await enriching.node(), await enriching.entities()
    changed = {"quality_score": 0.9, "complexity_score": 0.9, "patterns_detected": ["observer"]}
    result = analysis({"f": "2", "g": "1"}, anti_patterns_detected=[], **changed)
    await enriching.write(kind, result)
    after = await enriching.node()
    touched = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
    assert touched - OF_EVERY_VERSION - OF_THE_RUN == own
    assert after["enrichment_content_hash"] == before["content_hash"]
    assert await enriching.written(entities_before) == entities_written
