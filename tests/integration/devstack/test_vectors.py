"""The embedded vector server: persistence, refusals, and conversion of older data."""

import asyncio
import math
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from pydantic import SecretStr
from qdrant_client import AsyncQdrantClient, models
from qdrant_client.local.qdrant_local import QdrantLocal

from archon.devstack.process import ChildProcess, ServerFailedError
from archon.devstack.qdrant.server import MOST_BYTES
from archon.devstack.secrets import secret
from archon.devstack.vectors import vectors
from archon.runtime.local_ports import free_ports
from archon.runtime.settings import Settings
from archon.stores.vectors.store import qdrant
from tests.memory import vectors_in_memory

VECTORS = {"content": models.VectorParams(size=2, distance=models.Distance.COSINE)}
TERMS = {"terms": models.SparseVectorParams(modifier=models.Modifier.IDF)}
OLDER = models.Filter(must=[models.FieldCondition(key="version", range=models.Range(lte=1))])


def uuid(number: int) -> str:
    return str(UUID(int=number))


def of_document(number: int) -> models.Filter:
    match = models.MatchValue(value=uuid(number))
    return models.Filter(must=[models.FieldCondition(key="document_id", match=match)])


def point(number: int, document: int, version: int = 1) -> models.PointStruct:
    terms = models.SparseVector(indices=[number, 2**32 - 1], values=[1.5, 0.5])
    return models.PointStruct(
        id=uuid(number),
        vector={"content": [1.0, float(number)], "terms": terms},
        payload={"document_id": uuid(document), "version": version, "note": None},
    )


@pytest.fixture(scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ChildProcess]:
    """A server that may be killed."""
    data_dir = tmp_path_factory.mktemp("vectors")
    with vectors_in_memory(data_dir):
        async with vectors(data_dir, free_ports(1)[0]) as process:
            yield process


def connected(server: ChildProcess, data_dir: Path) -> AsyncQdrantClient:
    return qdrant(Settings(qdrant_url=server.url, qdrant_api_key=SecretStr(secret(data_dir, "vectors"))))


def plain(server: ChildProcess) -> httpx.AsyncClient:
    key = {"api-key": secret(server.log.parents[1], "vectors"), "content-type": "application/json"}
    return httpx.AsyncClient(base_url=server.url, headers=key)


@pytest.fixture
async def client(server: ChildProcess) -> AsyncIterator[AsyncQdrantClient]:
    client = connected(server, server.log.parents[1])
    yield client
    await client.close()


@pytest.fixture
async def collection(client: AsyncQdrantClient) -> str:
    name = f"c{uuid4().hex}"
    await client.create_collection(name, vectors_config=VECTORS, sparse_vectors_config=TERMS)
    await client.create_payload_index(name, "document_id", models.PayloadSchemaType.KEYWORD)
    await client.create_payload_index(name, "version", models.PayloadSchemaType.INTEGER)
    return name


async def everything(client: AsyncQdrantClient, name: str) -> dict[Any, tuple[Any, Any]]:
    found, after = await client.scroll(name, limit=10_000, with_vectors=True)
    assert after is None
    return {each.id: (each.payload, each.vector) for each in found}


async def after_a_crash(server: ChildProcess) -> None:
    await server.kill()
    await server.start()


async def test_what_was_acknowledged_survives_a_crash(
    server: ChildProcess, client: AsyncQdrantClient, collection: str
) -> None:
    for document in range(60):
        points = [point(document * 10 + number, document) for number in range(8)]
        await client.upsert(collection, points, update_filter=OLDER)
        if document % 3 == 0:
            await client.delete(collection, models.FilterSelector(filter=of_document(document)))
        if document % 3 == 1:
            await client.set_payload(collection, {"version": 2}, of_document(document))
    whole = await everything(client, collection)
    assert len(whole) == 320
    await after_a_crash(server)
    assert await everything(client, collection) == whole
    hits = (await client.facet(collection, "document_id", limit=100)).hits
    assert {hit.count for hit in hits} == {8}
    assert len(hits) == 40
    await client.upsert(collection, [point(10, 1, version=3)], update_filter=OLDER)
    (newer,) = await client.retrieve(collection, [uuid(10)])
    assert newer.payload is not None
    assert newer.payload["version"] == 2


