"""Monitoring is consistent: rules, their tests, runbooks, dashboard, services.

promtool checks their syntax in `make check-deploy`.
"""

import json
import re
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard

from archon.runtime.settings import Settings
from archon.runtime.telemetry.metrics import SERVICES
from deploy.grafana import dashboards
from deploy.prometheus import committed
from tests.monitoring.expected import readable

ROOT = Path(__file__).parents[2]
RULES = [
    rule
    for group in yaml.load(committed.RULES.read_text(), yaml.CSafeLoader)["groups"]
    for rule in group["rules"]
]
ALERTS = {rule["alert"]: rule for rule in committed.alerts()}
TESTS = yaml.load(committed.TESTS.read_text(), yaml.CSafeLoader)["tests"]
RUNBOOKS = (ROOT / "docs" / "runbooks.md").read_text()
MADE = json.loads((ROOT / "deploy" / "grafana" / "dashboards" / dashboards.FILE).read_text())
PARTS = ["Means", "Confirm", "Do", "Over"]
WORDS = {"or", "and", "unless", "offset"}


def metrics_in(expression: str) -> set[str]:
    """The metrics in an expression: its identifiers, except labels, functions and keywords."""
    bare = re.sub(r'"[^"]*"|\{[^}]*\}|\[[^\]]*\]|\b(by|on|without) *\([^)]*\)|\b\d+[smhd]\b', " ", expression)
    return set(re.findall(r"\b[a-zA-Z_][\w:]*\b(?! *\()", bare)) - WORDS


def test_the_names_in_an_expression_are_found() -> None:
    expression = 'sum by (a) (rate(x_total{b="c{d}"}[5m])) / on () (r:x:y offset 6h) > 1 or vector(0)'
    assert metrics_in(expression) == {"x_total", "r:x:y"}


def test_every_metric_that_is_read_is_exported() -> None:
    recorded = {rule["record"] for rule in RULES if "record" in rule}
    read = {name for rule in RULES for name in metrics_in(rule["expr"])}
    shown = {name for query in committed.queries("5m") for name in metrics_in(query.expr)}
    assert (read | shown) - recorded - readable() == set()
    assert recorded - read == set(), "recorded for an alert, which none reads"


def test_every_metric_of_ours_is_shown_or_watched() -> None:
    watched = {name for rule in RULES for name in metrics_in(rule["expr"])}
    shown = {name for query in committed.queries("5m") for name in metrics_in(query.expr)}
    families = {
        family.name
        for collectors in SERVICES.values()
        for collector in collectors
        for family in collector.collect()
    }
    assert {name for name in families if not any(each.startswith(name) for each in watched | shown)} == set()


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_says_whom_to_wake_what_happens_and_what_to_do(name: str) -> None:
    rule = ALERTS[name]
    assert rule["labels"]["severity"] in {"page", "ticket"}
    assert rule["for"]
    assert rule["annotations"]["summary"]
    assert rule["annotations"]["description"]
    assert rule["annotations"]["runbook_url"] == f"docs/runbooks.md#{name.lower()}"
    section = RUNBOOKS.split(f"\n## {name}\n")[1].split("\n## ")[0]
    assert re.findall(r"^\*\*(\w+)\*\*", section, re.MULTILINE) == PARTS
    confirm = section.split("**Confirm**")[1].split("**Do**")[0]
    assert re.search(r"`(curl|enrich|temporal) ", confirm), "no command shows it"


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_is_tested_to_fire_and_not_to_fire(name: str) -> None:
    cases = [case for test in TESTS for case in test["alert_rule_test"] if case["alertname"] == name]
    firing = [case for case in cases if case.get("exp_alerts")]
    assert firing
    assert len(cases) > len(firing)


def test_no_runbook_or_test_outlives_its_alert() -> None:
    assert {case["alertname"] for test in TESTS for case in test["alert_rule_test"]} == set(ALERTS)
    assert re.findall(r"^## (\w+)$", RUNBOOKS, re.MULTILINE) == list(ALERTS)


def test_prometheus_looks_where_the_services_are() -> None:
    jobs = {
        job["job_name"]: job
        for job in yaml.load(committed.CONFIGURATION.read_text(), yaml.CSafeLoader)["scrape_configs"]
    }
    settings = Settings(_env_file=None)
    for service in SERVICES:
        (found,) = jobs[service]["dns_sd_configs"]
        assert found["names"] == [service]
        assert found["port"] == getattr(settings, f"{service}_port")


def test_the_dashboard_is_current() -> None:
    assert dashboards.build() == json.dumps(MADE, indent=2, sort_keys=True) + "\n", "run `make dashboards`"


def panels() -> Iterator[dict[str, Any]]:
    yield from (panel for panel in MADE["panels"] if panel["type"] != "row")


def test_the_dashboard_is_one_for_grafana() -> None:
    register_default_plugins()
    read = json.loads(json.dumps(Dashboard.from_json(MADE), cls=JSONEncoder))
    assert read == MADE
    assert MADE["schemaVersion"] >= 36
    assert [variable["name"] for variable in MADE["templating"]["list"]] == ["datasource"]


def test_every_panel_has_a_place_of_its_own() -> None:
    def cells(panel: dict[str, Any]) -> set[tuple[int, int]]:
        place = panel["gridPos"]
        return {
            (place["x"] + column, place["y"] + line)
            for column in range(place["w"])
            for line in range(place["h"])
        }

    for one, other in combinations(MADE["panels"], 2):
        assert not cells(one) & cells(other), (one["title"], other["title"])
    assert all(panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24 for panel in MADE["panels"])
    identities = [panel["id"] for panel in MADE["panels"]]
    assert len(set(identities)) == len(identities)


def test_every_panel_has_a_description_and_queries_the_chosen_source() -> None:
    for panel in panels():
        assert panel["description"], panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]
        for target in panel["targets"]:
            assert target["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
            assert target["legendFormat"], panel["title"]


def test_every_quantile_is_of_buckets() -> None:
    for query in committed.queries("5m"):
        if "histogram_quantile" in query.expr:
            assert re.search(r"sum by \(le\b|\ble:\w+_bucket:", query.expr), query.expr
