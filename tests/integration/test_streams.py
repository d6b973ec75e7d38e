"""Event streams of a bridge on a real broker and graph; the tests publish the pipeline's events."""

import asyncio
import contextlib
import json
import os
import signal
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import httpx
import pytest
from fastapi import FastAPI

from archon.contracts.documents import Document
from archon.contracts.errors import PublishError, TooManyStreamsError
from archon.contracts.events import EnrichmentCompleted, EnrichmentProgress
from archon.contracts.operations.api_keys import key_id_of
from archon.contracts.streams import Position, StreamClosed
from archon.contracts.types import EnrichmentStatus
from archon.devstack.kafka import kafka
from archon.events import tail as event_tail
from archon.events.records import StreamedEvent, Watched
from archon.events.replay import Replay
from archon.events.tail import EventTail, StreamPlace, Subscription
from archon.runtime.http import api_keys
from archon.runtime.http.serving import serve_http
from archon.runtime.kafka.publisher import KafkaPublisher
from archon.runtime.kafka.topics import ensure_topics
from archon.runtime.local_ports import HOST, free_ports
from archon.runtime.settings import Settings
from archon.stores.graph.store import GraphStore
from bridge.app import create_app, run
from bridge.events import stream as streams
from tests import factories
from tests.e2e.keyed import add_key
from tests.eventually import eventually
from tests.stacks import TestServers
from tests.watching import progress, watching


@dataclass
class Bridge:
    """In this process; a stack without a worker."""

    app: FastAPI
    http: httpx.AsyncClient
    publisher: KafkaPublisher
    graph: GraphStore

    async def index(self, project: str) -> Document:
        document = factories.document(project)
        await self.graph.index(document, str(uuid4()))
        return document

    async def progress(self, document: Document, *percents: int) -> None:
        for percent in percents:
            self.publisher.progress(
                EnrichmentProgress(
                    document_id=document.entity_id,
                    project_name=document.project_name,
                    correlation_id=str(uuid4()),
                    stage=f"at {percent}",
                    progress_percent=percent,
                    updated_at=datetime.now(UTC),
                )
            )
        await self.publisher.flushed()

    async def completed(self, document: Document, **changes: Any) -> None:
        values = {
            "document_id": document.entity_id,
            "project_name": document.project_name,
            "enrichment_status": "success",
            "completed_at": datetime.now(UTC),
            "processing_time_ms": 1,
            "correlation_id": str(uuid4()),
            "content_hash": document.content_hash,
            "document_version": 1,
            **changes,
        }
        await self.publisher.completed(EnrichmentCompleted(**values))


@contextlib.asynccontextmanager
async def serving(settings: Settings) -> AsyncIterator[Bridge]:
    (port,) = free_ports(1)
    app = create_app(settings)
    async with (
        KafkaPublisher.connect(settings, "test") as publisher,
        GraphStore.connect(settings) as graph,
        httpx.AsyncClient(base_url=f"http://{HOST}:{port}/api/bridge", timeout=30) as http,
        serve_http(app, settings, port),
    ):
        yield Bridge(app, http, publisher, graph)
        app.state.tail.end()


@pytest.fixture
async def ready(servers: TestServers, settings: Settings) -> Settings:
    await servers.start("kafka", "graph")
    await ensure_topics(settings)
    async with GraphStore.connect(settings) as graph:
        await graph.ensure_schema()
    return settings


@pytest.fixture
async def bridge(ready: Settings) -> AsyncIterator[Bridge]:
    async with serving(ready) as bridge:
        yield bridge


def of(document: Document) -> str:
    return f"/document/{document.entity_id}/events"


async def test_each_stream_tells_of_its_own_document_or_project_alone(bridge: Bridge, project: str) -> None:
    watched, sibling = await bridge.index(project), await bridge.index(project)
    stranger = await bridge.index(f"{project}-2")
    async with (
        watching(bridge.http, of(watched)) as stream,
        watching(bridge.http, f"/projects/{project}/events") as of_project,
    ):
        assert stream.response.headers["content-type"].startswith("text/event-stream")
        assert stream.response.headers["cache-control"] == "no-store"
        assert stream.response.headers["x-accel-buffering"] == "no"
        assert (await stream.next())[1]["ended"] is False
        assert (await of_project.next())[1]["documents"] == 2
        for document in (stranger, sibling, watched):
            await bridge.progress(document, 10)
        # An event that names this document with another project belongs to neither stream.
        await bridge.progress(watched.model_copy(update={"project_name": stranger.project_name}), 99)
        await bridge.progress(watched, 60)
        assert progress(await stream.until("progress", progress_percent=60)) == [10, 60]
        streamed = await of_project.until("progress", progress_percent=60)
    assert [data["document_id"] for _, data in streamed] == [
        sibling.entity_id,
        watched.entity_id,
        watched.entity_id,
    ]


