"""Documents with drift in the real stores, and their repair."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from uuid import uuid4

import pytest
from qdrant_client import models
from temporalio.testing import ActivityEnvironment

from activities.reconciliation import ReconcileActivities
from archon.contracts import names
from archon.contracts.analysis import AnalysisResult
from archon.contracts.documents import Document
from archon.contracts.errors import TopicUnavailableError
from archon.contracts.events import EnrichmentRequest
from archon.contracts.operations.drift import Drift, Drifting
from archon.contracts.operations.reconcile import PageInput, PageReport
from archon.contracts.text.chunks import searchable
from archon.contracts.types import EnrichmentStatus
from archon.contracts.workflow import Decision
from archon.runtime.settings import Settings
from archon.stores.content import ContentStore
from archon.stores.graph.nodes import timestamp
from archon.stores.graph.store import GraphStore
from archon.stores.survey import Survey
from archon.stores.vectors.store import VectorStore, qdrant
from tests import factories, stores
from tests.stacks import TestServers

LONG_AGO = datetime.now(UTC) - timedelta(hours=1)
TEXT = "x = 1\n"


@dataclass
class Runs:
    """In place of Temporal and the ingress: open runs, and submissions."""

    open: set[str] = field(default_factory=set)
    submitted: list[EnrichmentRequest] = field(default_factory=list)
    lagging: bool | None = False

    async def parked(self, workflow_id: str) -> bool | None:
        return True if workflow_id in self.open else None

    async def submit(self, request: EnrichmentRequest) -> str:
        self.submitted.append(request)
        return names.enrichment_workflow_id(request.document_id, request.content_hash)

    async def behind(self, moment: datetime) -> bool:
        if self.lagging is None:
            raise TopicUnavailableError("no broker")
        return self.lagging


@dataclass
class Estate:
    settings: Settings
    project: str
    graph: GraphStore
    vectors: VectorStore
    content: ContentStore
    runs: Runs
    survey: Survey
    activities: ReconcileActivities

    async def indexed(
        self, status: EnrichmentStatus = EnrichmentStatus.PENDING, *, indexed_at: datetime = LONG_AGO
    ) -> Document:
        """As the bridge leaves it after Kafka has its request. It is aged only afterwards: a bridge of the
        session on the same graph would take an old unacknowledged request for lost, and have it enriched."""
        document = factories.document(self.project, TEXT)
        await self.content.put_text(document.content_hash, TEXT)
        indexed = await self.graph.index(document, str(uuid4()), status=status)
        await self.vectors.index(document, indexed)
        await self.graph.outbox.clear([(document.entity_id, indexed.version)])
        await self.set(document, indexed_at=timestamp(indexed_at))
        return document.model_copy(update={"indexed_at": indexed_at})

    async def enriched(self) -> Document:
        document = await self.indexed()
        await self.enrich(factories.request_of(document))
        return document

    async def enrich(self, request: EnrichmentRequest, analysis: AnalysisResult | None = None) -> None:
        """The effect of a run on a request."""
        workflow_id = names.enrichment_workflow_id(request.document_id, request.content_hash)
        claim = await self.graph.claim(request, workflow_id)
        assert claim.decision is Decision.PROCEED
        step = factories.step(request, claim.version, workflow_id)
        found = analysis or factories.analysis("f")
        chunks = searchable(found)
        assert await self.vectors.write(step, EnrichmentStatus.COMPLETED, found.embedding, chunks)
        assert await self.graph.write_enrichment(step, found)

    async def drifting(self) -> dict[str, Drifting]:
        page = await self.survey.documents(None, 100, self.project, 900)
        return {each.document_id: each for each in page.drifting}

    async def reconcile(self, *, apply: bool = True, of_points: bool = False) -> PageReport:
        page = PageInput(
            apply=apply,
            older_than=900,
            limit=100,
            project=self.project,
            after=None,
            started_at=datetime.now(UTC),
        )
        work = self.activities.points if of_points else self.activities.documents
        whole = PageReport()
        while True:
            report = cast(PageReport, await ActivityEnvironment().run(work, page))
            whole.checked += report.checked
            for kind, count in report.found.items():
                whole.found[kind] = whole.found.get(kind, 0) + count
            for kind, count in report.repaired.items():
                whole.repaired[kind] = whole.repaired.get(kind, 0) + count
            whole.waiting += report.waiting
            whole.examples |= report.examples
            if report.next is None:
                return whole
            page.after = report.next

    async def set(self, document: Document, **properties: Any) -> None:
        """A write by another program."""
        statement = "MATCH (d:Document {entity_id: $id}) SET d += $properties"
        await stores.query(self.settings, statement, id=document.entity_id, properties=properties)

    async def lose_point(self, document: Document) -> None:
        client = qdrant(self.settings)
        await client.delete(self.settings.qdrant_collection, [document.entity_id])
        await client.close()


@pytest.fixture
async def estate(servers: TestServers, settings: Settings, project: str) -> AsyncIterator[Estate]:
    await servers.start("graph", "vectors")
    async with GraphStore.connect(settings) as graph, VectorStore.connect(settings) as vectors:
        await graph.ensure_schema()
        await vectors.ensure_collections()
        content, runs = ContentStore.open(settings), Runs()
        survey = Survey(graph.survey, vectors.surveyed, content, cast(Any, runs))
        activities = ReconcileActivities(survey, runs, vectors.surveyed, runs)
        yield Estate(settings, project, graph, vectors, content, runs, survey, activities)


async def test_an_estate_that_is_well_does_not_drift(estate: Estate) -> None:
    await estate.enriched()
    await estate.indexed(EnrichmentStatus.SKIPPED)
    await estate.indexed(indexed_at=datetime.now(UTC))
    without = await estate.indexed()
    await estate.enrich(factories.request_of(without), factories.analysis("f", embedding=None))
    report = await estate.reconcile()
    assert (report.checked, report.found, report.next) == (4, {}, None)
    report = await estate.reconcile(of_points=True)
    points, chunks = 4, 1
    assert (report.checked, report.found, estate.runs.submitted) == (points + chunks, {}, [])


async def test_pages_follow_one_another(estate: Estate) -> None:
    documents = {(await estate.indexed(indexed_at=datetime.now(UTC))).entity_id for _ in range(5)}
    seen: list[str] = []
    after, pages = None, 0
    while True:
        page = await estate.survey.documents(after, 2, estate.project, 900)
        seen, after, pages = [*seen, *page.nodes], page.next, pages + 1
        if after is None:
            break
    assert (sorted(seen), pages) == (sorted(documents), 3)


async def test_a_stuck_document_is_submitted_with_its_version_and_once_a_window(estate: Estate) -> None:
    document = await estate.indexed()
    assert (await estate.reconcile(apply=False)).found == {Drift.STUCK: 1}
    assert estate.runs.submitted == []
    report = await estate.reconcile()
    assert (report.repaired, report.examples) == ({Drift.STUCK: 1}, {Drift.STUCK: [document.entity_id]})
    await estate.reconcile()
    first, again = estate.runs.submitted
    assert first.correlation_id == again.correlation_id
    assert (first.document_version, first.priority, first.repair) == (1, "low", False)
    estate.runs.open.add(names.enrichment_workflow_id(document.entity_id, document.content_hash))
    assert (await estate.reconcile()).found == {}


@pytest.mark.parametrize("lagging", [True, None])
async def test_a_request_that_may_still_be_in_kafka_is_waited_for(
    estate: Estate, lagging: bool | None
) -> None:
    await estate.indexed()
    await estate.lose_point(await estate.enriched())
    estate.runs.lagging = lagging
    report = await estate.reconcile()
    assert (report.waiting, report.found, report.repaired) == (
        1,
        {Drift.POINT_MISSING: 1},
        {Drift.POINT_MISSING: 1},
    )


async def test_a_failed_document_without_a_run_is_submitted(estate: Estate) -> None:
    document = await estate.indexed(EnrichmentStatus.FAILED)
    assert (await estate.reconcile()).repaired == {Drift.UNPARKED: 1}
    assert [request.document_id for request in estate.runs.submitted] == [document.entity_id]


async def test_an_enriched_document_without_its_point_is_written_again(estate: Estate) -> None:
    document = await estate.enriched()
    await estate.lose_point(document)
    assert (await estate.reconcile()).repaired == {Drift.POINT_MISSING: 1}
    (request,) = estate.runs.submitted
    assert (request.repair, request.document_version) == (True, 1)
    workflow_id = names.enrichment_workflow_id(document.entity_id, document.content_hash)
    estate.runs.open.add(workflow_id)
    left = await estate.reconcile()
    assert (left.waiting, left.found) == (1, {})
    await estate.enrich(request)
    estate.runs.open.clear()
    assert await estate.drifting() == {}


async def test_what_a_point_lacks_is_found(estate: Estate) -> None:
    vectorless, behind, ahead = [await estate.enriched() for _ in range(3)]
    client = qdrant(estate.settings)
    collection = estate.settings.qdrant_collection
    await client.delete_vectors(collection, [names.VECTOR_CONTENT], [vectorless.entity_id])
    await client.set_payload(collection, {"enrichment_status": "pending"}, [behind.entity_id])
    await client.set_payload(collection, {"version": 9}, [ahead.entity_id])
    await client.close()
    report = await estate.reconcile()
    assert report.found == dict.fromkeys((Drift.VECTOR_MISSING, Drift.POINT_BEHIND, Drift.POINT_AHEAD), 1)
    assert report.repaired == dict.fromkeys((Drift.VECTOR_MISSING, Drift.POINT_BEHIND), 1)
    for request in estate.runs.submitted:
        await estate.enrich(request)
    assert {each: found.kinds for each, found in (await estate.drifting()).items()} == {
        ahead.entity_id: [Drift.POINT_AHEAD]
    }


async def test_chunks_that_are_lost_or_of_another_version_are_found_and_written_again(estate: Estate) -> None:
    lost, past, older = [await estate.enriched() for _ in range(3)]
    client = qdrant(estate.settings)
    symbols, documents = estate.settings.qdrant_symbols_collection, estate.settings.qdrant_collection
    await client.delete(symbols, of_document(lost))
    left_behind = models.PointStruct(
        id=str(uuid4()), vector={}, payload={"document_id": past.entity_id, "version": 0}
    )
    await client.upsert(symbols, [left_behind])
    await client.delete_payload(documents, ["chunks"], [older.entity_id])
    await client.delete(symbols, of_document(older))
    await client.close()
    report = await estate.reconcile()
    assert report.repaired == report.found == {Drift.CHUNKS_ASTRAY: 2}, "not what was enriched before"
    assert {request.document_id for request in estate.runs.submitted} == {lost.entity_id, past.entity_id}
    for request in estate.runs.submitted:
        assert request.repair
        await estate.enrich(request)
    assert await estate.drifting() == {}


async def test_chunks_whose_document_is_gone_are_removed(estate: Estate) -> None:
    kept, absent = [await estate.enriched() for _ in range(2)]
    await estate.lose_point(absent)
    await stores.query(
        estate.settings, "MATCH (d:Document {entity_id: $id}) DETACH DELETE d", id=absent.entity_id
    )
    assert (await estate.reconcile(apply=False, of_points=True)).found == {Drift.ORPHAN_POINT: 1}
    assert (await estate.reconcile(of_points=True)).repaired == {Drift.ORPHAN_POINT: 1}
    client = qdrant(estate.settings)
    left, _ = await client.scroll(estate.settings.qdrant_symbols_collection)
    await client.close()
    assert {(each.payload or {})["document_id"] for each in left} == {kept.entity_id}


async def test_what_another_program_has_written_is_told_and_left_alone(estate: Estate) -> None:
    kept, project = await estate.enriched(), {"project_name": estate.project}
    documents, symbols = estate.settings.qdrant_collection, estate.settings.qdrant_symbols_collection
    foreign = [
        models.PointStruct(id=str(uuid4()), vector={}, payload={**project, **payload})
        for payload in ({}, {"document_id": "doc-7"}, {"document_id": 7})
    ]
    client = qdrant(estate.settings)
    await client.upsert(documents, foreign)
    await client.upsert(symbols, foreign)
    report = await estate.reconcile(of_points=True)
    assert report.found == {Drift.FOREIGN_POINT: 6}
    assert set(report.examples[Drift.FOREIGN_POINT]) <= {str(point.id) for point in foreign}
    assert report.repaired == {}
    pages = [dict(page) async for page in estate.vectors.removal.of_project(estate.project)]
    assert pages == [{kept.entity_id: 1}, {kept.entity_id: 1}]
    assert (
        await client.count(
            symbols, models.Filter(must=[models.HasIdCondition(has_id=[p.id for p in foreign])])
        )
    ).count == 3
    await client.close()


async def test_a_node_that_no_point_can_belong_to_does_not_end_the_survey(estate: Estate) -> None:
    foreign, well = await estate.indexed(EnrichmentStatus.SKIPPED), await estate.enriched()
    rename = "MATCH (d:Document {entity_id: $id}) SET d.entity_id = $new"
    await stores.query(estate.settings, rename, id=foreign.entity_id, new=f"doc-{uuid4()}")
    assert {tuple(each.kinds) for each in (await estate.drifting()).values()} == {(Drift.UNREADABLE,)}
    assert well.entity_id not in await estate.drifting()


def of_document(document: Document) -> models.Filter:
    match = models.MatchValue(value=document.entity_id)
    return models.Filter(must=[models.FieldCondition(key="document_id", match=match)])


async def test_the_point_of_a_document_that_nobody_enriches_is_put_right_here(estate: Estate) -> None:
    lost, behind = await estate.indexed(EnrichmentStatus.SKIPPED), await estate.indexed()
    await estate.lose_point(lost)
    await estate.set(behind, enrichment_status=str(EnrichmentStatus.DISCARDED))
    report = await estate.reconcile()
    assert report.repaired == {Drift.POINT_MISSING: 1, Drift.POINT_BEHIND: 1}
    points = await stores.points(estate.settings, [lost.entity_id, behind.entity_id])
    statuses = {each: (point.payload or {})["enrichment_status"] for each, point in points.items()}
    assert statuses == {lost.entity_id: "skipped", behind.entity_id: "discarded"}
    assert (points[lost.entity_id].payload or {})["file_path"] == lost.file_path
    assert (await estate.drifting(), estate.runs.submitted) == ({}, [])


async def test_what_only_people_can_mend_is_reported(estate: Estate) -> None:
    textless = await estate.enriched()
    spoilt, unfinished = await estate.indexed(indexed_at=datetime.now(UTC)), await estate.enriched()
    await estate.content.delete_text(textless.content_hash)
    await estate.set(spoilt, indexed_at="yesterday")
    await estate.set(unfinished, enrichment_content_hash="0" * 64)
    report = await estate.reconcile()
    assert report.found == {Drift.TEXT_MISSING: 2, Drift.UNREADABLE: 1, Drift.UNFINISHED: 1}
    assert report.repaired == {Drift.UNFINISHED: 1}


async def test_a_point_whose_document_is_gone_is_removed(estate: Estate) -> None:
    kept, deleted, absent = [await estate.enriched() for _ in range(3)]
    tombstone = "MATCH (d:Document {entity_id: $id}) SET d = $bare"
    bare = {"entity_id": deleted.entity_id, "version": 2, "enrichment_status": "deleted"}
    await stores.query(estate.settings, tombstone, id=deleted.entity_id, bare=bare)
    await stores.query(
        estate.settings, "MATCH (d:Document {entity_id: $id}) DETACH DELETE d", id=absent.entity_id
    )
    assert (await estate.reconcile(apply=False, of_points=True)).found == {Drift.ORPHAN_POINT: 2}
    assert (await estate.reconcile(of_points=True)).repaired == {Drift.ORPHAN_POINT: 2}
    ids = [kept.entity_id, deleted.entity_id, absent.entity_id]
    assert set(await stores.points(estate.settings, ids)) == {kept.entity_id}
    assert await estate.drifting() == {}
