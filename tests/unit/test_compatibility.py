"""Events keep the promise of v1: released producers and consumers still work."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from archon.reference.schemas import EVENTS
from tests.unit.compatibility import breaks

BASELINE = Path(__file__).parent / "v1"
CONSUMED = {"tree.index.v1", "enrich-document.v1"}
Change = Callable[[dict[str, Any]], object]


def baseline(event: str) -> dict[str, Any]:
    schema: dict[str, Any] = json.loads((BASELINE / f"{event}.schema.json").read_text())
    return schema


def test_every_event_has_a_baseline() -> None:
    assert {file.name.removesuffix(".schema.json") for file in BASELINE.iterdir()} == set(EVENTS)


@pytest.mark.parametrize("event", EVENTS)
def test_an_event_is_compatible_with_its_baseline(event: str) -> None:
    found = breaks(baseline(event), EVENTS[event].model_json_schema(), consumed=event in CONSUMED)
    assert found == [], "not within v1; docs/schemas.md says how to go to v2"


@pytest.mark.parametrize(
    ("event", "change", "expected"),
    [
        ("enrich-document.v1", lambda s: s["properties"].pop("priority"), "priority: removed"),
        ("enrich-document.v1", lambda s: s["required"].append("language"), "language: has become required"),
        ("enrich-document.v1", lambda s: s["properties"]["force"].update(type="string"), "force"),
        (
            "enrich-document.v1",
            lambda s: s["properties"]["language"].update(anyOf=[{"type": "string"}]),
            "null",
        ),
        ("enrich-document.v1", lambda s: s["properties"]["project_name"].update(maxLength=100), "maxLength"),
        ("enrich-document.v1", lambda s: s["properties"]["retry_count"].update(maximum=2), "maximum"),
        ("enrich-document.v1", lambda s: s["$defs"]["Priority"].update(enum=["high"]), "priority.enum"),
        ("enrich-document.v1", lambda s: s.update(additionalProperties=False), "additionalProperties"),
        (
            "enrich-document.v1",
            lambda s: s["$defs"]["RequestMetadata"]["properties"].pop("line_count"),
            "line",
        ),
        ("enrichment-progress.v1", lambda s: s["properties"]["progress_percent"].pop("maximum"), "maximum"),
        ("enrichment-completed.v1", lambda s: s["properties"].pop("completed_at"), "completed_at: removed"),
        ("enrichment-completed.v1", lambda s: s["required"].remove("project_name"), "no longer always there"),
        (
            "enrichment-completed.v1",
            lambda s: s["properties"]["document_version"].update(
                type=["integer"], anyOf=[{"type": "string"}]
            ),
            "document_version",
        ),
        (
            "enrichment-completed.v1",
            lambda s: s["$defs"]["EnrichmentResults"]["properties"]["patterns_detected"]["items"].update(
                type="object"
            ),
            "patterns_detected",
        ),
    ],
)
def test_a_breaking_change_is_noticed(event: str, change: Change, expected: str) -> None:
    changed = copy.deepcopy(baseline(event))
    change(changed)
    assert any(expected in line for line in breaks(baseline(event), changed, consumed=event in CONSUMED))


@pytest.mark.parametrize("event", EVENTS)
def test_an_optional_field_may_be_added(event: str) -> None:
    changed = copy.deepcopy(baseline(event))
    changed["properties"]["tenant"] = {"anyOf": [{"type": "string"}, {"type": "null"}], "default": None}
    assert breaks(baseline(event), changed, consumed=event in CONSUMED) == []


def test_a_limit_may_be_widened_for_producers_and_an_outcome_added_for_consumers() -> None:
    request, completed = baseline("enrich-document.v1"), baseline("enrichment-completed.v1")
    request["properties"]["project_name"]["maxLength"] = 1000
    completed["$defs"]["Outcome"]["enum"].append("deleted")
    assert breaks(baseline("enrich-document.v1"), request, consumed=True) == []
    assert breaks(baseline("enrichment-completed.v1"), completed, consumed=False) == []
