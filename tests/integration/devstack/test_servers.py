"""The embedded servers: persistence and refusals, through their official clients."""

import stat
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from uuid import uuid4

import httpx
import psutil
import pytest
from neo4j.exceptions import AuthError, Neo4jError
from qdrant_client import models
from qdrant_client.http.exceptions import UnexpectedResponse
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client

from archon.contracts import names
from archon.devstack.data_directory import prepare
from archon.devstack.graph import graph, password_file
from archon.devstack.stack import Ports, Servers, environment
from archon.devstack.temporal import temporal
from archon.runtime.settings import Settings
from archon.runtime.temporal.namespace import RETENTION
from archon.runtime.temporal.search_attributes import NamespaceCheck
from archon.stores.graph.store import GraphStore
from archon.stores.vectors.store import VectorStore, qdrant
from tests import factories, stores


@pytest.fixture(scope="module")
async def own(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[Servers, Settings]]:
    """Servers that may be killed, on their own directory."""
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
    client = qdrant(settings)
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
    async with httpx.AsyncClient(base_url=settings.qdrant_url, headers=key(settings)) as http:
        missing = await http.post("/collections/none/points/count", json={})
        bad = await http.put("/collections/none", json={"vectors": 3})
    assert missing.status_code == 404
    assert "doesn't exist" in missing.json()["status"]["error"]
    assert bad.status_code == 400


def key(settings: Settings) -> dict[str, str]:
    return {"api-key": settings.qdrant_api_key.get_secret_value()}


@pytest.mark.threat
async def test_the_vector_server_serves_who_shows_its_key_and_no_page_of_another_site(
    own: tuple[Servers, Settings],
) -> None:
    _, settings = own
    async with httpx.AsyncClient(base_url=settings.qdrant_url) as http:
        assert (await http.get("/readyz")).status_code == 200
        for headers in ({}, {"api-key": "wrong"}):
            assert (await http.get("/collections", headers=headers)).status_code == 401
        shown = key(settings)
        assert (await http.get("/collections", headers=shown)).status_code == 200
        for foreign in ({"Origin": "http://attacker.example"}, {"Host": "attacker.example"}):
            assert (await http.get("/collections", headers={**shown, **foreign})).status_code == 403
        plain = {**shown, "Content-Type": "text/plain"}
        refused = await http.put("/collections/none", content=b"{}", headers=plain)
        assert (refused.status_code, "Content type" in refused.json()["status"]["error"]) == (400, True)


@pytest.mark.threat
async def test_the_graph_reads_no_files_and_its_password_is_in_no_list_of_processes(
    own: tuple[Servers, Settings], tmp_path: Path
) -> None:
    _, settings = own
    file = tmp_path / "private.csv"
    file.write_text("private\n")
    async with GraphStore.connect(settings) as graph:
        with pytest.raises(Neo4jError) as raised:
            await stores.query(settings, f"LOAD CSV FROM '{file.as_uri()}' AS line RETURN line")
        assert "private" not in str(raised.value).replace(file.name, "")
        await graph.ping()
    password = settings.memgraph_password.get_secret_value()
    assert len(password) > 30
    commands = [" ".join(each.info["cmdline"] or ()) for each in psutil.process_iter(["cmdline"])]
    assert any(commands)
    assert not any(password in each for each in commands)


async def test_an_update_filter_guards_old_points_and_lets_new_ones_in(own: tuple[Servers, Settings]) -> None:
    _, settings = own
    name = f"c{uuid4().hex}"
    client = qdrant(settings)
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


async def test_a_graph_from_before_gets_a_password_of_its_own_and_keeps_its_documents(tmp_path: Path) -> None:
    ports = Ports.free()

    def settings() -> Settings:
        return Settings(**{name.lower(): value for name, value in environment(tmp_path, ports).items()})

    server = graph(tmp_path, ports.graph, ports.graph_http)
    async with server:
        await stores.query(first := settings(), "CREATE (:Document {entity_id: 'kept'})")
    password_file(tmp_path).unlink()
    second = settings()
    assert second.memgraph_password != first.memgraph_password
    async with graph(tmp_path, ports.graph, ports.graph_http):
        assert await stores.query(second, "MATCH (d:Document) RETURN d.entity_id") == [["kept"]]
        with pytest.raises(AuthError):
            await stores.query(first, "RETURN 1")


@pytest.mark.threat
def test_a_data_directory_is_its_users_alone(tmp_path: Path) -> None:
    data_dir, others = tmp_path / "data", tmp_path / "others"
    password = password_file(data_dir)
    assert [stat.S_IMODE(each.stat().st_mode) for each in (data_dir, password.parent, password)] == [
        0o700,
        0o700,
        0o600,
    ]
    assert password_file(data_dir).read_text() == password.read_text()
    data_dir.chmod(0o755)  # as created by an earlier release
    prepare(data_dir)
    assert stat.S_IMODE(data_dir.stat().st_mode) == 0o700
    others.mkdir(mode=0o755)
    prepare(others)
    assert stat.S_IMODE(others.stat().st_mode) == 0o755