async def test_who_was_away_is_told_what_was_missed_and_nothing_else(bridge: Bridge, project: str) -> None:
    document, other = await bridge.index(project), await bridge.index(f"{project}-2")
    async with watching(bridge.http, of(document)) as stream:
        await stream.next()
        await bridge.progress(document, 10, 60)
        await stream.until("progress", progress_percent=60)
    await bridge.progress(other, 10)
    await bridge.progress(document, 80, 100)
    await bridge.completed(document, enrichment_status="superseded")
    async with watching(bridge.http, of(document), stream.id) as stream:
        missed = await stream.until("completed")
        await bridge.progress(document, 11)
        live = await stream.until("progress")
    assert (progress(missed), [name for name, _ in missed][-1]) == ([80, 100], "completed")
    assert progress(live) == [11]


async def test_the_plain_position_of_a_progress_event_resumes_a_document(
    bridge: Bridge, project: str
) -> None:
    document = await bridge.index(project)
    async with watching(bridge.http, of(document)) as stream:
        await stream.next()
        await bridge.progress(document, 10)
        await stream.until("progress")
    await bridge.progress(document, 60)
    plain = stream.id.removeprefix("progress:")
    async with watching(bridge.http, of(document), plain) as stream:
        assert progress(await stream.until("progress")) == [60]


async def test_nothing_is_lost_or_told_twice_between_replay_and_tail(bridge: Bridge, project: str) -> None:
    """While events keep coming, a client that reconnects after each one gets all of them in order."""
    document = await bridge.index(project)
    received: list[int] = []
    async with watching(bridge.http, of(document)) as stream:
        await stream.next()
        await bridge.progress(document, 0)
        received += progress(await stream.until("progress"))
    publishing = asyncio.create_task(bridge.progress(document, *range(1, 101)))
    while received[-1] < 100:
        async with watching(bridge.http, of(document), stream.id) as stream:
            for _ in range(min(17, 100 - received[-1])):
                received += progress(await stream.until("progress"))
    await publishing
    assert received == list(range(101))


async def test_a_stream_ends_with_its_document_and_is_not_begun_again(bridge: Bridge, project: str) -> None:
    document = await bridge.index(project)
    step = factories.step(factories.request_of(document))
    async with watching(bridge.http, of(document)) as stream:
        await stream.next()
        await bridge.graph.set_status(step, EnrichmentStatus.DISCARDED)
        await bridge.completed(document, enrichment_status="discarded")
        streamed = await stream.rest()
    assert [name for name, _ in streamed] == ["completed", "state"]
    assert (streamed[1][1]["ended"], streamed[1][1]["enrichment_status"]) == (True, "discarded")
    again = await bridge.http.get(of(document), headers={"Last-Event-ID": stream.id})
    assert (again.status_code, again.content) == (204, b"")
    async with watching(bridge.http, of(document)) as stream:
        assert [name for name, _ in await stream.rest()] == ["state"]


@pytest.mark.parametrize(
    ("path", "last_id", "status", "says"),
    [
        ("/document/00000000-0000-4000-8000-000000000000/events", None, 404, "document"),
        ("{document}", "nonsense", 422, "Last-Event-ID"),
        ("{document}", "progress:1", 422, "Last-Event-ID"),
        ("{document}", "1:2,2:3", 422, "Last-Event-ID"),
        ("{document}", "x" * 20_000, 422, "Last-Event-ID"),
        ("/projects/p/events", "1:2", 422, "Last-Event-ID"),
    ],
)
async def test_what_cannot_be_watched_is_a_problem(
    bridge: Bridge, path: str, last_id: str | None, status: int, says: str
) -> None:
    document = await bridge.index("p")
    headers = {"Last-Event-ID": last_id} if last_id else {}
    answer = await bridge.http.get(path.format(document=of(document)), headers=headers)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert says in answer.json()["detail"]


async def test_a_project_may_have_any_name(bridge: Bridge, project: str) -> None:
    name = f"{project}/ü %2F?&"
    document = await bridge.index(name)
    async with watching(bridge.http, f"/projects/{quote(name, safe='')}/events") as stream:
        assert (await stream.next())[1]["documents"] == 1
        await bridge.progress(document, 10)
        assert progress(await stream.until("progress")) == [10]


async def test_no_more_streams_and_replays_are_open_than_may_be(
    ready: Settings, project: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_tail, "_PATIENCE", 0.05)
    limited = ready.model_copy(update={"max_streams": 1, "max_stream_replays": 1})
    async with serving(limited) as bridge:
        path = f"/projects/{project}/events"

        async def refused(says: str, **headers: str) -> None:
            answer = await bridge.http.get(path, headers=headers)
            assert (answer.status_code, answer.json()["title"]) == (503, "Too many streams")
            assert says in answer.json()["detail"]

        async with bridge.app.state.tail._replays.taken():
            await refused("replay", **{"Last-Event-ID": "progress:0:1"})
        async with watching(bridge.http, path) as stream:
            await stream.next()
            await refused("streams")


