"""The graph store on a real server; ARCHON_TEST_GRAPH_URI selects another one."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from neo4j import AsyncGraphDatabase
from pydantic import SecretStr

from activities.failures import Again, treatment_of
from archon.contracts.analysis import Finding, ScorePart
from archon.contracts.documents import Document
from archon.contracts.errors import (
    InvalidInputError,
    NotFoundError,
    ProjectConflictError,
    StoreRejectedError,
    StoreUnavailableError,
)
from archon.contracts.types import (
    HIGHEST_FIRST,
    HIGHEST_VERSION,
    EnrichmentStatus,
    EnrichmentType,
    Priority,
)
from archon.contracts.views import Reasons
from archon.contracts.workflow import Decision
from archon.runtime.settings import Settings
from archon.stores.graph.store import EVENTS_REMEMBERED, GraphStore
from tests import factories, stores


async def count(settings: Settings, cypher: str, **parameters: object) -> int:
    """A count read with the plain driver."""
    password = settings.memgraph_password.get_secret_value()
    auth = (settings.memgraph_user, password) if settings.memgraph_user else None
    async with AsyncGraphDatabase.driver(settings.memgraph_uri, auth=auth) as driver:
        records, _, _ = await driver.execute_query(cypher, parameters, database_=settings.graph_database)
    return int(records[0][0])


async def indexed(graph: GraphStore, document: Document) -> int:
    return (await graph.index(document, str(uuid4()))).version


async def test_the_schema_may_be_made_twice_and_at_once(graph: GraphStore) -> None:
    await asyncio.gather(graph.ensure_schema(), graph.ensure_schema())


async def test_a_new_document_is_pending_at_version_1(graph: GraphStore, project: str) -> None:
    document = factories.document(project)
    answer = await graph.index(document, str(uuid4()))
    assert (answer.version, answer.status, answer.changed) == (1, EnrichmentStatus.PENDING, True)
    stored = await graph.get(document.entity_id)
    assert stored.content_hash == document.content_hash
    assert stored.metadata == document.metadata
    assert abs(stored.indexed_at - document.indexed_at) < timedelta(milliseconds=1)


async def test_unchanged_content_keeps_version_and_enrichment(graph: GraphStore, project: str) -> None:
    document = factories.document(project)
    await indexed(graph, document)
    step = factories.step(factories.request_of(document))
    await graph.claim(step.request, step.workflow_id)
    assert await graph.write_enrichment(step, factories.analysis("f"))
    again = await graph.index(document.model_copy(update={"name": "renamed"}), str(uuid4()))
    assert (again.version, again.status, again.changed) == (1, EnrichmentStatus.COMPLETED, False)
    assert (await graph.get(document.entity_id)).name == "renamed"


async def test_the_language_is_the_one_that_content_was_read_as(graph: GraphStore, project: str) -> None:
    header = factories.document(project, file_path="src/a.h", language="c")
    read = factories.step(factories.request_of(header, language="cpp"))

    async def language_after(found: Document) -> str | None:
        await indexed(graph, found)
        return (await graph.get(header.entity_id)).language

    assert await language_after(header) == "c"
    await graph.claim(read.request, read.workflow_id)
    assert await graph.write_enrichment(read, factories.analysis("f"))
    assert await language_after(header) == "cpp", "the same content, named as before"
    assert await language_after(header.model_copy(update={"language": "tcl"})) == "tcl"
    assert await language_after(header) == "c"
    assert await graph.write_enrichment(read, factories.analysis("f"))
    new = {"language": "c", "content_hash": factories.request(text="y = 2\n").content_hash}
    assert await language_after(header.model_copy(update=new)) == "c", "not read yet"


async def test_a_b_a_is_version_3(graph: GraphStore, project: str) -> None:
    a = factories.document(project, "a")
    b = factories.document(project, "b", entity_id=a.entity_id)
    assert [await indexed(graph, each) for each in (a, b, a)] == [1, 2, 3]


async def test_racing_updates_each_get_a_version(graph: GraphStore, settings: Settings, project: str) -> None:
    first = factories.document(project)
    racers = [factories.document(project, f"text {n}", entity_id=first.entity_id) for n in range(20)]
    versions = await asyncio.gather(*(indexed(graph, each) for each in racers))
    assert sorted(versions) == list(range(1, 21))
    assert (
        await count(settings, "MATCH (d:Document {entity_id: $id}) RETURN count(d)", id=first.entity_id) == 1
    )


async def test_a_document_never_changes_its_project(graph: GraphStore, project: str) -> None:
    document = factories.document(project)
    await indexed(graph, document)
    with pytest.raises(ProjectConflictError):
        await indexed(graph, document.model_copy(update={"project_name": "other", "content_hash": "0" * 64}))
    assert (await graph.get(document.entity_id)).content_hash == document.content_hash
    foreign = factories.request_of(document).model_copy(update={"project_name": "other"})
    with pytest.raises(ProjectConflictError):
        await graph.claim(foreign, "w")


async def test_what_was_never_indexed_is_not_found(graph: GraphStore) -> None:
    with pytest.raises(NotFoundError):
        await graph.get(str(uuid4()))
    with pytest.raises(NotFoundError):
        await graph.get_by_external_id("nobody", None)


async def test_what_is_anothers_is_not_found(graph: GraphStore, project: str) -> None:
    document = factories.document(project, external_id="own")
    await indexed(graph, document)
    await graph.get(document.entity_id, [project, "another"])
    assert document.entity_id in await graph.previews([document.entity_id], [project])
    for projects in (["another"], []):
        with pytest.raises(NotFoundError):
            await graph.get(document.entity_id, projects)
        with pytest.raises(NotFoundError):
            await graph.get_by_external_id("own", projects)
        assert not await graph.previews([document.entity_id], projects)
        assert not (await graph.documents(projects=projects, status=None, after=None, limit=9)).documents
        assert (await graph.census.statistics(projects)).documents == 0


async def test_an_external_id_of_two_projects_needs_the_project(graph: GraphStore, project: str) -> None:
    external = f"ext-{uuid4()}"
    for name in (project, f"{project}-2"):
        await indexed(graph, factories.document(name, external_id=external))
    with pytest.raises(InvalidInputError, match="project"):
        await graph.get_by_external_id(external, None)
    assert (await graph.get_by_external_id(external, [project])).project_name == project


async def test_the_outbox_keeps_a_request_until_it_is_acknowledged(graph: GraphStore, project: str) -> None:
    document = factories.document(project)
    correlation = str(uuid4()).upper()
    answer = await graph.index(document, correlation)
    now = datetime.now(UTC) + timedelta(seconds=1)
    waiting = {each.document_id: each for each in await graph.outbox.requests(now, 1000)}
    assert waiting[document.entity_id].correlation_id == correlation
    assert waiting[document.entity_id].document_version == answer.version
    assert document.entity_id not in {
        each.document_id for each in await graph.outbox.requests(document.indexed_at - timedelta(1), 1000)
    }
    await graph.outbox.clear([(document.entity_id, answer.version + 1)])
    assert document.entity_id in {each.document_id for each in await graph.outbox.requests(now, 1000)}
    await graph.outbox.clear([(document.entity_id, answer.version)])
    assert document.entity_id not in {each.document_id for each in await graph.outbox.requests(now, 1000)}


async def test_a_spoilt_node_does_not_hold_up_the_outbox(
    settings: Settings, graph: GraphStore, project: str
) -> None:
    spoilt, good = factories.document(project), factories.document(project)
    await graph.index(spoilt, "no correlation id")
    await graph.index(good, str(uuid4()))
    now = datetime.now(UTC) + timedelta(seconds=1)
    found = {each.document_id for each in await graph.outbox.requests(now, 1000)}
    assert good.entity_id in found
    assert spoilt.entity_id not in found
    nodes = await stores.nodes(settings, project)
    assert (nodes[spoilt.entity_id]["outbox"], nodes[good.entity_id]["outbox"]) == ("unreadable", "pending")


async def test_a_claim_adopts_the_version_and_marks_processing(graph: GraphStore, project: str) -> None:
    document = factories.document(project)
    await indexed(graph, document)
    claim = await graph.claim(factories.request_of(document), "w1")
    assert (claim.decision, claim.version, claim.previous_workflow_id) == (Decision.PROCEED, 1, None)
    stored = await graph.get(document.entity_id)
    assert (stored.enrichment_status, stored.workflow_id) == (EnrichmentStatus.PROCESSING, "w1")


async def test_a_claim_of_an_unknown_document_creates_it(graph: GraphStore, project: str) -> None:
    request = factories.request(project)
    claim = await graph.claim(request, "w1")
    assert (claim.decision, claim.version) == (Decision.PROCEED, 1)
    stored = await graph.get(request.document_id)
    assert (stored.content_hash, stored.file_path) == (request.content_hash, request.file_path)


async def test_a_producer_cannot_use_versions_up(graph: GraphStore, project: str) -> None:
    with pytest.raises(InvalidInputError, match="document_version"):
        await graph.claim(factories.request(project, document_version=HIGHEST_FIRST + 1), "w")
    request = factories.request(project, document_version=HIGHEST_FIRST)
    assert (await graph.claim(request, "w")).version == HIGHEST_FIRST
    newer = factories.document(project, "y = 2\n", entity_id=request.document_id)
    assert await indexed(graph, newer) == HIGHEST_FIRST + 1


async def test_a_version_that_can_rise_no_further_is_told(
    settings: Settings, graph: GraphStore, project: str
) -> None:
    document = factories.document(project)
    await indexed(graph, document)
    await stores.query(
        settings,
        "MATCH (d:Document {entity_id: $id}) SET d.version = $version",
        id=document.entity_id,
        version=HIGHEST_VERSION,
    )
    with pytest.raises(StoreRejectedError, match="no version left"):
        await indexed(graph, factories.document(project, "y = 2\n", entity_id=document.entity_id))


async def test_an_older_content_is_superseded_and_changes_nothing(graph: GraphStore, project: str) -> None:
    a = factories.document(project, "a")
    b = factories.document(project, "b", entity_id=a.entity_id)
    await indexed(graph, a)
    step = factories.step(factories.request_of(a))
    await graph.claim(step.request, "wa")
    await indexed(graph, b)
    claim = await graph.claim(step.request, "wa")
    assert (claim.decision, claim.version) == (Decision.SUPERSEDED, 2)
    assert not await graph.write_enrichment(step, factories.analysis("f"))
    assert not await graph.set_status(step, EnrichmentStatus.FAILED)
    stored = await graph.get(a.entity_id)
    assert (stored.content_hash, stored.entities, stored.enrichment_status) == (
        b.content_hash,
        [],
        EnrichmentStatus.PENDING,
    )


async def test_a_later_request_without_a_version_takes_over(graph: GraphStore, project: str) -> None:
    document = factories.document(project)
    await indexed(graph, document)
    await graph.claim(factories.request_of(document), "w-old")
    later = factories.request_of(document, None, correlation_id=str(uuid4())).model_copy(
        update={"content_hash": "1" * 64, "indexed_at": datetime.now(UTC) + timedelta(seconds=5)}
    )
    earlier = later.model_copy(
        update={"content_hash": "2" * 64, "indexed_at": document.indexed_at - timedelta(1)}
    )
    assert (await graph.claim(earlier, "w-earlier")).decision is Decision.SUPERSEDED
    claim = await graph.claim(later, "w-new")
    assert (claim.decision, claim.version, claim.previous_workflow_id) == (Decision.PROCEED, 2, "w-old")
    assert (await graph.get(document.entity_id)).content_hash == "1" * 64


@pytest.mark.parametrize("wish", ["force", "repair"])
async def test_an_enriched_document_is_a_duplicate_unless_it_is_wanted_again(
    graph: GraphStore, project: str, wish: str
) -> None:
    document = factories.document(project)
    await indexed(graph, document)
    step = factories.step(factories.request_of(document))
    await graph.claim(step.request, "w")
    await graph.write_enrichment(step, factories.analysis("f"))
    assert (await graph.claim(step.request, "w")).decision is Decision.DUPLICATE
    again = step.request.model_copy(update={wish: True})
    assert (await graph.claim(again, "w")).decision is Decision.PROCEED


async def test_a_discarded_document_is_a_duplicate_until_somebody_asks_anew(
    graph: GraphStore, project: str
) -> None:
    document = factories.document(project)
    await indexed(graph, document)
    step = factories.step(factories.request_of(document))
    await graph.claim(step.request, "w")
    assert await graph.set_status(step, EnrichmentStatus.DISCARDED)
    assert (await graph.claim(step.request, "w")).decision is Decision.DUPLICATE
    anew = factories.request_of(document, correlation_id=str(uuid4()))
    assert (await graph.claim(anew, "w")).decision is Decision.PROCEED


async def test_a_claim_made_again_still_tells_whom_it_replaced(graph: GraphStore, project: str) -> None:
    a = factories.document(project, "a")
    b = factories.document(project, "b", entity_id=a.entity_id)
    await indexed(graph, a)
    await graph.claim(factories.request_of(a), "wa")
    await indexed(graph, b)
    claims = [await graph.claim(factories.request_of(b, 2), "wb") for _ in range(3)]
    assert [claim.previous_workflow_id for claim in claims] == ["wa"] * 3


async def test_a_part_leaves_the_whole_to_be_done(graph: GraphStore, project: str) -> None:
    document = factories.document(project)
    await indexed(graph, document)
    part = factories.request_of(document, enrichment_type=EnrichmentType.QUALITY_ONLY)
    await graph.claim(part, "w")
    assert document.entity_id in {
        each.document_id for each in await graph.outbox.requests(datetime.now(UTC), 1000)
    }
    unknown = factories.request(project, enrichment_type=EnrichmentType.ENTITIES_ONLY)
    await graph.claim(unknown, "w")
    assert (await graph.get(unknown.document_id)).enrichment_status is EnrichmentStatus.PENDING


async def test_a_standing_letter_is_found_by_the_next_claim(graph: GraphStore, project: str) -> None:
    a = factories.document(project, "a")
    b = factories.document(project, "b", entity_id=a.entity_id)
    await indexed(graph, a)
    step, newer = factories.step(factories.request_of(a)), factories.step(factories.request_of(b, 2), 2)
    assert not (await graph.claim(step.request, "w")).dead_lettered
    assert await graph.set_dead_lettered(step, standing=True)
    await indexed(graph, b)
    assert (await graph.claim(newer.request, "w2")).dead_lettered
    assert await graph.write_enrichment(newer, factories.analysis("f"))
    assert not await graph.set_dead_lettered(step, standing=False)
    assert (await graph.claim(newer.request, "w2")).dead_lettered
    assert await graph.set_dead_lettered(newer, standing=False)
    assert not (await graph.claim(newer.request, "w2")).dead_lettered


async def test_attempts_that_overlap_leave_every_entity(graph: GraphStore, project: str) -> None:
    document = factories.document(project)
    await indexed(graph, document)
    step = factories.step(factories.request_of(document))
    await graph.claim(step.request, "w")
    await graph.write_enrichment(step, factories.analysis("stale"))
    forced = factories.step(factories.request_of(document, force=True))
    found = factories.analysis(*(f"f{number}" for number in range(700)))
    await asyncio.gather(*(graph.write_enrichment(forced, found) for _ in range(2)))
    stored = await graph.get(document.entity_id)
    assert {entity.name for entity in stored.entities} == {entity.name for entity in found.entities}


async def test_what_was_asked_for_can_be_asked_for_again(graph: GraphStore, project: str) -> None:
    document = factories.document(project)
    await graph.index(
        document,
        str(uuid4()),
        priority=Priority.HIGH,
        enrichment_type=EnrichmentType.INCREMENTAL,
    )
    request_ = await graph.request(document.entity_id, str(uuid4()))
    assert (request_.priority, request_.enrichment_type) == (Priority.HIGH, EnrichmentType.INCREMENTAL)
    assert (request_.content_hash, request_.document_version) == (document.content_hash, 1)
    assert request_.metadata.file_size_bytes == document.metadata["file_size_bytes"]
    with pytest.raises(NotFoundError):
        await graph.request(str(uuid4()), str(uuid4()))


@pytest.mark.parametrize("kind", [EnrichmentType.INCREMENTAL, EnrichmentType.QUALITY_ONLY])
async def test_so_can_what_a_producer_asked_for_that_bypasses_the_bridge(
    graph: GraphStore, project: str, kind: EnrichmentType
) -> None:
    request = factories.request(project, priority=Priority.LOW, enrichment_type=kind)
    await graph.claim(request, "w")
    request_ = await graph.request(request.document_id, str(uuid4()))
    assert request_.priority is Priority.LOW
    assert request_.enrichment_type is (kind if kind.whole else EnrichmentType.FULL)


async def test_one_run_alone_tells_an_event(graph: GraphStore, project: str) -> None:
    document = factories.document(project)
    await indexed(graph, document)
    tellers = [graph.first_to_tell(document.entity_id, "event-1", f"run-{n}") for n in range(8)]
    assert sum(await asyncio.gather(*tellers)) == 1
    (first,) = [n for n in range(8) if await graph.first_to_tell(document.entity_id, "event-1", f"run-{n}")]
    for number in range(EVENTS_REMEMBERED - 1):
        assert await graph.first_to_tell(document.entity_id, f"other-{number}", "run")
    assert await graph.first_to_tell(document.entity_id, "event-1", f"run-{first}")
    assert await graph.first_to_tell(str(uuid4()), "event-1", "of no document")


async def test_an_enrichment_is_written_whole_and_replaced_whole(
    graph: GraphStore, settings: Settings, project: str
) -> None:
    document = factories.document(project)
    await indexed(graph, document)
    step = factories.step(factories.request_of(document))
    await graph.claim(step.request, "w")
    for _ in range(2):
        assert await graph.write_enrichment(step, factories.analysis("f", "g", "h"))
    stored = await graph.get(document.entity_id)
    assert [each.qualified_name for each in stored.entities] == ["f", "g", "h"]
    assert stored.modules == ["os"]
    assert stored.enrichment_status is EnrichmentStatus.COMPLETED
    assert stored.enrichment_content_hash == document.content_hash
    assert (stored.quality_score, stored.anti_patterns_detected) == (0.5, ["long-function"])
    mine = {"id": document.entity_id}
    calls = (
        "MATCH (d:Document {entity_id: $id})-[:CONTAINS]->(e:Entity)-[r:CALLS]->(f:Entity) RETURN count(r)"
    )
    contains = "MATCH (d:Document {entity_id: $id})-[r:CONTAINS]->(e:Entity) RETURN count(r)"
    assert await count(settings, calls, **mine) == 2
    assert await count(settings, contains, **mine) == 3
    assert await graph.write_enrichment(step, factories.analysis("f"))
    assert await count(settings, calls, **mine) == 0
    assert await count(settings, contains, **mine) == 1
    assert await count(settings, "MATCH (e:Entity {document_id: $id}) RETURN count(e)", **mine) == 1


async def test_more_entities_than_a_transaction_takes(
    graph: GraphStore, settings: Settings, project: str
) -> None:
    document = factories.document(project)
    await indexed(graph, document)
    step = factories.step(factories.request_of(document))
    await graph.claim(step.request, "w")
    names = [f"f{number}" for number in range(700)]
    assert await graph.write_enrichment(step, factories.analysis(*names))
    stored = await graph.get(document.entity_id)
    assert len(stored.entities) == 700
    assert stored.enrichment_status is EnrichmentStatus.COMPLETED
    assert await graph.write_enrichment(step, factories.analysis("f1", "f2"))
    assert len((await graph.get(document.entity_id)).entities) == 2
    left = "MATCH (e:Entity {document_id: $id})-[r:CALLS]->() RETURN count(r)"
    assert await count(settings, left, id=document.entity_id) == 1


async def test_why_a_document_has_its_scores_is_kept_until_they_change(
    graph: GraphStore, project: str
) -> None:
    document = factories.document(project)
    await indexed(graph, document)
    step = factories.step(factories.request_of(document))
    await graph.claim(step.request, "w")
    finding = Finding(
        rule="long-function", line=3, message="`f` has 90 lines", symbol="f", value=90, limit=80
    )
    part = ScorePart(measure="short_share", value=0.5, effect=-0.1, places=[finding])
    why = factories.analysis("f", quality_parts=[part], complexity_parts=[part], findings=[finding])
    assert await graph.write_enrichment(step, why)
    assert (await graph.get(document.entity_id)).why == Reasons(
        quality_parts=[part], complexity_parts=[part], findings=[finding]
    )
    assert await graph.write_enrichment(step, factories.analysis("f"))
    assert (await graph.get(document.entity_id)).why is None


@pytest.mark.parametrize("why", ["x", "eJwDAAAAAAE", "bm90IGNvbXByZXNzZWQ="])
async def test_damaged_reasons_name_the_document(
    graph: GraphStore, settings: Settings, project: str, why: str
) -> None:
    document = factories.document(project)
    await indexed(graph, document)
    spoil = "MATCH (d:Document {entity_id: $id}) SET d.why = $why"
    await stores.query(settings, spoil, id=document.entity_id, why=why)
    with pytest.raises(StoreRejectedError, match=document.entity_id):
        await graph.get(document.entity_id)


async def test_parts_touch_only_their_own(graph: GraphStore, project: str) -> None:
    document = factories.document(project)
    await indexed(graph, document)
    quality = factories.step(factories.request_of(document, enrichment_type=EnrichmentType.QUALITY_ONLY))
    entities = factories.step(factories.request_of(document, enrichment_type=EnrichmentType.ENTITIES_ONLY))
    assert (await graph.claim(quality.request, "w")).decision is Decision.PROCEED
    assert await graph.write_enrichment(quality, factories.analysis("f"))
    stored = await graph.get(document.entity_id)
    assert (stored.quality_score, stored.entities, stored.enrichment_status) == (
        0.5,
        [],
        EnrichmentStatus.PENDING,
    )
    assert (await graph.claim(quality.request, "w")).decision is Decision.DUPLICATE
    assert (await graph.claim(entities.request, "w")).decision is Decision.PROCEED
    assert await graph.write_enrichment(entities, factories.analysis("f", "g", quality_score=0.9))
    stored = await graph.get(document.entity_id)
    assert (stored.quality_score, len(stored.entities), stored.enrichment_content_hash) == (0.5, 2, None)
    assert (await graph.claim(factories.request_of(document), "w")).decision is Decision.PROCEED


async def test_writers_that_meet_at_a_module_all_succeed(
    graph: GraphStore, settings: Settings, project: str
) -> None:
    documents = [factories.document(project) for _ in range(12)]

    async def enrich(document: Document) -> bool:
        await indexed(graph, document)
        step = factories.step(factories.request_of(document))
        await graph.claim(step.request, "w")
        return await graph.write_enrichment(step, factories.analysis("f", "g"))

    assert all(await asyncio.gather(*map(enrich, documents)))
    modules = "MATCH (m:Module {project_name: $project}) RETURN count(m)"
    imports = "MATCH (d:Document)-[r:IMPORTS]->(m:Module {project_name: $project}) RETURN count(r)"
    assert await count(settings, modules, project=project) == 1
    assert await count(settings, imports, project=project) == 12


async def test_listings_and_statistics_are_of_the_project(graph: GraphStore, project: str) -> None:
    documents = [factories.document(project, f"{n}", file_path=f"{n}.py") for n in range(3)]
    for each in documents:
        await indexed(graph, each)
    await indexed(graph, factories.document(f"{project}-other"))
    step = factories.step(factories.request_of(documents[0]))
    await graph.claim(step.request, "w")
    await graph.write_enrichment(step, factories.analysis("f", "g"))
    found = await graph.census.statistics([project])
    assert (found.documents, found.entities, found.mean_quality) == (3, 2, 0.5)
    assert found.statuses == {"pending": 2, "completed": 1}
    assert found.languages == {"python": 3}
    assert found.anti_patterns == {"long-function": 1}
    ids = sorted(each.entity_id for each in documents)
    first = await graph.documents(projects=[project], status=None, after=None, limit=2)
    rest = await graph.documents(projects=[project], status=None, after=first.next, limit=2)
    assert [row.document_id for row in [*first.documents, *rest.documents]] == ids
    assert (first.next, rest.next) == (ids[1], None)
    done = await graph.documents(projects=[project], status="completed", after=None, limit=9)
    assert [row.document_id for row in done.documents] == [documents[0].entity_id]


async def test_a_spoilt_node_hides_no_other_from_listings(
    graph: GraphStore, settings: Settings, project: str
) -> None:
    ids = sorted([str(uuid4()) for _ in range(3)])
    for each in ids:
        await indexed(graph, factories.document(project, entity_id=each))
    wrong = "MATCH (d:Document {entity_id: $id}) SET d.indexed_at = 'yesterday', d.name = null"
    await stores.query(settings, wrong, id=ids[1])
    first = await graph.documents(projects=[project], status=None, after=None, limit=2)
    rest = await graph.documents(projects=[project], status=None, after=first.next, limit=2)
    assert ([row.document_id for row in first.documents], first.next) == ([ids[0]], ids[1])
    assert ([row.document_id for row in rest.documents], rest.next) == ([ids[2]], None)
    assert set(await graph.previews(ids, [project])) == {ids[0], ids[2]}
    with pytest.raises(StoreRejectedError, match=ids[1]):
        await graph.get(ids[1])


async def test_a_server_that_is_down_is_unavailable(settings: Settings) -> None:
    nobody = settings.model_copy(update={"memgraph_uri": "bolt://127.0.0.1:1"})
    async with GraphStore.connect(nobody) as store:
        with pytest.raises(StoreUnavailableError, match="graph"):
            await store.ping()


async def test_a_wrong_password_is_waited_out_and_names_its_setting(
    graph: GraphStore, settings: Settings, project: str
) -> None:
    if not settings.memgraph_user:
        pytest.skip("the graph from outside knows no passwords")
    wrong = settings.model_copy(update={"memgraph_password": SecretStr("changed")})
    async with GraphStore.connect(wrong) as refused:
        with pytest.raises(StoreUnavailableError, match="MEMGRAPH_PASSWORD") as raised:
            await refused.claim(factories.request(project_name=project), "w")
    assert treatment_of(raised.value).again is Again.PATIENTLY
