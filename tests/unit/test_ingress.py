"""What the ingress makes of answers, headers and outages that are nobody's document's fault."""

import httpx
import pytest
from aiokafka import ConsumerRecord

from archon.contracts.errors import InvalidInputError, NotFoundError, StoreUnavailableError
from archon.contracts.types import FailureType
from archon.runtime.problems import MEDIA_TYPE
from archon.stores.intelligence import _refused
from kafka_ingress.backlog import BacklogGate
from kafka_ingress.enrichment import REQUEST_BYTES, parse
from kafka_ingress.indexing import indexing_handler
from kafka_ingress.poison import HEADER_BYTES, dead_letter, parking_poison
from kafka_ingress.unreadable import Unreadable
from tests.eventually import eventually


def record(value: object = b"{}", headers: tuple[tuple[str, bytes], ...] = ()) -> ConsumerRecord:
    return ConsumerRecord("t", 0, 7, 0, 0, None, value, None, -1, -1, headers)


class Letters:
    """Takes the place of Kafka and of the alerts."""

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


async def test_a_record_that_cannot_be_read_is_dead_lettered_with_its_reason() -> None:
    async def unasked(_: ConsumerRecord) -> None:
        raise AssertionError("a handler cannot do anything with it")

    letters = Letters()
    handle = parking_poison(unasked, letters, letters)  # type: ignore[arg-type]
    await handle(record(Unreadable("a header's key is not UTF-8")))
    ((letter, _),) = letters.taken
    assert "not UTF-8" in letter.failure_reason  # type: ignore[attr-defined]
    assert letter.source == "t:0:7"  # type: ignore[attr-defined]


def test_a_request_that_temporal_would_not_take_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="bytes"):
        parse(b"{" + b" " * REQUEST_BYTES + b"}")


async def test_a_backlog_that_cannot_be_asked_for_stops_nothing() -> None:
    asked = 0

    async def backlog() -> int:
        nonlocal asked
        asked += 1
        if asked == 1:
            raise NotFoundError("namespace nowhere")
        raise KeyboardInterrupt

    async def again() -> bool:
        return asked == 2

    gate = BacklogGate(backlog, limit=10)
    with pytest.raises(KeyboardInterrupt):
        await gate.watch()
    assert await eventually(again)
    assert not gate.closed


def test_a_detail_that_may_quote_the_document_is_left_out() -> None:
    body = {"detail": [{"loc": ["body", "content"], "input": "SECRET" * 1000}]}
    assert "SECRET" not in str(_refused(httpx.Response(422, json=body)))
    assert len(str(_refused(httpx.Response(422, json={"detail": "x" * 9999})))) < 600
