"""The ingress's reaction to answers, headers and outages that are no document's fault."""

import asyncio
import json
from typing import Any

import httpx
import pytest
from aiokafka import ConsumerRecord

from archon.clients.intelligence import _refused
from archon.contracts.errors import InvalidInputError, NotFoundError, StoreUnavailableError
from archon.contracts.events import DeadLetter
from archon.contracts.operations.dead_letters import ORIGINAL_BYTES
from archon.contracts.types import FailureType
from archon.runtime.http.problems import MEDIA_TYPE
from archon.runtime.kafka.record_batches import UnreadableRecord
from archon.runtime.local_ports import HOST, free_ports
from archon.runtime.settings import Settings
from archon.runtime.temporal.client import Backlog
from kafka_ingress import backlog as backlog_module
from kafka_ingress import membership
from kafka_ingress.backlog import BacklogGate, watch
from kafka_ingress.consumer import RecordConsumer
from kafka_ingress.enrichment import REQUEST_BYTES, parse
from kafka_ingress.health import breaker_of
from kafka_ingress.indexing import indexing_handler
from kafka_ingress.pace import StartPace
from kafka_ingress.poison import (
    DOCUMENT_NAMES,
    HEADER_BYTES,
    READ_BYTES,
    READ_VALUES,
    dead_letter,
    dead_lettering,
)
from tests import factories
from tests.eventually import eventually


def record(
    value: object = b"{}", headers: tuple[tuple[str, bytes], ...] = (), key: bytes | None = None
) -> ConsumerRecord:
    return ConsumerRecord("t", 0, 7, 0, 0, key, value, None, -1, -1, headers)


class Letters:
    """In place of Kafka and the alerts."""

    def __init__(self) -> None:
        self.taken: list[tuple[object, list[tuple[str, bytes]]]] = []

    async def dead_letter(self, letter: object, *, key: str, headers: list[tuple[str, bytes]]) -> None:
        self.taken.append((letter, headers))

    def notify(self, letter: object) -> None: ...


@pytest.mark.parametrize(
    ("content_type", "error"),
    [("text/plain; charset=utf-8", StoreUnavailableError), (MEDIA_TYPE, RuntimeError)],
)
async def test_a_500_is_the_documents_only_where_the_bridge_itself_says_so(
    content_type: str, error: type[Exception]
) -> None:
    answer = httpx.Response(500, headers={"content-type": content_type}, text="Internal Server Error")
    transport = httpx.MockTransport(lambda _: answer)
    async with httpx.AsyncClient(transport=transport, base_url="http://bridge") as http:
        with pytest.raises(error):
            await indexing_handler(http)(record())


async def test_a_letter_carries_no_more_headers_than_kafka_takes() -> None:
    letters = Letters()
    given = (("small", b"1"), ("huge", b"0" * 3_000_000), ("late", b"2"))
    failure = ValueError("no")
    await dead_letter(letters, record(headers=given), "no", FailureType.DATA_QUALITY, failure)  # type: ignore[arg-type]
    ((_, headers),) = letters.taken
    assert headers[0] == ("small", b"1")
    assert sum(len(value) for _, value in headers) <= HEADER_BYTES


@pytest.mark.threat
async def test_headers_that_have_nothing_in_them_are_counted_too() -> None:
    letters = Letters()
    error = InvalidInputError("body", "is not JSON")
    given = (("", b""),) * 1_000_000
    await dead_letter(letters, record(headers=given), "no", FailureType.DATA_QUALITY, error)  # type: ignore[arg-type]
    ((_, headers),) = letters.taken
    assert len(headers) <= HEADER_BYTES / 16