async def test_words_are_counted_where_the_query_says(client: AsyncQdrantClient, collection: str) -> None:
    await client.upsert(collection, [point(1, document=1), *(point(each, 2) for each in range(2, 40))])
    shared = models.SparseVector(indices=[2**32 - 1], values=[1.0])

    async def score(corpus: models.Filter | None) -> float:
        idf = None if corpus is None else models.IdfCorpusParams(corpus=corpus)
        (hit, *_) = (
            await client.query_points(
                collection,
                shared,
                using="terms",
                query_filter=of_document(1),
                search_params=models.SearchParams(idf=idf),
            )
        ).points
        return hit.score

    # ln(1 + (N - n + 0.5) / (n + 0.5)) of N points, n of which have the word, times its weight of 0.5.
    assert await score(None) == pytest.approx(0.5 * math.log(1 + 0.5 / 39.5))
    assert await score(of_document(1)) == pytest.approx(0.5 * math.log(1 + 0.5 / 1.5))


async def test_it_closes_when_it_is_told_to(
    server: ChildProcess, client: AsyncQdrantClient, collection: str
) -> None:
    await client.upsert(collection, [point(number, 1) for number in range(100)])
    whole = await everything(client, collection)
    await server.stop()
    assert "Traceback" not in server.log.read_text()
    await server.start()
    assert await everything(client, collection) == whole


async def test_a_batch_of_all_kinds_is_carried_out_in_order(
    client: AsyncQdrantClient, collection: str
) -> None:
    def upsert(*points: models.PointStruct) -> models.UpsertOperation:
        return models.UpsertOperation(upsert=models.PointsList(points=list(points), update_filter=OLDER))

    def of(*numbers: int) -> models.PointIdsList:
        return models.PointIdsList(points=[uuid(number) for number in numbers])

    done = await client.batch_update_points(
        collection,
        [
            upsert(point(1, 1), point(2, 1), point(3, 2), point(4, 2)),
            models.DeleteOperation(delete=models.FilterSelector(filter=of_document(1))),
            upsert(point(1, 3), point(5, 3), point(6, 3)),
            models.DeleteOperation(delete=of(5)),
            models.SetPayloadOperation(
                set_payload=models.SetPayload(payload={"version": 9}, filter=of_document(3))
            ),
            models.SetPayloadOperation(
                set_payload=models.SetPayload(payload={"seen": True}, points=[uuid(3)])
            ),
            upsert(point(1, 7)),
            models.OverwritePayloadOperation(
                overwrite_payload=models.SetPayload(payload={"alone": 1}, points=[uuid(4)])
            ),
            models.DeletePayloadOperation(
                delete_payload=models.DeletePayload(keys=["note"], points=[uuid(3)])
            ),
            models.UpdateVectorsOperation(
                update_vectors=models.UpdateVectors(
                    points=[models.PointVectors(id=uuid(3), vector={"content": [0.0, 5.0]})]
                )
            ),
            models.DeleteVectorsOperation(
                delete_vectors=models.DeleteVectors(points=[uuid(4)], vector=["content"])
            ),
            models.ClearPayloadOperation(clear_payload=of(6)),
        ],
    )
    assert {each.status for each in done} == {models.UpdateStatus.COMPLETED}
    assert len(done) == 12
    found = await everything(client, collection)
    assert {each: payload for each, (payload, _) in found.items()} == {
        uuid(1): {"document_id": uuid(3), "version": 9, "note": None},
        uuid(3): {"document_id": uuid(2), "version": 1, "seen": True},
        uuid(4): {"alone": 1},
        uuid(6): {},
    }
    assert found[uuid(3)][1]["content"] == [0.0, 1.0]
    assert set(found[uuid(4)][1]) == {"terms"}


