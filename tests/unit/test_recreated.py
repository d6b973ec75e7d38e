"""Which partitions were recreated, by their ends and our positions in them."""

from collections.abc import Sequence
from dataclasses import dataclass

import pytest
from aiokafka import TopicPartition

from archon.runtime.kafka.recreated import RecreatedPartitions

PARTITION = TopicPartition("t", 0)


@dataclass
class Consumer:
    """The part of a consumer that is used."""

    end: int | None = None
    at: int = 0

    def assignment(self) -> set[TopicPartition]:
        return {PARTITION}

    def highwater(self, _: TopicPartition) -> int | None:
        return self.end

    async def position(self, _: TopicPartition) -> int:
        return self.at


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        ([(None, 5), (5, 5), (7, 5), (7, 7)], []),
        ([(5, 5), (2, 5)], [1]),
        # Read again to its end, it grows, and is lost once more.
        ([(5, 5), (2, 5), (2, 0), (2, 2), (8, 8), (2, 8)], [1, 5]),
        # The broker reports a wrong end, before and after the partition is read again.
        ([(1, 4), (1, 4), (1, 0), (1, 4), (1, 4)], [0]),
        ([(1, 4), (1, 0), (1, 4), (3, 4), (3, 4)], [0, 3]),
    ],
)
async def test_a_topic_that_ends_before_our_position_is_noticed_once(
    seen: Sequence[tuple[int | None, int]], expected: Sequence[int]
) -> None:
    recreated, consumer, found = RecreatedPartitions(0.0), Consumer(), []
    for number, (consumer.end, consumer.at) in enumerate(seen):
        if await recreated.found(consumer):  # type: ignore[arg-type]
            found.append(number)
    assert found == expected


async def test_a_new_leader_has_its_time_to_learn_the_end() -> None:
    recreated = RecreatedPartitions(3600.0)
    assert await recreated.found(Consumer(end=2, at=5)) == []  # type: ignore[arg-type]
