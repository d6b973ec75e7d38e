"""Deletion in the graph, on a real server: tombstones, dependent data, and revived documents."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from archon.contracts import identity
from archon.contracts.documents import Document
from archon.contracts.errors import NotFoundError, ProjectConflictError
from archon.contracts.operations.deletion import DeletionScope, Marked, Tombstone
from archon.contracts.types import EnrichmentStatus
from archon.contracts.workflow import Decision, Step
from archon.runtime.settings import Settings
from archon.stores.graph.store import GraphStore
from tests import factories, stores

BARE = {"entity_id", "version", "enrichment_status", "deleted_at", "changed_key", "lock"}


async def enriched(graph: GraphStore, document: Document, *names: str, **changes: Any) -> Step:
    indexed = await graph.index(document, str(uuid4()))
    step = factories.step(factories.request_of(document, indexed.version), indexed.version)
    await graph.claim(step.request, step.workflow_id)
    assert await graph.write_enrichment(step, factories.analysis(*(names or ("f", "g")), **changes))
    return step


def scope(document: Document, version: int | None = 1) -> DeletionScope:
    return DeletionScope(
        project_name=document.project_name,
        document_id=document.entity_id,
        version=version,
        requested_at=datetime.now(UTC),
    )


def project_scope(project: str) -> DeletionScope:
    return DeletionScope(project_name=project, requested_at=datetime.now(UTC))


async def deleted(graph: GraphStore, scope: DeletionScope) -> list[Tombstone]:
    while (await graph.deletions.mark(scope, 100)).more:
        pass
    tombstones = await graph.deletions.marked(scope, 1000)
    await graph.deletions.unlink(tombstones)
    await graph.deletions.strip(tombstones)
    return tombstones


async def node(settings: Settings, document_id: str) -> dict[str, Any]:
    rows = await stores.query(
        settings, "MATCH (d:Document {entity_id: $id}) RETURN properties(d)", id=document_id
    )
    ((found,),) = rows
    return dict(found)


async def left(settings: Settings, project: str) -> list[int]:
    """Number of documents, entities and modules of a project."""
    counts = []
    for label in ("Document", "Entity", "Module"):
        rows = await stores.query(
            settings, f"MATCH (n:{label} {{project_name: $p}}) RETURN count(n)", p=project
        )
        counts.append(rows[0][0])
    return counts


async def test_a_marked_document_is_found_by_nobody(graph: GraphStore, project: str) -> None:
    document = factories.document(project, external_id=f"own-{uuid4()}")
    await enriched(graph, document)
    await graph.index(factories.document(project, "other"), str(uuid4()))
    assert (await graph.deletions.mark(scope(document), 1)).version == 2
    with pytest.raises(NotFoundError):
        await graph.get(document.entity_id)
    with pytest.raises(NotFoundError):
        await graph.get_by_external_id(document.external_id or "", None)
    assert not await graph.previews([document.entity_id], None)
    for status in (None, "deleted"):
        page = await graph.documents(projects=[project], status=status, after=None, limit=9)
        assert document.entity_id not in {row.document_id for row in page.documents}
    statistics = await graph.census.statistics([project])
    assert (statistics.documents, statistics.entities, statistics.anti_patterns) == (1, 0, {})


@pytest.mark.parametrize("text", ["x = 1\n", "other"])
async def test_a_document_that_is_posted_after_its_deletion_was_asked_for_lives(
    graph: GraphStore, project: str, text: str
) -> None:
    document = factories.document(project, "x = 1\n")
    await graph.index(document, str(uuid4()))
    request_scope = scope(document)
    later = datetime.now(UTC) + timedelta(seconds=1)
    again = factories.document(project, text, entity_id=document.entity_id, indexed_at=later)
    await graph.index(again, str(uuid4()))
    assert not await graph.deletions.any_live(project, request_scope.requested_at)
    assert await graph.deletions.mark(request_scope, 1) == Marked(lives=True)
    nobody = request_scope.model_copy(update={"document_id": str(uuid4())})
    assert await graph.deletions.mark(nobody, 1) == Marked()


async def test_a_request_that_waits_to_be_published_is_not_any_more(graph: GraphStore, project: str) -> None:
    document = factories.document(project)
    await graph.index(document, str(uuid4()))
    await graph.deletions.mark(scope(document), 1)
    now = datetime.now(UTC) + timedelta(seconds=1)
    assert document.entity_id not in {each.document_id for each in await graph.outbox.requests(now, 1000)}


async def test_nothing_is_left_but_the_bare_tombstone(
    graph: GraphStore, settings: Settings, project: str
) -> None:
    document = factories.document(project)
    await enriched(graph, document, *(f"f{number}" for number in range(600)))
    await graph.deletions.mark(scope(document), 1)
    (tombstone,) = await graph.deletions.marked(scope(document), 1)
    assert (tombstone.version, tombstone.hashes) == (2, [document.content_hash])
    assert await graph.deletions.unlink([tombstone]) == (600, 1)
    assert await graph.deletions.strip([tombstone]) == 1
    found = await node(settings, document.entity_id)
    assert set(found) == BARE
    assert (found["version"], found["enrichment_status"]) == (2, "deleted")
    assert await left(settings, project) == [0, 0, 0]
    assert await graph.deletions.marked(scope(document), 1) == []
    await graph.deletions.mark(scope(document), 1)
    assert (await node(settings, document.entity_id))["version"] == 2


async def test_a_module_stays_while_another_document_imports_it(
    graph: GraphStore, settings: Settings, project: str
) -> None:
    one, other = factories.document(project), factories.document(project, "y = 1\n")
    await enriched(graph, one)
    await enriched(graph, other)
    await deleted(graph, scope(one))
    assert await left(settings, project) == [1, 2, 1]
    assert (await graph.get(other.entity_id)).modules == ["os"]


async def test_a_document_that_begins_to_import_a_module_that_goes_has_it_in_the_end(
    graph: GraphStore, settings: Settings, project: str
) -> None:
    gone = [factories.document(project, f"x = {number}\n") for number in range(6)]
    new = [factories.document(project, f"y = {number}\n") for number in range(6)]
    for each in gone:
        await enriched(graph, each)
    await asyncio.gather(
        *(deleted(graph, scope(each)) for each in gone), *(enriched(graph, each) for each in new)
    )
    assert await left(settings, project) == [6, 12, 1]
    assert [(await graph.get(each.entity_id)).modules for each in new] == [["os"]] * 6


async def test_no_late_writer_touches_a_tombstone(
    graph: GraphStore, settings: Settings, project: str
) -> None:
    document = factories.document(project)
    step = await enriched(graph, document)
    await deleted(graph, scope(document))
    bare = await node(settings, document.entity_id)
    assert not await graph.write_enrichment(step, factories.analysis("f"))
    assert not await graph.set_status(step, EnrichmentStatus.FAILED)
    assert not await graph.set_dead_lettered(step, standing=True)
    assert not await graph.is_current(step)
    assert await graph.first_to_tell(document.entity_id, "event", "run")
    newer = step.request.model_copy(update={"document_version": None, "content_hash": "f" * 64})
    for request in (step.request, newer, newer.model_copy(update={"project_name": "another"})):
        claim = await graph.claim(request, "late")
        assert (claim.decision, claim.version) == (Decision.SUPERSEDED, 2)
    await graph.outbox.clear([(document.entity_id, 1)])
    found = await node(settings, document.entity_id)
    assert {**found, "lock": bare["lock"]} == bare


async def test_the_same_id_posted_again_lives_at_a_higher_version(
    graph: GraphStore, settings: Settings, project: str
) -> None:
    document = factories.document(project)
    await enriched(graph, document)
    await deleted(graph, scope(document))
    again = await graph.index(document, str(uuid4()))
    assert (again.version, again.status, again.changed) == (3, EnrichmentStatus.PENDING, True)
    step = factories.step(factories.request_of(document, 3), 3)
    assert (await graph.claim(step.request, step.workflow_id)).decision is Decision.PROCEED
    assert await graph.write_enrichment(step, factories.analysis("h"))
    stored = await graph.get(document.entity_id)
    assert (stored.project_name, [each.name for each in stored.entities]) == (project, ["h"])
    assert "deleted_at" not in await node(settings, document.entity_id)


async def test_a_tombstone_is_of_no_project_but_a_marked_document_is(graph: GraphStore, project: str) -> None:
    document = factories.document(project)
    await graph.index(document, str(uuid4()))
    await graph.deletions.mark(scope(document), 1)
    moved = document.model_copy(update={"project_name": f"{project}-2"})
    with pytest.raises(ProjectConflictError):
        await graph.index(moved, str(uuid4()))
    await deleted(graph, scope(document))
    assert (await graph.index(moved, str(uuid4()))).version == 3
    assert (await graph.get(document.entity_id)).project_name == f"{project}-2"


async def test_a_deletion_under_way_leaves_what_is_revived(graph: GraphStore, project: str) -> None:
    document = factories.document(project)
    await enriched(graph, document)
    await graph.deletions.mark(scope(document), 1)
    tombstones = await graph.deletions.marked(scope(document), 1)
    step = await enriched(graph, document, "new")
    assert step.version == 3
    assert await graph.deletions.unlink(tombstones) == (0, 0)
    assert await graph.deletions.strip(tombstones) == 0
    assert [each.name for each in (await graph.get(document.entity_id)).entities] == ["new"]
    assert await graph.deletions.tombstone_of(document.entity_id) is None


async def test_what_is_indexed_after_a_deletion_was_asked_for_lives(graph: GraphStore, project: str) -> None:
    before, after = factories.document(project), factories.document(project, "later")
    request_scope, of_project = scope(before), project_scope(project)
    later = before.model_copy(update={"content_hash": after.content_hash})
    for document in (before, later, after):
        moment = datetime.now(UTC) + timedelta(seconds=1) if document is not before else document.indexed_at
        await graph.index(document.model_copy(update={"indexed_at": moment}), str(uuid4()))
    assert (await graph.deletions.mark(request_scope, 1)).version is None
    assert not (await graph.deletions.mark(of_project, 10)).more
    assert await graph.deletions.marked(of_project, 10) == []
    later_scope = request_scope.model_copy(update={"requested_at": datetime.now(UTC) + timedelta(seconds=2)})
    assert (await graph.deletions.mark(later_scope, 1)).version == 3


async def test_a_project_is_marked_page_by_page_and_no_other_is(
    graph: GraphStore, settings: Settings, project: str
) -> None:
    for number in range(7):
        await enriched(graph, factories.document(project, f"x = {number}\n"))
    other = factories.document(f"{project}-2")
    await enriched(graph, other)
    wanted = project_scope(project)
    assert (await graph.deletions.mark(wanted, 5)).more
    assert await graph.deletions.any_live(project, datetime.now(UTC))
    assert len(await deleted(graph, wanted)) == 7
    assert not await graph.deletions.any_live(project, datetime.now(UTC))
    assert await left(settings, project) == [0, 0, 0]
    assert await left(settings, f"{project}-2") == [1, 2, 1]


async def test_a_document_remembers_its_former_contents(
    graph: GraphStore, settings: Settings, project: str
) -> None:
    first = factories.document(project, "a")
    hashes = [identity.content_hash(text) for text in "abaca"]
    for content_hash in hashes:
        await graph.index(first.model_copy(update={"content_hash": content_hash}), str(uuid4()))
    a, b, c = dict.fromkeys(hashes)
    assert (await node(settings, first.entity_id))["past_hashes"] == [a, b, c]
    d = identity.content_hash("d")
    later = datetime.now(UTC) + timedelta(seconds=1)
    bypassing = factories.request_of(
        first,
        None,
    ).model_copy(update={"content_hash": d, "indexed_at": later})
    assert (await graph.claim(bypassing, "w")).decision is Decision.PROCEED
    assert set((await node(settings, first.entity_id))["past_hashes"]) == {a, b, c}
    await graph.deletions.mark(scope(first, version=9), 1)
    (tombstone,) = await graph.deletions.marked(scope(first), 1)
    assert set(tombstone.hashes) == {a, b, c, d}


async def test_a_document_forgets_the_contents_that_are_gone(
    graph: GraphStore, settings: Settings, project: str
) -> None:
    document = factories.document(project, "a")
    hashes = [identity.content_hash(text) for text in "abcd"]
    indexed = [
        await graph.index(document.model_copy(update={"content_hash": each}), str(uuid4())) for each in hashes
    ]
    assert [each.former for each in indexed] == [0, 1, 2, 3]
    a, b, c, _ = hashes
    assert await graph.former_contents(document.entity_id) == [a, b, c]
    await graph.forget_contents(document.entity_id, [a, b])
    await graph.forget_contents(document.entity_id, [a])
    assert (await node(settings, document.entity_id))["past_hashes"] == [c]
    nobody = str(uuid4())
    await graph.forget_contents(nobody, [a])
    assert await graph.former_contents(nobody) == []


async def test_only_what_a_live_document_has_now_is_referenced(graph: GraphStore, project: str) -> None:
    one, other, changed = (factories.document(project, f"{uuid4()}") for _ in range(3))
    for each in (one, other, changed):
        await graph.index(each, str(uuid4()))
    await graph.index(changed.model_copy(update={"content_hash": "e" * 64}), str(uuid4()))
    await graph.deletions.mark(scope(one), 1)
    hashes = [each.content_hash for each in (one, other, changed)]
    assert await graph.deletions.referenced(hashes) == {other.content_hash}
