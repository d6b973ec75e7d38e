"""The embedded servers: what survives a restart, what they refuse, through their official clients."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from qdrant_client import AsyncQdrantClient, models
from qdrant_client.http.exceptions import UnexpectedResponse
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client

from archon.contracts import names
from archon.devstack.stack import Ports, Servers, environment
from archon.devstack.temporal import temporal
from archon.runtime.namespace import RETENTION
from archon.runtime.search_attributes import NamespaceCheck
from archon.runtime.settings import Settings
from archon.stores.graph import GraphStore
from archon.stores.vectors import VectorStore
from tests import factories


@pytest.fixture(scope="module")
async def own(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[Servers, Settings]]:
    """Servers that may be killed, on a directory of their own."""
    data_dir, ports = tmp_path_factory.mktemp("own"), Ports.free()
    env = environment(data_dir, ports)
    servers = Servers.on(data_dir, ports)
    async with AsyncExitStack() as stack:
        for server in (servers.graph, servers.vectors, servers.temporal):
            await stack.enter_async_context(server)
        yield servers, Settings(**{name.lower(): value for name, value in env.items()})


async def test_a_database_of_an_older_release_gets_the_search_attributes_that_are_new(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    every = names.SEARCH_ATTRIBUTES
    for wanted in (every[:-2], every):
        monkeypatch.setattr(names, "SEARCH_ATTRIBUTES", wanted)
        ports = Ports.free()
        async with temporal(tmp_path, ports.temporal, ports.temporal_ui):
            client = await Client.connect(f"127.0.0.1:{ports.temporal}")
            await NamespaceCheck(client).check()


async def test_documents_survive_a_crash_of_the_graph(own: tuple[Servers, Settings]) -> None:
    servers, settings = own
    document = factories.document("p")
    async with GraphStore.connect(settings) as graph:
        await graph.ensure_schema()
        await graph.index(document, str(uuid4()))
    await servers.graph.kill()
    await servers.graph.start()
    async with GraphStore.connect(settings) as graph:
        assert (await graph.get(document.entity_id)).content_hash == document.content_hash


async def test_points_survive_a_crash_of_the_vector_server(own: tuple[Servers, Settings]) -> None:
    servers, settings = own
    step = factories.step(factories.request())
    async with VectorStore.connect(settings) as vectors:
        await vectors.ensure_collections()
        await vectors.write(step, "completed", [1.0] * 256)  # type: ignore[arg-type]
    await servers.vectors.kill()
    await servers.vectors.start()
    async with VectorStore.connect(settings) as vectors:
        point = await vectors.get(step.request.document_id)
        assert point is not None
        assert point.vector


async def test_the_namespace_keeps_workflows_for_a_week(own: tuple[Servers, Settings]) -> None:
    servers, settings = own
    await servers.temporal.kill()
    await servers.temporal.start()
    client = await Client.connect(settings.temporal_address)
    answer = await client.workflow_service.describe_namespace(DescribeNamespaceRequest(namespace="default"))
    assert answer.config.workflow_execution_retention_ttl.ToTimedelta() == RETENTION
    async with httpx.AsyncClient() as http:
        page = await http.get(settings.temporal_ui_url)
    assert page.is_success
    assert "<!doctype html>" in page.text


async def test_what_the_vector_server_lacks_is_501(own: tuple[Servers, Settings]) -> None:
    _, settings = own
    name = f"c{uuid4().hex}"
    client = AsyncQdrantClient(url=settings.qdrant_url)
    vector = models.VectorParams(size=2, distance=models.Distance.COSINE)
    await client.create_collection(name, vectors_config={"v": vector})
    refused = [
        client.create_snapshot(name),
        client.query_points(name, query=models.SampleQuery(sample=models.Sample.RANDOM), using="v"),
        client.query_points(
            name, query=[1.0, 0.0], using="v", prefetch=[models.Prefetch(query=[1.0, 0.0], using="v")]
        ),
        client.scroll(name, order_by="x"),
    ]
    for call in refused:
        with pytest.raises(UnexpectedResponse) as raised:
            await call
        assert raised.value.status_code == 501
    await client.close()


async def test_errors_of_the_vector_server_have_qdrants_shape(own: tuple[Servers, Settings]) -> None:
    _, settings = own
    async with httpx.AsyncClient(base_url=settings.qdrant_url) as http:
        missing = await http.post("/collections/none/points/count", json={})
        bad = await http.put("/collections/none", json={"vectors": 3})
    assert missing.status_code == 404
    assert "doesn't exist" in missing.json()["status"]["error"]
    assert bad.status_code == 400


async def test_an_update_filter_guards_old_points_and_lets_new_ones_in(own: tuple[Servers, Settings]) -> None:
    _, settings = own
    name = f"c{uuid4().hex}"
    client = AsyncQdrantClient(url=settings.qdrant_url)
    await client.create_collection(
        name, vectors_config=models.VectorParams(size=2, distance=models.Distance.DOT)
    )
    older = models.Filter(must=[models.FieldCondition(key="version", range=models.Range(lte=1))])

    async def put(version: int) -> int:
        point = models.PointStruct(id=1, vector=[version, 0], payload={"version": version})
        await client.upsert(name, [point], update_filter=older)
        (found,) = await client.retrieve(name, [1])
        assert found.payload is not None
        return int(found.payload["version"])

    assert [await put(version) for version in (1, 2, 3)] == [1, 2, 2]
    assert (await client.count(name)).count == 1
    await client.close()


def test_the_data_directory_is_said(tmp_path: Path) -> None:
    assert environment(tmp_path, Ports())["CONTENT_STORE_URL"] == (tmp_path / "content").as_uri()