@pytest.mark.threat
@pytest.mark.parametrize(
    "value",
    [b"[" + b"[]," * READ_VALUES + b"[]]", b'{"document_id": "x", "a": "' + b"a" * READ_BYTES + b'"}'],
    ids=["values", "bytes"],
)
async def test_an_expensive_message_is_reported_by_its_place_only(value: bytes) -> None:
    letters = Letters()
    error = InvalidInputError("body", "is too large")
    await dead_letter(letters, record(value), "no", FailureType.DATA_QUALITY, error)  # type: ignore[arg-type]
    ((letter, _),) = letters.taken
    assert letter.document_id is None  # type: ignore[attr-defined]
    assert letter.source == "t:0:7"  # type: ignore[attr-defined]


async def test_a_record_that_cannot_be_read_is_dead_lettered_with_its_reason() -> None:
    async def unasked(_: ConsumerRecord) -> None:
        raise AssertionError("a handler cannot do anything with it")

    letters = Letters()
    handle = dead_lettering(unasked, letters, letters)  # type: ignore[arg-type]
    await handle(UnreadableRecord(**vars(record(None)), reason="a header's key is not UTF-8"))
    ((letter, _),) = letters.taken
    assert "not UTF-8" in letter.failure_reason  # type: ignore[attr-defined]
    assert letter.source == "t:0:7"  # type: ignore[attr-defined]


def test_a_request_that_temporal_would_not_take_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="bytes"):
        parse(b"{" + b" " * REQUEST_BYTES + b"}")


async def test_an_unknown_backlog_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backlog_module, "_ASK_EVERY", 0.01)
    calls = 0

    async def backlog() -> Backlog:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise NotFoundError("namespace nowhere")
        raise KeyboardInterrupt

    async def again() -> bool:
        return calls == 2

    gate = BacklogGate(limit=10)
    with pytest.raises(KeyboardInterrupt):
        await watch(backlog, StartPace(free=2, shared=1), gate)
    assert await eventually(again)
    assert not gate.closed


def test_a_detail_that_may_quote_the_document_is_left_out() -> None:
    body = {"detail": [{"loc": ["body", "content"], "input": "SECRET" * 1000}]}
    assert "SECRET" not in str(_refused(httpx.Response(422, json=body)))
    assert len(str(_refused(httpx.Response(422, json={"detail": "x" * 9999})))) < 600


async def letter_of(value: bytes, reason: str = "no", key: bytes | None = None) -> tuple[Any, list[Any]]:
    letters = Letters()
    failure = ValueError(reason)
    await dead_letter(
        letters,  # type: ignore[arg-type]
        record(value, key=key),
        reason,
        FailureType.DATA_QUALITY,
        failure,
        names=DOCUMENT_NAMES,
    )
    ((letter, headers),) = letters.taken
    return letter, headers


PLATFORM = {"project_id": "shop", "source_path": "src/a.py", "document_id": "doc 7", "content_hash": "0" * 64}


@pytest.mark.parametrize(
    "beside",
    [
        '"full_text": "x"',
        f'"full_text": "{"x" * 2 * ORIGINAL_BYTES}"',
        f'"metadata": {"[" * 100_000}{"]" * 100_000}',
        '"metadata": {"x": NaN, "n": ' + "9" * 5000 + "}",
        r'"title": "\ud800"',
    ],
    ids=["small", "large", "deep", "no number", "half a pair"],
)
async def test_a_failed_submission_has_the_platforms_names(beside: str) -> None:
    letter, _ = await letter_of(f"{json.dumps(PLATFORM)[:-1]}, {beside}}}".encode())
    assert (letter.project_name, letter.file_path, letter.document_id) == ("shop", "src/a.py", "doc 7")
    assert DeadLetter.model_validate_json(letter.model_dump_json()) == letter


async def test_our_own_names_work_too_and_the_platforms_come_first() -> None:
    letter, _ = await letter_of(b'{"project_name": "ours", "file_path": "a.py"}')
    assert (letter.project_name, letter.file_path) == ("ours", "a.py")
    letter, _ = await letter_of(b'{"project_name": "ours", "project_id": "theirs"}')
    assert letter.project_name == "theirs"