async def test_an_operation_that_fails_ends_its_batch(client: AsyncQdrantClient, collection: str) -> None:
    operations = [
        models.UpsertOperation(upsert=models.PointsList(points=[point(1, 1)])),
        models.SetPayloadOperation(set_payload=models.SetPayload(payload={"a": 1}, points=[uuid(9)])),
        models.DeleteOperation(delete=models.PointIdsList(points=[uuid(1)])),
    ]
    with pytest.raises(Exception, match="No point with id") as raised:
        await client.batch_update_points(collection, operations)
    assert getattr(raised.value, "status_code", None) == 404
    assert list(await everything(client, collection)) == [uuid(1)]


def upsert(vector: Any, **changes: Any) -> dict[str, Any]:
    return {"points": [{"id": uuid(1), "vector": vector, "payload": {}, **changes}]}


WRONG: list[Any] = [
    upsert({"terms": {"indices": [1, 2], "values": [1.0]}}),
    upsert({"terms": {"indices": [1, 1], "values": [1.0, 2.0]}}),
    upsert({"terms": {"indices": [2**32], "values": [1.0]}}),
    upsert({"terms": {"indices": [-1], "values": [1.0]}}),
    upsert({"terms": [1.0, 2.0]}),
    upsert({"content": {"indices": [1], "values": [1.0]}}),
    upsert({"content": [1.0]}),
    upsert({"content": ["1", "2"]}),
    upsert({"content": [[1.0, 2.0]]}),
    upsert({"unknown": [1.0, 2.0]}),
    upsert([1.0, 2.0]),
    upsert(None),
    upsert({}, id="no UUID"),
    upsert({}, id=-1),
    upsert({}, id=None),
    upsert({}, payload=[1]),
    {"points": [{"id": 1}]},
    {"points": 3},
    {},
    [],
    None,
]


async def test_wrong_writes_are_refused_and_leave_nothing(
    server: ChildProcess, client: AsyncQdrantClient, collection: str
) -> None:
    """No operation runs, or fails, again after a crash and restart."""
    await client.upsert(collection, [point(7, 1)])
    async with plain(server) as http:
        for body in WRONG:
            answer = await http.put(f"/collections/{collection}/points", json=body)
            assert answer.status_code == 400, body
            assert "Wrong input" in answer.json()["status"]["error"], body
    await after_a_crash(server)
    assert list(await everything(client, collection)) == [uuid(7)]


async def test_what_is_no_json_is_refused(server: ChildProcess, collection: str) -> None:
    async with plain(server) as http:
        for content in (b"{", b"", b'{"points": [{"id": 1, "vector": {"content": [NaN, 1]}}]}'):
            answer = await http.put(f"/collections/{collection}/points", content=content)
            assert answer.status_code == 400
        answer = await http.put(f"/collections/{collection}/points", content=b" " * (MOST_BYTES + 1))
        assert answer.status_code == 413


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("points/query", {"query": [1.0], "using": "content"}, 400),
        ("points/query", {"query": [1.0, 0.0], "using": "unknown"}, 400),
        ("points/query", {"query": {"indices": [1, 2], "values": [1.0]}, "using": "terms"}, 400),
        ("points/query", {"query": {"fusion": "rrf"}}, 501),
        ("points/query", {"query": uuid(1), "using": "content"}, 501),
        ("points/scroll", {"filter": {"must": [{"key": "a", "match": {"value": 1.5}}]}}, 400),
        ("points/scroll", {"filter": {"must": [{"key": "a", "match": {"unknown": 1}}]}}, 501),
        ("points/scroll", {"filter": {"must": [{"key": "a", "geo_radius": {}}]}}, 501),
        ("points/scroll", {"filter": {"must": [{"unknown": "a"}]}}, 501),
        ("points/scroll", {"filter": {"must": 3}}, 400),
        ("points/scroll", {"limit": -1}, 400),
        ("points", {"ids": ["no UUID"]}, 400),
        ("points/batch", {"operations": [{"unknown": {}}]}, 501),
        ("points/batch", {"operations": [{"upsert": {"points": [], "shard_key": "a"}}]}, 501),
        ("facet", {"key": "note"}, 400),
    ],
)
async def test_a_wrong_question_is_refused(
    server: ChildProcess, collection: str, path: str, body: Any, status: int
) -> None:
    async with plain(server) as http:
        answer = await http.post(f"/collections/{collection}/{path}", json=body)
    assert answer.status_code == status
    assert answer.json()["status"]["error"]


