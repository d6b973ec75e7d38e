"""A full or almost full disk: health reports it beforehand, and a store without space is not ready."""

import asyncio
import contextlib
import json
import os
import resource
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest

from archon.contracts.errors import StoreUnavailableError
from archon.devstack.stack import Ports, Servers, environment
from archon.runtime.estate.storage import Storage
from archon.runtime.http.health import readiness
from archon.runtime.settings import Settings
from archon.stores.content import ContentStore
from archon.stores.graph.store import GraphStore
from tests import factories
from tests.eventually import eventually
from tests.forking import forking
from tests.processes import below
from tests.stacks import TestServers

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="prlimit")


@contextlib.contextmanager
def no_room(pid: int) -> Iterator[None]:
    """No file of a process may grow, as on a full disk (man 2 getrlimit, RLIMIT_FSIZE)."""
    before = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, before)


def storage(tmp_path: Path, least: int) -> Storage:
    return Storage.of(
        Settings(
            content_store_url=(tmp_path / "with space").as_uri(),
            storage_directories=f'{{"graph": "{tmp_path}", "vectors": "{tmp_path}/not there"}}',
            storage_min_free_bytes=least,
        )
    )


async def test_free_space_is_told_of_each_directory_that_is_there(tmp_path: Path) -> None:
    (tmp_path / "with space").mkdir()
    measured = storage(tmp_path, 0)
    found = await measured.check()
    assert set(measured.spaces) == {"content", "graph"}
    usage = os.statvfs(tmp_path)
    for space in measured.spaces.values():
        assert space.size == usage.f_blocks * usage.f_frsize
    assert (found.detail or "").count("GiB free") == 2


async def test_what_has_less_than_the_margin_is_not_ready_and_says_so(tmp_path: Path) -> None:
    answer = await readiness({"storage": storage(tmp_path, 2**60).check})
    assert answer.status == "not_ready"
    detail = answer.dependencies["storage"].detail or ""
    assert detail.startswith("graph: disk nearly full: ")
    assert f"STORAGE_MIN_FREE_BYTES is {2**60}" in detail


async def test_a_bridge_without_room_is_not_ready(tmp_path: Path) -> None:
    ports = Ports.free()
    env = environment(tmp_path, ports) | {"STORAGE_MIN_FREE_BYTES": str(2**60)}
    bridge = forking().service("bridge", ports.bridge, tmp_path, env)

    async def alive() -> None:
        async with httpx.AsyncClient() as http:
            (await http.get(f"{bridge.url}/livez")).raise_for_status()

    bridge.ready = alive
    async with bridge, httpx.AsyncClient(base_url=bridge.url, timeout=30) as http:
        answer = await http.get("/readyz")
    assert answer.status_code == 503
    checked = answer.json()["dependencies"]["storage"]
    assert checked["status"] == "unhealthy"
    assert checked["detail"].startswith("content: ")
    logged = map(json.loads, bridge.log.read_text().splitlines())
    (filled,) = (line for line in logged if line.get("event") == "storage_filled")
    assert (filled["level"], filled["store"]) == ("warning", "content")


@LINUX
async def test_a_content_store_on_a_full_disk_is_not_well_although_it_reads(tmp_path: Path) -> None:
    content = ContentStore.open(Settings(content_store_url=tmp_path.as_uri()))
    await content.put_text("a" * 64, "x")
    with no_room(0):
        with pytest.raises(StoreUnavailableError, match="content"):
            await content.ping()
        assert await content.get_text("a" * 64) == "x"
    await content.ping()
    assert [each.name for each in tmp_path.iterdir()] == ["content"]


@pytest.fixture
async def graph(tmp_path: Path) -> AsyncIterator[tuple[GraphStore, int]]:
    """A separate graph, and the process of its server."""
    ports = Ports.free()
    settings = Settings(**{name.lower(): value for name, value in environment(tmp_path, ports).items()})
    async with Servers.on(tmp_path, ports).graph as server, GraphStore.connect(settings) as store:
        await store.ensure_schema()
        (java,) = below(server.pid or 0)
        yield store, java


@LINUX
async def test_a_graph_that_takes_no_writes_is_not_well_until_it_does(
    graph: tuple[GraphStore, int], project: str
) -> None:
    store, server = graph
    first = factories.document(project, "a.py")
    await store.index(first, "c")
    await store.ping()
    with no_room(server):
        with pytest.raises(StoreUnavailableError):
            await store.index(factories.document(project, "b.py"), "c")
        assert (await store.get(first.entity_id)).project_name == project
        for _ in range(2):
            with pytest.raises(StoreUnavailableError, match="takes no writes"):
                await store.ping()

    async def well() -> bool:
        with contextlib.suppress(StoreUnavailableError):
            await store.ping()
            return True
        return False

    await eventually(well)
    await store.index(factories.document(project, "c.py"), "c")


async def test_processes_that_look_at_once_whether_it_takes_writes_do_not_hinder_each_other(
    servers: TestServers, settings: Settings
) -> None:
    await servers.start("graph")
    async with contextlib.AsyncExitStack() as entered:
        stores = [await entered.enter_async_context(GraphStore.connect(settings)) for _ in range(8)]
        for store in stores:
            store._bolt._write_failed = True
        await asyncio.gather(*(store.ping() for store in stores))