@pytest.fixture
async def keyed(ready: Settings, tmp_path: Path) -> AsyncIterator[tuple[Bridge, Path]]:
    """A bridge with API keys and a low limit of streams, and its keys file."""
    keys = tmp_path / "keys.json"
    add_key(keys, "*")
    limits = {"max_streams": 4, "max_stream_replays": 2}
    async with serving(ready.model_copy(update={**limits, "api_keys_file": str(keys)})) as bridge:
        yield bridge, keys


def client_of(bridge: Bridge, key: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=bridge.http.base_url, headers={"x-api-key": key}, timeout=30)


@pytest.mark.threat
async def test_a_key_shuts_no_other_out(
    keyed: tuple[Bridge, Path], project: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_tail, "_PATIENCE", 0.05)
    bridge, keys = keyed
    mine, others = (add_key(keys, [name]) for name in (project, f"{project}-2"))
    path = f"/projects/{project}/events"
    async with client_of(bridge, mine) as my, client_of(bridge, others) as other:
        async with watching(my, path) as one, watching(my, path) as two:
            await one.next()
            await two.next()
            refused = await my.get(path)
            assert refused.status_code == 503
            assert refused.json()["detail"] == "2 streams of this API key are already open"
            async with watching(other, f"/projects/{project}-2/events") as stream:
                await stream.next()
        resumed = {"Last-Event-ID": "progress:0:1"}
        async with bridge.app.state.tail._replays.taken(key_id_of(mine)):
            assert (await my.get(path, headers=resumed)).status_code == 503
            async with watching(other, f"/projects/{project}-2/events", resumed["Last-Event-ID"]) as stream:
                assert stream.response.status_code == 200


@pytest.mark.threat
async def test_a_replay_waits_for_its_pace_before_it_tells_what_it_has_read(
    bridge: Bridge, project: str
) -> None:
    document = await bridge.index(project)
    async with watching(bridge.http, of(document)) as stream:
        await stream.next()
        await bridge.progress(document, 0)
        await stream.until("progress")
        start = Position.parse(stream.id)
        await bridge.progress(document, 10, 20, 30)
        while progress([await stream.next()]) != [30]:
            pass
        until = Position.parse(stream.id)
    read, allowed = list[int](), asyncio.Event()

    async def pace(records: int) -> None:
        read.append(records)
        await allowed.wait()

    async def is_read() -> bool:
        return bool(read)

    events: list[StreamedEvent] = []

    async def collect() -> None:
        replay = Replay(bridge.app.state.settings, Watched(project, document.entity_id), start, until, pace)
        async for event in replay.events():
            events.append(event)  # noqa: PERF401  they are looked at meanwhile

    collecting = asyncio.create_task(collect())
    await eventually(is_read)
    assert events == []
    allowed.set()
    await collecting
    assert [json.loads(event.data)["progress_percent"] for event in events] == [10, 20, 30]
    assert sum(read) >= 3


@pytest.mark.threat
@pytest.mark.parametrize("while_it_is_silent", [False, True])
async def test_a_stream_ends_with_its_key(
    keyed: tuple[Bridge, Path], project: str, monkeypatch: pytest.MonkeyPatch, while_it_is_silent: bool
) -> None:
    if while_it_is_silent:
        monkeypatch.setattr(streams, "KEEP_ALIVE", 0.05)
    bridge, keys = keyed
    document = await bridge.index(project)
    key = add_key(keys, [project])
    async with client_of(bridge, key) as http, watching(http, f"/projects/{project}/events") as stream:
        await stream.next()
        await bridge.progress(document, 10)
        await stream.until("progress")
        api_keys.revoke(keys, key_id_of(key) or "")
        if not while_it_is_silent:
            await bridge.progress(document, 20)
        assert await stream.rest() == [("closed", {"reason": "the API key is no longer valid here"})]


@pytest.mark.threat
async def test_a_place_is_taken_at_once_and_something_is_left_to_each(ready: Settings) -> None:
    tail = EventTail(ready.model_copy(update={"max_streams": 8}))

    async def taken(holder: str | None) -> list[StreamPlace]:
        places = []
        with contextlib.suppress(TooManyStreamsError):
            while True:
                places.append(await tail.place(replay=False, holder=holder))
        return places

    held = [await taken(holder) for holder in ("one", "two", "three")]
    assert [len(each) for each in held] == [4, 2, 1]
    assert len(await taken("four")) == 1
    assert await taken("five") == await taken(None) == []
    for place in held[0]:
        place.leave()
        place.leave()
    assert len(await taken("five")) == 2


