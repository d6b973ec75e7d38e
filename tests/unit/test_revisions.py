"""Versions of a document that get a run: the first at once, and the newest of those that follow shortly."""

import asyncio
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import pytest
from aiokafka import ConsumerRecord
from hypothesis import given, settings
from hypothesis import strategies as st

from archon.contracts.errors import StoreUnavailableError
from archon.contracts.events import EnrichmentRequest
from kafka_ingress.enrichment import EnrichmentHandler
from kafka_ingress.pace import StartPace
from kafka_ingress.revisions import REMEMBERED, WAITING, Revisions
from tests import factories
from tests.eventually import eventually
from tests.examples import examples

pytestmark = pytest.mark.threat
NEVER = 3600.0
DOCUMENT = "0" * 8 + "-0000-4000-8000-" + "0" * 12


def version(number: int | None, **changes: Any) -> EnrichmentRequest:
    return factories.request(text=f"x = {number}\n", document_id=DOCUMENT, document_version=number, **changes)


async def submitted_in_turn(revisions: Revisions, *numbers: int | None) -> list[asyncio.Task[bool]]:
    """Submits each before the next."""
    tasks = []
    for number in numbers:
        tasks.append(asyncio.create_task(revisions.passes(version(number))))
        await asyncio.sleep(0)
    return tasks


async def gone(*tasks: asyncio.Task[bool]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)


async def test_the_first_passes_and_the_newest_of_the_rest_waits() -> None:
    first, *rest, last = await submitted_in_turn(Revisions(NEVER), 1, 2, 3, 4, 5)
    assert await first
    assert await asyncio.gather(*rest) == [False, False, False]
    assert not last.done()
    await gone(last)


async def test_a_waiting_revision_passes_in_the_end() -> None:
    first, second = await submitted_in_turn(Revisions(0.05), 1, 2)
    assert await asyncio.gather(first, second) == [True, True]


async def test_others_wait_for_nobody() -> None:
    revisions = Revisions(NEVER)
    held = await submitted_in_turn(revisions, 1, 2)
    assert await revisions.passes(factories.request(document_version=7))
    await gone(held[1])


async def test_the_same_version_again_passes_as_do_requests_without_one() -> None:
    tasks = await submitted_in_turn(Revisions(NEVER), 3, 3, None, None)
    assert await asyncio.gather(*tasks) == [True] * 4


async def test_an_older_one_that_is_delivered_again_needs_no_run() -> None:
    assert await asyncio.gather(*await submitted_in_turn(Revisions(NEVER), 3, 2)) == [True, False]


async def test_each_passes_where_there_is_no_interval() -> None:
    assert await asyncio.gather(*await submitted_in_turn(Revisions(0), 1, 2, 3, 2)) == [True] * 4


async def test_an_abandoned_revision_blocks_no_other() -> None:
    revisions = Revisions(NEVER)
    _, given_up = await submitted_in_turn(revisions, 1, 2)
    await gone(given_up)
    (again,) = await submitted_in_turn(revisions, 2)  # another consumer gave it back
    (newer,) = await submitted_in_turn(revisions, 3)
    assert await again
    assert not newer.done()
    await gone(newer)


async def test_the_number_of_waiting_revisions_is_limited() -> None:
    revisions = Revisions(NEVER)
    tasks = []
    for number in range(WAITING + 3):
        for version in (1, 2):
            request = factories.request(document_id=str(UUID(int=number)), document_version=version)
            tasks.append(asyncio.create_task(revisions.passes(request)))
            await asyncio.sleep(0)
    assert sum(not task.done() for task in tasks) == WAITING
    assert all(task.result() for task in tasks if task.done())
    await gone(*tasks)
    (passed, waits) = await submitted_in_turn(revisions, 1, 2)
    assert passed.done()
    assert not waits.done()
    await gone(waits)


async def test_the_number_of_remembered_documents_is_as_set() -> None:
    revisions = Revisions(NEVER)
    for _ in range(REMEMBERED + 5):
        assert await revisions.passes(factories.request(document_version=1))
    assert len(revisions._newest) == REMEMBERED


@settings(max_examples=examples(30))
@given(numbers=st.lists(st.integers(1, 6), min_size=1, max_size=12), pauses=st.data())
async def test_the_newest_always_passes_and_none_after_a_newer_one(
    numbers: Sequence[int], pauses: st.DataObject
) -> None:
    revisions, passed = Revisions(0.002), []

    async def ask(number: int) -> None:
        if await revisions.passes(version(number)):
            passed.append(number)

    tasks = []
    for number in numbers:
        tasks.append(asyncio.create_task(ask(number)))
        await asyncio.sleep(pauses.draw(st.sampled_from([0, 0.001, 0.004])))
    await eventually(lambda: done(tasks))
    assert max(numbers) in passed
    assert passed == sorted(passed)


async def done(tasks: Sequence[asyncio.Task[None]]) -> bool:
    return all(task.done() for task in tasks)


@dataclass
class Temporal:
    """Accepts submissions."""

    submitted: list[EnrichmentRequest] = field(default_factory=list)

    async def submit(self, request: EnrichmentRequest) -> str:
        self.submitted.append(request)
        return "w"


@dataclass
class Graph:
    """Answers whether an overtaken version is past, or fails."""

    answer: bool | StoreUnavailableError

    async def end(
        self, request: EnrichmentRequest, teller: str, turn: AbstractAsyncContextManager[None]
    ) -> bool:
        async with turn:
            pass
        if isinstance(self.answer, StoreUnavailableError):
            raise self.answer
        return self.answer


@pytest.mark.parametrize(
    ("answer", "runs"), [(True, [3]), (False, [3, 2]), (StoreUnavailableError("graph", "away"), [3, 2])]
)
async def test_an_overtaken_version_has_a_run_unless_the_graph_calls_it_past(
    answer: bool | StoreUnavailableError, runs: list[int]
) -> None:
    temporal = Temporal()
    handle = EnrichmentHandler(temporal, StartPace(free=2, shared=1), Revisions(NEVER), Graph(answer))  # type: ignore[arg-type]
    for number in (3, 2):
        value = version(number).model_dump_json().encode()
        await handle(ConsumerRecord("t", 0, number, 0, 0, None, value, None, -1, -1, ()))
    assert [each.document_version for each in temporal.submitted] == runs