async def test_collections_are_told_made_and_deleted(
    server: ChildProcess, client: AsyncQdrantClient, collection: str
) -> None:
    await client.upsert(collection, [point(1, 1)])
    info = await client.get_collection(collection)
    assert info.points_count == 1
    assert info.config.params.vectors == VECTORS
    assert info.payload_schema["version"].data_type == models.PayloadSchemaType.INTEGER
    with pytest.raises(Exception, match="already exists") as raised:
        await client.create_collection(collection, vectors_config=VECTORS)
    assert getattr(raised.value, "status_code", None) == 409
    with pytest.raises(Exception, match="no name for a collection"):
        await client.create_collection("a:b", vectors_config=VECTORS)
    assert await client.delete_collection(collection)
    assert not await client.collection_exists(collection)
    await after_a_crash(server)
    assert not await client.collection_exists(collection)
    await client.create_collection(collection, vectors_config=VECTORS)
    assert (await client.count(collection)).count == 0


async def test_two_may_make_a_collection_at_once(client: AsyncQdrantClient) -> None:
    name = f"c{uuid4().hex}"
    made = await asyncio.gather(
        *(client.create_collection(name, vectors_config=VECTORS) for _ in range(3)), return_exceptions=True
    )
    assert [each for each in made if each is True] == [True]
    assert {getattr(each, "status_code", 200) for each in made} == {200, 409}


def written_by_an_earlier_release(path: Path, symbols: int) -> None:
    local = QdrantLocal(location=str(path))
    local.create_collection("documents", VECTORS)
    local.create_collection("symbols", VECTORS, TERMS)
    local.upsert("documents", [models.PointStruct(id=uuid(1), vector={}, payload={"version": 3})])
    local.upsert("symbols", [point(number, number % 7) for number in range(symbols)])
    local.close()


async def test_points_of_an_earlier_release_are_taken_over_once(tmp_path: Path) -> None:
    written_by_an_earlier_release(tmp_path / "vectors", 1200)
    server = vectors(tmp_path, free_ports(1)[0])
    client = connected(server, tmp_path)
    async with server:
        assert await everything(client, "documents") == {uuid(1): ({"version": 3}, {})}
        assert (await client.count("symbols")).count == 1200
        (found,) = await client.retrieve("symbols", [uuid(5)], with_vectors=True)
        assert found.payload == point(5, 5).payload
        sparse = models.SparseVector(indices=[5], values=[1.0])
        (hit,) = (await client.query_points("symbols", sparse, using="terms")).points
        assert hit.id == uuid(5)
        await client.delete("symbols", models.PointIdsList(points=[uuid(5)]))
    async with server:
        assert (await client.count("symbols")).count == 1199
    await client.close()


async def test_what_cannot_be_taken_over_names_the_directory_and_what_to_do(tmp_path: Path) -> None:
    written_by_an_earlier_release(tmp_path / "vectors", 3)
    (tmp_path / "vectors" / "collection" / "symbols" / "storage.sqlite").write_bytes(b"garbled" * 1000)
    with pytest.raises(ServerFailedError) as raised:
        await vectors(tmp_path, free_ports(1)[0]).start()
    assert str(tmp_path / "vectors") in str(raised.value)
    assert "enrich reconcile" in str(raised.value)
    assert (tmp_path / "vectors" / "meta.json").exists()
