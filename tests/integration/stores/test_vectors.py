"""The vector store on a real server; ARCHON_TEST_QDRANT_URL selects another one."""

import asyncio

import pytest

from archon.contracts import names
from archon.contracts.documents import Indexed
from archon.contracts.errors import StoreRejectedError, StoreUnavailableError
from archon.contracts.operations.deletion import DeletionCounts
from archon.contracts.types import HIGHEST_VERSION, EnrichmentStatus
from archon.runtime.settings import Settings
from archon.stores.vectors.store import VectorStore, qdrant
from tests import factories
from tests.stacks import TestServers

PENDING, COMPLETED = EnrichmentStatus.PENDING, EnrichmentStatus.COMPLETED


def vector(*head: float) -> list[float]:
    return [*head, *([0.0] * (256 - len(head)))]


def new(version: int = 1) -> Indexed:
    return Indexed(version=version, status=PENDING, changed=True)


async def test_the_collection_may_be_made_twice_and_at_once(vectors: VectorStore) -> None:
    await asyncio.gather(vectors.ensure_collections(), vectors.ensure_collections())


async def test_a_point_begins_without_a_vector(
    vectors: VectorStore, settings: Settings, project: str
) -> None:
    document = factories.document(project)
    await vectors.index(document, new())
    client = qdrant(settings)
    (point,) = await client.retrieve(settings.qdrant_collection, [document.entity_id], with_vectors=True)
    await client.close()
    assert not point.vector
    assert point.payload is not None
    assert point.payload["version"] == 1
    assert point.payload["content_hash"] == document.content_hash
    assert point.payload["enrichment_status"] == "pending"


async def test_a_write_completes_the_point(vectors: VectorStore, project: str) -> None:
    document = factories.document(project)
    await vectors.index(document, new())
    step = factories.step(factories.request_of(document))
    assert await vectors.write(step, COMPLETED, vector(3.0, 4.0))
    point = await vectors.get(document.entity_id)
    assert point is not None
    assert point.payload is not None
    assert point.payload["embedded_hash"] == document.content_hash
    assert point.payload["enrichment_status"] == "completed"
    assert isinstance(point.vector, dict)
    assert point.vector[names.VECTOR_CONTENT][:2] == pytest.approx([0.6, 0.8])


async def test_a_write_creates_a_point_that_indexing_could_not(vectors: VectorStore, project: str) -> None:
    step = factories.step(factories.request(project))
    assert await vectors.write(step, COMPLETED, vector(1.0))
    assert await vectors.get(step.request.document_id) is not None


async def test_new_content_keeps_the_old_vector_until_it_has_its_own(
    vectors: VectorStore, project: str
) -> None:
    a = factories.document(project, "a")
    b = factories.document(project, "b", entity_id=a.entity_id)
    await vectors.index(a, new())
    await vectors.write(factories.step(factories.request_of(a)), COMPLETED, vector(1.0))
    await vectors.index(b, new(2))
    point = await vectors.get(a.entity_id)
    assert point is not None
    assert point.payload is not None
    assert point.vector
    assert point.payload["content_hash"] == b.content_hash
    assert point.payload["embedded_hash"] == a.content_hash
    assert point.payload["version"] == 2


@pytest.mark.parametrize("newer", [2, HIGHEST_VERSION])
async def test_a_late_write_of_an_old_version_changes_nothing(
    vectors: VectorStore, project: str, newer: int
) -> None:
    a = factories.document(project, "a")
    b = factories.document(project, "b", entity_id=a.entity_id)
    late = factories.step(factories.request_of(a, newer - 1), newer - 1)
    current = factories.step(factories.request_of(b, newer), newer)
    await vectors.index(a, new(newer - 1))
    await vectors.index(b, new(newer))
    assert await vectors.write(current, COMPLETED, vector(0.0, 1.0))
    assert not await vectors.write(late, COMPLETED, vector(1.0))
    assert not await vectors.set_status(late, EnrichmentStatus.FAILED)
    await vectors.index(a, new(newer - 1))
    point = await vectors.get(a.entity_id)
    assert point is not None
    assert point.payload is not None
    assert (point.payload["version"], point.payload["enrichment_status"]) == (newer, "completed")
    assert isinstance(point.vector, dict)
    assert point.vector[names.VECTOR_CONTENT][:2] == pytest.approx([0.0, 1.0])


async def test_an_index_that_comes_after_its_own_enrichment_keeps_it(
    vectors: VectorStore, project: str
) -> None:
    document = factories.document(project)
    step = factories.step(factories.request_of(document, 2), 2)
    await vectors.write(step, COMPLETED, vector(1.0))
    await vectors.index(document, new(2))
    await vectors.index(document, Indexed(version=2, status=COMPLETED, changed=False))
    point = await vectors.get(document.entity_id)
    assert point is not None
    assert point.payload is not None
    assert point.vector
    assert point.payload["enrichment_status"] == "completed"


async def test_a_status_alone_keeps_the_vector(vectors: VectorStore, project: str) -> None:
    step = factories.step(factories.request(project))
    await vectors.write(step, COMPLETED, vector(1.0))
    assert await vectors.set_status(step, EnrichmentStatus.FAILED)
    point = await vectors.get(step.request.document_id)
    assert point is not None
    assert point.payload is not None
    assert point.vector
    assert point.payload["enrichment_status"] == "failed"


async def test_one_bad_write_does_not_harm_those_beside_it(vectors: VectorStore, project: str) -> None:
    good = [factories.step(factories.request(project)) for _ in range(5)]
    bad = factories.step(factories.request(project))
    results = await asyncio.gather(
        *(vectors.write(step, COMPLETED, vector(1.0)) for step in good[:3]),
        vectors.write(bad, COMPLETED, [1.0, 2.0]),
        *(vectors.write(step, COMPLETED, vector(1.0)) for step in good[3:]),
        return_exceptions=True,
    )
    assert isinstance(results[3], StoreRejectedError)
    assert [result for number, result in enumerate(results) if number != 3] == [True] * 5


async def test_a_missing_collection_and_a_dead_server_are_unavailable(
    servers: TestServers, settings: Settings
) -> None:
    await servers.start("vectors")
    async with VectorStore.connect(settings) as store:
        with pytest.raises(StoreUnavailableError, match="qdrant"):
            await store.write(factories.step(factories.request()), COMPLETED, None)
    nobody = settings.model_copy(update={"qdrant_url": "http://127.0.0.1:1"})
    async with VectorStore.connect(nobody) as store:
        with pytest.raises(StoreUnavailableError, match="qdrant"):
            await store.ping()


async def test_points_go_unless_they_are_newer(vectors: VectorStore, project: str) -> None:
    old, newer = factories.document(project), factories.document(project)
    await vectors.index(old, new(2))
    await vectors.index(newer, new(4))
    versions = {old.entity_id: 3, newer.entity_id: 3, factories.document(project).entity_id: 3}
    assert await vectors.removal.delete(versions) == DeletionCounts(points=1)
    assert await vectors.removal.delete(versions) == DeletionCounts()
    assert await vectors.get(old.entity_id) is None
    assert await vectors.get(newer.entity_id) is not None


async def test_the_points_of_a_project_are_told_with_their_versions(
    vectors: VectorStore, project: str
) -> None:
    mine, other = factories.document(project), factories.document(f"{project}-2")
    await vectors.index(mine, new(7))
    await vectors.index(other, new())
    pages = [dict(page) async for page in vectors.removal.of_project(project)]
    assert pages == [{mine.entity_id: 7}, {}]