async def test_open_streams_do_not_keep_a_bridge_from_stopping(ready: Settings, project: str) -> None:
    (port,) = free_ports(1)
    settings = ready.model_copy(update={"shutdown_timeout": 20, "bridge_port": port})
    async with httpx.AsyncClient(base_url=f"http://{HOST}:{port}") as http:

        async def serves() -> bool:
            with contextlib.suppress(httpx.TransportError):
                return (await http.get("/livez")).is_success
            return False

        bridge = asyncio.create_task(run(settings))
        await eventually(serves)
        async with watching(http, f"/api/bridge/projects/{project}/events") as stream:
            await stream.next()
            begun = time.monotonic()
            os.kill(os.getpid(), signal.SIGTERM)
            assert await stream.rest() == [("closed", {"reason": "the bridge is stopping"})]
            await bridge
        assert time.monotonic() - begun < 10


async def test_who_does_not_read_is_let_go_and_may_resume(
    ready: Settings, bridge: Bridge, project: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    buffered, part = 100, 35
    monkeypatch.setattr(event_tail, "BUFFERED", buffered)
    monkeypatch.setattr(event_tail, "_AT_ONCE", buffered // 4)
    document = await bridge.index(project)
    tail = EventTail(ready)
    work = asyncio.create_task(tail.run())
    try:
        watched = Watched(project, document.entity_id)
        async with tail.subscribed(watched) as lazy, tail.subscribed(watched) as eager:
            for _ in range(3):  # fewer at once than fill the buffer, so that a reader has time
                await asyncio.gather(*(bridge.progress(document, 10) for _ in range(part)))
                assert {type(each) for each in await _read(eager, part)} == {StreamedEvent}
            streamed = [await lazy.next(0.1) for _ in range(buffered + 1)]
            assert all(isinstance(each, StreamedEvent) for each in streamed[:-1])
            assert isinstance(streamed[-1], StreamClosed)
            assert await lazy.next(0.05) is None
        last = streamed[-2]
        assert isinstance(last, StreamedEvent)
        until = tail.position
        assert until is not None
        missed = [each async for each in tail.replay(watched, Position.parse(str(last.position)), until)]
        assert len(missed) == 5
    finally:
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)


async def _read(subscription: Subscription, count: int) -> list[Any]:
    return [await subscription.next(30) for _ in range(count)]


async def test_streams_outlive_an_outage_of_kafka(
    servers: TestServers, settings: Settings, tmp_path: Path, project: str
) -> None:
    """Streams started during an outage, and streams open while Kafka loses its data."""
    await servers.start("graph")
    (port,) = free_ports(1)
    broker = kafka(tmp_path, port)
    own = settings.model_copy(
        update={
            "kafka_bootstrap_servers": f"{HOST}:{port}",
            "kafka_enable_idempotence": False,
            "kafka_publish_timeout": 0.5,
            "kafka_recreated_after": 0.5,
        }
    )
    try:
        async with serving(own) as bridge:
            document = await bridge.index(project)
            async with watching(bridge.http, of(document)) as stream:
                assert (await stream.next())[1]["ended"] is False
                # The second time the partitions end before the positions read.
                for percents in ((10, 20, 30), (40,)):
                    await broker.start()
                    await ensure_topics(own)
                    await stream.until("state")
                    for percent in percents:
                        await _published(bridge, document, percent)
                        await stream.until("progress", progress_percent=percent)
                    await broker.kill()
    finally:
        await broker.kill()


async def _published(bridge: Bridge, document: Document, percent: int) -> None:
    async def acknowledged() -> bool:
        with contextlib.suppress(PublishError):
            await bridge.progress(document, percent)
            return True
        return False

    await eventually(acknowledged)


async def test_a_client_that_leaves_unread_what_is_sent_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "_SEND_SECONDS", 0.05)
    left = asyncio.Event()

    async def lines() -> AsyncIterator[bytes]:
        try:
            while True:
                yield b": x\n\n"
        finally:
            left.set()

    async def send(message: Any) -> None:
        if message["type"] == "http.response.body":
            await asyncio.Event().wait()

    async with asyncio.timeout(5):
        await streams.StreamResponse(lines()).stream_response(send)
        await left.wait()


def test_the_api_docs_describe_the_streams(settings: Settings) -> None:
    paths = create_app(settings).openapi()["paths"]
    for path, statuses in (
        ("/api/bridge/document/{document_id}/events", {"200", "204", "404", "422", "503"}),
        ("/api/bridge/projects/{name}/events", {"200", "422", "503"}),
    ):
        operation = paths[path]["get"]
        assert set(operation["responses"]) == statuses | {"401", "403", "429", "502"}
        assert list(operation["responses"]["200"]["content"]) == ["text/event-stream"]
        assert "last-event-id" in [each["name"] for each in operation["parameters"]]
