"""In: the committed rules and dashboards. Out: their alerts, and every query of a panel."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import yaml

FOLDER: Final = Path(__file__).parent
DASHBOARDS: Final = FOLDER.parent / "grafana" / "dashboards"
CONFIGURATION: Final = FOLDER / "prometheus.yaml"
RULES: Final = FOLDER / "rules.yaml"
TESTS: Final = FOLDER / "tests" / "rules.yaml"


class Query(NamedTuple):
    panel: str
    legend: str
    expr: str


def alerts() -> list[dict[str, Any]]:
    """The committed alerts, in order."""
    groups = yaml.load(RULES.read_text(), yaml.CSafeLoader)["groups"]
    return [rule for group in groups for rule in group["rules"] if "alert" in rule]


def queries(rate: str, dashboards: Path = DASHBOARDS) -> Iterator[Query]:
    """Every query of the dashboards, with rates over `rate`, a duration such as 5m."""
    for file in sorted(dashboards.glob("*.json")):
        for panel in json.loads(file.read_text())["panels"]:
            for target in panel.get("targets", []):
                expression = target["expr"].replace("$__rate_interval", rate)
                yield Query(panel["title"], target["legendFormat"], expression)
