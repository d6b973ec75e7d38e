"""Every kind of drift between the stores, and none for a healthy document."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from archon.contracts.operations.drift import Drift, Node, Point, drift_of
from archon.contracts.operations.parked import ParkedRun, Standing, drift_of_run, is_astray
from archon.contracts.types import EnrichmentStatus as Status

NOW = datetime(2030, 1, 1, tzinfo=UTC)
BEFORE = NOW - timedelta(minutes=15)
NODE = Node(
    "d",
    Status.COMPLETED,
    2,
    "b" * 64,
    NOW - timedelta(hours=1),
    enrichment_content_hash="b" * 64,
    embedded=True,
    previewed=True,
)
POINT = Point("d", 2, "b" * 64, "completed", embedded_hash="b" * 64, has_vector=True)


def found(node: Node, point: Point | None, *, has_text: bool = True, run_open: bool = False) -> list[Drift]:
    return drift_of(node, point, has_text=has_text, run_open=run_open, indexed_before=BEFORE)


def in_status(status: Status, **changes: object) -> tuple[Node, Point]:
    """A node, and its point without a vector."""
    node = replace(NODE, status=status, enrichment_content_hash=None, embedded=None)
    return replace(node, **changes), replace(POINT, status=str(status), embedded_hash=None, has_vector=False)


WELL = {
    "enriched": (NODE, POINT, False),
    "enriched, and its run not ended": (NODE, POINT, True),
    "enriched by a service without embeddings": (
        replace(NODE, embedded=False),
        replace(POINT, embedded_hash=None, has_vector=False),
        False,
    ),
    "enriched before it was noted whether there is an embedding": (
        replace(NODE, embedded=None),
        replace(POINT, has_vector=False),
        False,
    ),
    "only just indexed, and no point yet": (in_status(Status.PENDING, indexed_at=NOW)[0], None, False),
    "waits long, with a run": (in_status(Status.PENDING)[0], None, True),
    "being enriched again, its point as before": (in_status(Status.PROCESSING)[0], POINT, True),
    "parked": (*in_status(Status.FAILED), True),
    "parked before it had a point": (in_status(Status.FAILED)[0], None, True),
    "discarded before it had a point": (in_status(Status.DISCARDED)[0], None, False),
    "skipped": (*in_status(Status.SKIPPED), False),
    "discarded": (*in_status(Status.DISCARDED), False),
    "only a part was requested": (in_status(Status.PENDING, part_only=True)[0], None, False),
}


@pytest.mark.parametrize(("node", "point", "run_open"), WELL.values(), ids=WELL)
def test_a_document_that_is_well_does_not_drift(node: Node, point: Point | None, run_open: bool) -> None:
    assert found(node, point, run_open=run_open) == []


DRIFTING = {
    "pending without a run": (*in_status(Status.PENDING), [Drift.STUCK]),
    "processing without a run": (*in_status(Status.PROCESSING), [Drift.STUCK]),
    "failed, and nobody waits": (*in_status(Status.FAILED), [Drift.UNPARKED]),
    "completed with other content": (
        replace(NODE, enrichment_content_hash="a" * 64),
        POINT,
        [Drift.UNFINISHED],
    ),
    "no point": (NODE, None, [Drift.POINT_MISSING]),
    "skipped, and no point": (in_status(Status.SKIPPED)[0], None, [Drift.POINT_MISSING]),
    "an older point": (NODE, replace(POINT, version=1), [Drift.POINT_BEHIND]),
    "a point of other content": (NODE, replace(POINT, content_hash="a" * 64), [Drift.POINT_BEHIND]),
    "a point in another status": (NODE, replace(POINT, status="processing"), [Drift.POINT_BEHIND]),
    "a newer point": (NODE, replace(POINT, version=3), [Drift.POINT_AHEAD]),
    "pending, and a newer point": (
        in_status(Status.PENDING, indexed_at=NOW)[0],
        replace(POINT, version=3),
        [Drift.POINT_AHEAD],
    ),
    "no vector": (NODE, replace(POINT, has_vector=False), [Drift.VECTOR_MISSING]),
    "a vector of other content": (NODE, replace(POINT, embedded_hash="a" * 64), [Drift.VECTOR_MISSING]),
    "two ways at once": (
        in_status(Status.FAILED)[0],
        replace(POINT, status="pending"),
        [Drift.UNPARKED, Drift.POINT_BEHIND],
    ),
}


@pytest.mark.parametrize(("node", "point", "kinds"), DRIFTING.values(), ids=DRIFTING)
def test_each_disagreement_is_named(node: Node, point: Point | None, kinds: list[Drift]) -> None:
    assert found(node, point) == kinds


def test_a_text_is_missed_only_where_the_bridge_has_indexed_one() -> None:
    assert found(NODE, POINT, has_text=False) == [Drift.TEXT_MISSING]
    assert found(replace(NODE, previewed=False), POINT, has_text=False) == []


def test_a_node_written_to_in_between_is_another() -> None:
    assert NODE.same_state(replace(NODE, embedded=None))
    for other in (None, *(replace(NODE, **{name: value}) for name, value in CHANGED.items())):
        assert not NODE.same_state(other)


CHANGED = {"version": 3, "content_hash": "a" * 64, "status": Status.PROCESSING}


RUN = ParkedRun("enrich-d-" + "b" * 64, "d", "b" * 64, "p", "f", 2, None, NOW)
STANDING = Standing(2, "failed", "b" * 64, "p")


@pytest.mark.parametrize(
    ("standing", "lettered", "drift"),
    [
        (STANDING, True, []),
        (STANDING, False, [Drift.LETTER_MISSING]),
        (replace(STANDING, status="processing"), True, [Drift.UNMARKED]),
        (replace(STANDING, status="pending"), False, [Drift.UNMARKED, Drift.LETTER_MISSING]),
        (replace(STANDING, status="completed"), True, []),
        (replace(STANDING, status="pending", project_name="q"), True, []),
        (replace(STANDING, version=3), False, [Drift.OVERTAKEN]),
        (Standing(3, "deleted", None, None), True, [Drift.OVERTAKEN]),
        (replace(STANDING, version=1, status="pending", content_hash="a" * 64), True, []),
        (None, True, []),
        (None, False, [Drift.LETTER_MISSING]),
    ],
)
def test_a_parked_run_and_what_graph_and_topic_say_of_it(
    standing: Standing | None, lettered: bool, drift: list[Drift]
) -> None:
    assert drift_of_run(RUN, standing, lettered=lettered) == drift


def test_a_run_that_was_never_claimed_is_overtaken_by_nobody() -> None:
    other = Standing(3, "pending", "a" * 64, "p")
    assert drift_of_run(replace(RUN, version=None), other, lettered=True) == []


@pytest.mark.parametrize("status", list(Status))
def test_a_letter_without_a_run_is_astray_but_for_what_a_run_will_clear(status: Status) -> None:
    astray = status not in {Status.PENDING, Status.PROCESSING, Status.FAILED}
    assert is_astray(replace(STANDING, status=str(status))) is astray
    assert is_astray(None)