@pytest.mark.parametrize("value", ["x" * 1_900_000, "\ud800", 7, None, ["shop"]])
async def test_an_unusable_name_is_left_out(value: Any) -> None:
    letter, _ = await letter_of(json.dumps({"project_id": value, "source_path": "a.py"}).encode())
    assert (letter.project_name, letter.file_path) == (None, "a.py")


@pytest.mark.parametrize(
    ("value", "key", "reason"),
    [
        (b'{"project_id": "' + b"x" * 3_000_000 + b'"}', b"k" * 900_000, "r" * 3_000_000),
        (b"[" + b"1e15," * 50_000 + b"1]", None, "\ud800" * 100_000),
        (b'{"a": [' + b"1e15," * 40_000 + b"1]}", None, "no"),
        (b"\xff" * 3_000_000, None, "no"),
    ],
)
async def test_a_letter_is_never_larger_than_kafka_takes(
    value: bytes, key: bytes | None, reason: str
) -> None:
    letter, headers = await letter_of(value, reason, key)
    size = len(letter.model_dump_json()) + sum(len(name) + len(content) for name, content in headers)
    assert size < 1_000_000


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (
            httpx.Response(
                422,
                headers={"content-type": MEDIA_TYPE},
                json={
                    "title": "Invalid input",
                    "status": 422,
                    "detail": "as below",
                    "errors": [
                        {"field": "metadata.last_modified", "reason": "is no time"},
                        {"field": "title", "reason": "too long"},
                    ],
                },
            ),
            "metadata.last_modified: is no time; title: too long",
        ),
        (
            httpx.Response(
                400,
                json={
                    "title": "Unreadable body",
                    "status": 400,
                    "detail": "body: is not UTF-8",
                    "errors": [{"field": "body", "reason": "is not UTF-8"}],
                },
            ),
            "value: is not UTF-8",
        ),
        (
            httpx.Response(409, json={"title": "Project conflict", "status": 409, "detail": "of another"}),
            "value: the bridge refused it with HTTP 409: of another",
        ),
        (httpx.Response(404, text="nginx"), "value: the bridge refused it with HTTP 404: nginx"),
    ],
)
async def test_a_refusal_by_the_bridge_names_the_fields(answer: httpx.Response, reason: str) -> None:
    transport = httpx.MockTransport(lambda _: answer)
    async with httpx.AsyncClient(transport=transport, base_url="http://bridge") as http:
        with pytest.raises(InvalidInputError) as raised:
            await indexing_handler(http)(record())
    assert str(raised.value).startswith(reason)


def spelt(field: str, value: str) -> bytes:
    """A request with a field spelled as `value`."""
    fields = {
        name: json.dumps(each) for name, each in factories.request().model_dump(mode="json").items()
    } | {field: value}
    return ("{" + ",".join(f'"{name}":{text}' for name, text in fields.items()) + "}").encode()


@pytest.mark.parametrize(
    ("field", "value", "named"),
    [
        ("document_version", str(2**63), "document_version"),
        ("document_version", "9" * 400, "document_version"),
        ("document_version", "9" * 5000, "document_version"),
        ("document_version", "1e999", "document_version"),
        ("document_version", "0", "document_version"),
        ("document_version", str(2**53 + 1), "document_version"),
        ("document_version", "1764400000000000000", "document_version"),
        ("document_version", "true", "document_version"),
        ("retry_count", "false", "retry_count"),
        ("metadata", '{"line_count": true}', "metadata.line_count"),
        ("retry_count", "NaN", "retry_count"),
        ("metadata", '{"last_modified": "0001-01-01T00:00:00+14:00"}', "metadata.last_modified"),
        ("metadata", '{"file_size_bytes": 9223372036854775808}', "metadata.file_size_bytes"),
        ("metadata", '{"x": {"y": [NaN]}}', "metadata.x.y.0"),
        ("metadata", "[" * 100_000 + "]" * 100_000, "metadata"),
        ("indexed_at", '"9999-12-31T23:59:59-14:00"', "indexed_at"),
        ("indexed_at", '"2016-12-31T23:59:60Z"', "indexed_at"),
        ("indexed_at", "1e30", "indexed_at"),
        ("file_path", r'"a\u0000b"', "file_path"),
        ("file_path", r'"\ud800"', "file_path"),
        ("language", json.dumps("x" * 65), "language"),
        ("tenant", "[" * 100_000 + "]" * 100_000, "tenant"),
        ("tenant", "[" * 150 + "]" * 150, "tenant"),
        ("tenant", '{"a": 1e999}', "tenant.a"),
        ("tenant", "[" + "1e15," * 150_000 + "1]", "value"),
    ],
)
def test_a_request_that_could_never_be_run_is_refused_by_field(field: str, value: str, named: str) -> None:
    with pytest.raises(InvalidInputError) as raised:
        parse(spelt(field, value))
    assert raised.value.field == named


