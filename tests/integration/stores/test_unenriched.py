"""Documents that a backfill must find, on a real graph: ours, and those of the older shape."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from neo4j.exceptions import CypherTypeError

from archon.contracts.documents import Document
from archon.contracts.errors import ProjectConflictError
from archon.contracts.operations.backfill import Candidate, Criteria, Reason
from archon.contracts.types import EnrichmentStatus
from archon.runtime.settings import Settings
from archon.stores.graph.store import GraphStore
from archon.stores.graph.unenriched import LIVE_FOR
from tests import factories, stores

Older = Callable[..., Awaitable[str]]


@pytest.fixture
async def older(graph: GraphStore, settings: Settings) -> AsyncIterator[Older]:
    """Writes a node like the older product, with flat properties by default."""
    written: list[str] = []

    async def write(project: str, shape: str = "flat", node_id: str | None = None, **more: Any) -> str:
        node_id = node_id or str(uuid4())
        inner = {"project_id": project, "source_path": "docs/old.md", **more}
        node: dict[str, Any] = {"entity_id": node_id, "entity_type": "document", "name": "old"}
        if shape == "flat":
            node |= {f"properties.{key}": value for key, value in inner.items() if value is not None}
        else:
            node["properties"] = json.dumps(inner) if shape == "json" else inner
        written.append(node_id)
        await stores.query(settings, "CREATE (d:Document) SET d += $node", node=node)
        return node_id

    yield write
    await stores.query(settings, "MATCH (d:Document) WHERE d.entity_id IN $ids DETACH DELETE d", ids=written)


async def skipped(graph: GraphStore, project: str, **changes: Any) -> Document:
    document = factories.document(project, **changes)
    await graph.index(document, str(uuid4()), status=EnrichmentStatus.SKIPPED)
    return document


async def enriched(graph: GraphStore, project: str, analyser: str) -> Document:
    document = factories.document(project)
    await graph.index(document, str(uuid4()))
    step = factories.step(factories.request_of(document))
    await graph.claim(step.request, step.workflow_id)
    assert await graph.write_enrichment(step, factories.analysis(analyser_version=analyser))
    return document


async def found(graph: GraphStore, criteria: Criteria, limit: int = 100) -> dict[str, Candidate]:
    """All candidates, page by page."""
    candidates: list[Candidate] = []
    after: str | None = ""
    while after is not None:
        page = await graph.unenriched.page(criteria, after, limit)
        candidates += page.candidates
        after = page.next
    assert len({each.document_id for each in candidates}) == len(candidates)
    return {each.document_id: each for each in candidates}


async def test_what_is_not_enriched_is_found_page_by_page(graph: GraphStore, project: str) -> None:
    documents = [await skipped(graph, project) for _ in range(7)]
    await skipped(graph, f"{project}-other")
    await enriched(graph, project, "1")
    criteria = Criteria(project_name=project)
    everything = await found(graph, criteria, limit=3)
    assert set(everything) == {each.entity_id for each in documents}
    candidate = everything[documents[0].entity_id]
    assert (candidate.reason, candidate.version, candidate.problem) == (Reason.UNENRICHED, 1, None)
    assert candidate.request is not None
    assert candidate.request.content_hash == documents[0].content_hash
    assert candidate.request.document_version == 1
    assert (await graph.unenriched.count(criteria)).documents == 7


async def test_live_parked_discarded_and_deleted_documents_are_left_out(
    graph: GraphStore, project: str
) -> None:
    old = datetime.now(UTC) - LIVE_FOR - timedelta(minutes=1)
    stuck = factories.document(project, indexed_at=old)
    await graph.index(stuck, str(uuid4()), status=EnrichmentStatus.PROCESSING)
    for status in EnrichmentStatus:
        if status not in {EnrichmentStatus.SKIPPED, EnrichmentStatus.COMPLETED}:
            await graph.index(factories.document(project), str(uuid4()), status=status)
    criteria = Criteria(project_name=project)
    assert set(await found(graph, criteria)) == {stuck.entity_id}
    counted = await graph.unenriched.count(criteria)
    assert (counted.documents, counted.parked) == (1, 1)


async def test_an_older_analyser_is_found_by_its_version(graph: GraphStore, project: str) -> None:
    old, new = await enriched(graph, project, "1.9-abc"), await enriched(graph, project, "1.10-abc")
    assert await found(graph, Criteria(project_name=project)) == {}
    criteria = Criteria(project_name=project, analyser_older_than="1.10")
    everything = await found(graph, criteria)
    assert set(everything) == {old.entity_id}
    assert everything[old.entity_id].reason is Reason.OLDER_ANALYSER
    assert (await graph.unenriched.count(criteria)).documents == 1
    among = await graph.unenriched.among(criteria, [old.entity_id, new.entity_id, str(uuid4())])
    assert [each.document_id for each in among] == [old.entity_id]


@pytest.mark.parametrize("shape", ["flat", "json", "map"])
async def test_the_older_shape_is_read_and_adopted(
    graph: GraphStore, project: str, older: Older, shape: str
) -> None:
    try:
        node_id = await older(project, shape)
    except CypherTypeError as refused:
        # A graph that takes no map as a property, such as the embedded one, keeps no part of such a node.
        assert shape == "map"
        assert "map" in str(refused).lower()
        assert await found(graph, Criteria(project_name=project)) == {}
        return
    await older(f"{project}-other", shape)
    candidate = (await found(graph, Criteria(project_name=project)))[node_id]
    assert (candidate.reason, candidate.request, candidate.problem) == (Reason.OLDER_SHAPE, None, None)
    assert (candidate.project_name, candidate.file_path) == (project, "docs/old.md")
    foreign = factories.document(f"{project}-other", entity_id=node_id)
    with pytest.raises(ProjectConflictError):
        await graph.index(foreign, str(uuid4()))
    document = factories.document(project, entity_id=node_id, file_path="docs/old.md")
    indexed = await graph.index(document, str(uuid4()), status=EnrichmentStatus.SKIPPED)
    assert (indexed.version, indexed.status, indexed.changed) == (1, EnrichmentStatus.SKIPPED, True)
    assert (await graph.get(node_id)).project_name == project
    again = (await found(graph, Criteria(project_name=project)))[node_id]
    assert again.reason is Reason.UNENRICHED
    assert again.request is not None


async def test_an_older_node_with_the_same_hash_gets_a_version_too(
    graph: GraphStore, project: str, older: Older, settings: Settings
) -> None:
    document = factories.document(project)
    await older(project, node_id=document.entity_id)
    same = "MATCH (d:Document {entity_id: $id}) SET d.content_hash = $hash"
    await stores.query(settings, same, id=document.entity_id, hash=document.content_hash)
    candidate = (await found(graph, Criteria(project_name=project)))[document.entity_id]
    assert (candidate.reason, candidate.content_hash) == (Reason.OLDER_SHAPE, document.content_hash)
    assert (await graph.index(document, str(uuid4()))).version == 1


async def test_an_older_node_that_lacks_what_is_needed_says_what(
    graph: GraphStore, project: str, older: Older
) -> None:
    nowhere = await older(project, source_path=None)
    foreign = await older(project, node_id=f"doc:{uuid4()}")
    nobody = await older("")
    everything = await found(graph, Criteria(project_name=project))
    assert everything[nowhere].problem == "it names no file"
    assert everything[foreign].problem == "its id is not a UUID"
    assert nobody not in everything
    assert (await found(graph, Criteria()))[nobody].problem == "it names no project"


async def test_a_spoilt_node_is_told_and_holds_up_nobody(
    graph: GraphStore, settings: Settings, project: str
) -> None:
    spoilt, well = await skipped(graph, project), await skipped(graph, project)
    wrong = "MATCH (d:Document {entity_id: $id}) SET d.indexed_at = 'yesterday'"
    await stores.query(settings, wrong, id=spoilt.entity_id)
    everything = await found(graph, Criteria(project_name=project))
    problem = everything[spoilt.entity_id].problem
    assert problem is not None
    assert "indexed_at" in problem
    assert everything[well.entity_id].request is not None
