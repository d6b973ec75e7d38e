"""Which requests go ahead, and which wait behind those of others."""

import pytest

from archon.contracts.types import Priority
from archon.runtime.kafka.lanes import PROJECTS, Lanes
from archon.runtime.settings import Settings
from tests import factories

pytestmark = pytest.mark.threat
SETTINGS = Settings(project_burst=3, project_rate=2)
AHEAD, BULK = SETTINGS.kafka_enrichment_topic, SETTINGS.kafka_bulk_topic


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def sent(lanes: Lanes, project: str, count: int, priority: Priority = Priority.NORMAL) -> list[str]:
    return [lanes.topic(factories.request(project, priority=priority)) for _ in range(count)]


def test_a_project_has_a_share_and_what_is_beyond_waits() -> None:
    clock = Clock()
    lanes = Lanes(SETTINGS, clock)
    assert sent(lanes, "a", 5) == [AHEAD] * 3 + [BULK] * 2
    clock.now = 1.0
    assert sent(lanes, "a", 3) == [AHEAD] * 2 + [BULK]
    clock.now = 100.0
    assert sent(lanes, "a", 4) == [AHEAD] * 3 + [BULK]


def test_a_projects_share_takes_nothing_from_another() -> None:
    lanes = Lanes(SETTINGS, Clock())
    sent(lanes, "a", 100)
    assert sent(lanes, "b", 3) == [AHEAD] * 3


@pytest.mark.parametrize("priority", [Priority.HIGH, Priority.NORMAL])
def test_a_high_priority_alone_does_not_go_ahead(priority: Priority) -> None:
    assert sent(Lanes(SETTINGS, Clock()), "a", 4, priority)[-1] == BULK


def test_low_priority_goes_to_bulk_and_costs_no_share() -> None:
    lanes = Lanes(SETTINGS, Clock())
    assert sent(lanes, "a", 9, Priority.LOW) == [BULK] * 9
    assert sent(lanes, "a", 3) == [AHEAD] * 3


@pytest.mark.slow
def test_the_number_of_remembered_projects_is_limited() -> None:
    lanes = Lanes(SETTINGS, Clock())
    for number in range(PROJECTS + 3):
        sent(lanes, f"p{number}", 1)
    assert len(lanes._buckets._buckets) == PROJECTS
