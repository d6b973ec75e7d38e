"""The dead-letter topic as a table, on a real broker: concurrent readers, and their memory."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from archon.contracts.errors import TopicUnavailableError
from archon.contracts.events import DeadLetter, ErrorDetails
from archon.contracts.operations.dead_letters import DeadLetterFilter
from archon.contracts.types import FailureType
from archon.runtime.kafka import dead_letters
from archon.runtime.kafka.dead_letters import DeadLetterTopic
from archon.runtime.kafka.letter_table import LetterTable
from archon.runtime.kafka.publisher import KafkaPublisher
from archon.runtime.kafka.topics import ensure_topics
from archon.runtime.settings import Settings
from tests.stacks import TestServers

ALL = DeadLetterFilter()


@pytest.fixture
async def publisher(servers: TestServers, settings: Settings) -> AsyncIterator[KafkaPublisher]:
    await servers.start("kafka")
    await ensure_topics(settings)
    async with KafkaPublisher.connect(settings, "test") as publisher:
        yield publisher


def letter(project: str, document_id: str | None = None) -> DeadLetter:
    return DeadLetter(
        document_id=document_id or str(uuid4()),
        project_name=project,
        workflow_id="w",
        document_version=1,
        failure_reason="no",
        failure_timestamp=datetime.now(UTC),
        failure_type=FailureType.DATA_QUALITY,
        error_details=ErrorDetails(exception_type="E", exception_message="no"),
    )


async def test_the_last_of_each_key_stands_in_its_own_project(
    publisher: KafkaPublisher, settings: Settings
) -> None:
    first, cleared, moved = letter("mine"), letter("mine"), letter("mine")
    for each in (first, cleared, moved, letter("others"), first.model_copy(update={"failure_count": 2})):
        await publisher.dead_letter(each)
    await publisher.dead_letter(letter("others", moved.document_id))
    await publisher.clear_dead_letter(cleared.document_id or "")
    topic = DeadLetterTopic(settings)
    (row,) = await topic.rows(ALL, ("mine",))
    assert (row.document_id, row.failure_count) == (first.document_id, 2)
    assert len(await topic.rows(ALL, None)) == 3
    assert await topic.rows(ALL, ()) == []


@pytest.mark.threat
async def test_few_read_it_at_once_and_another_is_told(
    publisher: KafkaPublisher, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dead_letters, "_PATIENCE", 0.05)
    await publisher.dead_letter(letter("mine"))
    topic = DeadLetterTopic(settings)

    async def refused(holder: str | None) -> None:
        with pytest.raises(TopicUnavailableError, match="others are already reading it"):
            await topic.rows(ALL, None, holder)

    async with topic.records(holder="one") as one:
        await refused("one")  # a single refusal of each kind is enough
        assert len(await topic.rows(ALL, None, "two")) == 1
        async with contextlib.AsyncExitStack() as others:
            for _ in range(dead_letters._READERS - 1):
                await others.enter_async_context(topic.records())
            await refused("two")
            await refused(None)
        assert len([each async for each in one]) == 1
    assert len(await topic.rows(ALL, None, "one")) == 1


async def test_a_topic_that_was_made_anew_is_read_from_its_beginning(
    publisher: KafkaPublisher, settings: Settings
) -> None:
    for _ in range(3):
        await publisher.dead_letter(letter("mine"))
    positions = {0: 40}  # of the previous topic
    async with DeadLetterTopic(settings).records(positions) as records:
        found = {key async for key, _ in records}
    assert len(found) == 3
    assert positions == {0: 3}


@pytest.mark.threat
async def test_a_reader_leaves_turns_to_others(
    publisher: KafkaPublisher, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dead_letters, "_AT_ONCE", 5)
    await asyncio.gather(*(publisher.dead_letter(letter("mine")) for _ in range(100)))
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    async with DeadLetterTopic(settings).records() as records:
        (first, *_) = [await anext(records)]  # all is fetched by now
        beside = asyncio.create_task(others())
        rest = [each async for each in records]
        beside.cancel()
        await asyncio.wait([beside])
    assert first
    assert len(rest) == 99
    assert turns >= 10


async def test_a_table_goes_on_where_its_reading_was_cut_short(
    publisher: KafkaPublisher, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dead_letters, "_AT_ONCE", 5)
    letters = [letter("mine") for _ in range(20)]
    for each in letters:  # in a batch of its own
        await publisher.dead_letter(each)
    table, taken = LetterTable(DeadLetterTopic(settings)), 0
    take = table._take

    def fails_at_the_twelfth(key: str, value: bytes | None) -> None:
        nonlocal taken
        taken += 1
        if taken == 12:
            raise TimeoutError
        take(key, value)

    monkeypatch.setattr(table, "_take", fails_at_the_twelfth)
    assert not await table.read()
    assert await table.read()
    assert 20 < taken < 32  # not from the beginning again
    assert all(table.of(each.document_id or "") for each in letters)