@pytest.mark.parametrize("digits", ["9" * 30, "9" * 5000, "-" + "9" * 5000])
def test_an_endless_integer_is_reported_as_one(digits: str) -> None:
    with pytest.raises(InvalidInputError) as raised:
        parse(spelt("tenant", digits))
    assert raised.value.reason == "is an integer of more than 64 bits"
    with pytest.raises(InvalidInputError) as raised:
        parse(spelt("document_version", digits))
    assert "finite" not in raised.value.reason


def test_a_blank_or_empty_record_is_described_as_such() -> None:
    for field in ("project_name", "file_path"):
        with pytest.raises(InvalidInputError) as raised:
            parse(spelt(field, '" "'))
        assert (raised.value.field, raised.value.reason) == (field, "is empty or blank")
    with pytest.raises(InvalidInputError, match=r"^value: is empty, but JSON is required$"):
        parse(b"")


@pytest.mark.parametrize("version", [1_764_400_000_000, 1_764_400_000_000_000, 2**53])
def test_a_version_that_a_float_can_represent_is_unchanged(version: int) -> None:
    assert parse(spelt("document_version", str(version))).document_version == version


@pytest.mark.parametrize("value", [b"", b"\xff\xfe\x00", b"[]", b"{", b'"x"', b"[" * 100_000, b"nan"])
def test_a_value_that_is_no_request_is_refused_as_a_whole(value: bytes) -> None:
    with pytest.raises(InvalidInputError) as raised:
        parse(value)
    assert raised.value.field in {"value", "document_id"}


def test_a_request_may_be_in_any_unicode_encoding() -> None:
    request = factories.request()
    text = request.model_dump_json()
    assert parse(b"\xef\xbb\xbf" + text.encode()) == parse(text.encode("utf-16")) == request


async def test_a_worker_that_does_not_answer_leaves_the_breaker_unknown() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.host == "away":
            raise httpx.ConnectError("refused")
        if request.url.host == "other":
            return httpx.Response(200, text="<html>")
        return httpx.Response(200, json={"state": "open", "failure_count": 8, "last_failure": "E"})

    async def state_of(host: str) -> tuple[str, int]:
        transport = httpx.MockTransport(answer)
        async with httpx.AsyncClient(transport=transport, base_url=f"http://{host}") as worker:
            breaker = await breaker_of(worker)
        return breaker.state, breaker.failure_count

    assert await state_of("worker") == ("open", 8)
    assert await state_of("away") == await state_of("other") == ("unknown", 0)


async def test_an_ingress_that_is_stopped_waits_for_no_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(membership, "_RECONNECT_AFTER", 3600)
    tried, stop = asyncio.Event(), asyncio.Event()
    monkeypatch.setattr(membership._log, "warning", lambda *_, **__: tried.set())
    settings = Settings(kafka_bootstrap_servers=f"{HOST}:{free_ports(1)[0]}")

    async def stopped() -> None:
        await tried.wait()
        stop.set()

    async def handler(_: ConsumerRecord) -> None: ...

    consumer = RecordConsumer(settings, {"t": lambda: False}, "g", handler, ordered=False)
    async with asyncio.timeout(30):
        await asyncio.gather(consumer.run(stop), stopped())
    assert not consumer.connected
