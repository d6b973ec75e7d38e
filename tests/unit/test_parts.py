"""The memory of a part's state between two checks."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from structlog.testing import capture_logs

from archon.contracts.errors import SetupError, StoreUnavailableError
from archon.contracts.estate import PartName, PartStatus, WaitingFor
from archon.runtime.estate import parts as module
from archon.runtime.estate.parts import Answer, PartCheck, Parts
from archon.runtime.estate.services import OurService, ask_worker


class Part:
    """Gives a scripted answer."""

    def __init__(self) -> None:
        self.answer: Answer | Exception = Answer("1.2")

    async def ask(self) -> Answer:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.fixture(autouse=True)
def never_fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_FRESH", -1.0)


async def test_since_when_and_last_seen() -> None:
    graph = Part()
    parts = Parts([PartCheck(PartName.GRAPH, "bolt://here", graph.ask)])
    (first,) = await parts.now()
    assert (first.status, first.version, first.since) == (PartStatus.UP, "1.2", None)
    (second,) = await parts.now()
    assert second.since is not None
    assert second.last_seen is not None

    graph.answer = StoreUnavailableError("graph", "connection refused")
    (down,) = await parts.now()
    assert (down.status, down.reason) == (PartStatus.DOWN, "graph: connection refused")
    assert down.since is not None
    assert down.since > second.last_seen
    assert down.last_seen == second.last_seen
    assert down.version == "1.2"
    with pytest.raises(StoreUnavailableError):
        await parts.check(PartName.GRAPH)
    (still,) = await parts.now()
    assert still.since == down.since

    graph.answer = SetupError("lacks something")
    (unfit,) = await parts.now()
    assert (unfit.status, unfit.working) == (PartStatus.UNFIT, True)
    await parts.check(PartName.GRAPH)


async def test_a_part_that_waits_works_all_the_same_unless_it_says_otherwise() -> None:
    worker = Part()
    waits = [WaitingFor(service=PartName.KAFKA, reason="down")]
    worker.answer = Answer(waiting_for=waits)
    parts = Parts([PartCheck(PartName.WORKER, "http://here", worker.ask)])
    (found,) = await parts.now()
    assert (found.status, found.waiting_for, found.working) == (PartStatus.WAITING, waits, True)
    await parts.check(PartName.WORKER)
    worker.answer = Answer(waiting_for=waits, working=False)
    await parts.now()
    with pytest.raises(StoreUnavailableError, match="kafka"):
        await parts.check(PartName.WORKER)


async def test_each_change_of_a_part_is_logged_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ASK_EVERY", 0.0)
    monkeypatch.setattr(module, "CALM", 0.0)
    off = Answer("1.2", clock_ahead=-3600.0)
    kafka = [WaitingFor(service=PartName.KAFKA, reason="does not answer")]
    down = StoreUnavailableError("worker", "connection refused")
    answers: Sequence[Answer | Exception] = [
        *(Answer("1.2"), Answer("1.2"), down, down, Answer("1.2")),
        *(Answer(waiting_for=kafka), Answer(waiting_for=kafka), off, off, Answer("1.2", clock_ahead=1.0)),
    ]
    upcoming = iter(answers)

    async def ask() -> Answer:
        answer = next(upcoming, None)
        if answer is None:
            raise asyncio.CancelledError
        if isinstance(answer, Exception):
            raise answer
        return answer

    with capture_logs() as logs, suppress(asyncio.CancelledError):
        await Parts([PartCheck(PartName.WORKER, "http://here", ask)]).watch()
    assert [line["event"] for line in logs] == [
        *("part_down", "part_up", "part_waiting", "part_clock_off", "part_up")
    ]
    assert logs[0]["reason"] == "worker: connection refused"
    assert logs[2]["reason"] == "kafka: does not answer"
    assert logs[3]["clock_ahead_seconds"] == -3600.0


async def test_after_a_recovery_the_start_is_that_of_the_recovery() -> None:
    ingress, started = Part(), datetime.now(UTC) - timedelta(hours=3)
    ingress.answer = Answer(since=started)
    parts = Parts([PartCheck(PartName.INGRESS, "http://here", ingress.ask)])
    (first,) = await parts.now()
    (second,) = await parts.now()
    assert first.since == second.since == started
    ingress.answer = Answer(
        since=started, waiting_for=[WaitingFor(service=PartName.KAFKA, reason="down")], working=False
    )
    (waiting,) = await parts.now()
    ingress.answer = Answer(since=started)
    (recovered,) = await parts.now()
    (still,) = await parts.now()
    assert waiting.since is not None
    assert recovered.since is not None
    assert recovered.since >= waiting.since
    assert still.since == recovered.since


async def test_a_restarted_part_has_started_when_it_says() -> None:
    ingress = Part()
    parts = Parts([PartCheck(PartName.INGRESS, "http://here", ingress.ask)])
    ingress.answer = StoreUnavailableError("ingress", "connection refused")
    await parts.now()
    ingress.answer = Answer(since=datetime.now(UTC) + timedelta(seconds=5))
    (found,) = await parts.now()
    assert found.since == ingress.answer.since


class Polled:
    """Temporal's last poll by a worker, so many seconds ago."""

    def __init__(self, ago: float) -> None:
        self._ago = ago

    async def last(self) -> datetime:
        return datetime.now(UTC) - timedelta(seconds=self._ago)


@pytest.mark.parametrize(
    ("ago", "reason"), [(30.0, "connection refused$"), (80.0, "no worker has polled for 8")]
)
async def test_a_worker_that_does_not_answer_is_idle_or_gone(ago: float, reason: str) -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("[Errno 111] Connection refused", request=request)

    async with httpx.AsyncClient(transport=httpx.MockTransport(refuse)) as http:
        worker = OurService(PartName.WORKER, http, "http://here", "worker_url")
        with pytest.raises(StoreUnavailableError, match=reason):
            await ask_worker(worker, Polled(ago))  # type: ignore[arg-type]
        assert await ask_worker(worker, Polled(5.0)) == Answer()  # type: ignore[arg-type]
