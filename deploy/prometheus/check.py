"""In: the committed rules, scrape configuration and dashboards. Out: what Prometheus' own tool says of them.

`python -m deploy.prometheus.check` prints a line a check; its exit status tells whether all pass.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

import yaml

from deploy.prometheus.binary import PrometheusMissingError, promtool

FOLDER: Final = Path(__file__).parent
DASHBOARDS: Final = FOLDER.parent / "grafana" / "dashboards"
CONFIGURATION: Final = FOLDER / "prometheus.yaml"
RULES: Final = FOLDER / "rules.yaml"
TESTS: Final = FOLDER / "tests" / "rules.yaml"

Check = Callable[[], str]
"""Returns what is wrong, or nothing. Raises PrometheusMissingError."""


class Query(NamedTuple):
    panel: str
    legend: str
    expr: str


def alerts() -> list[dict[str, Any]]:
    """The committed alerts, in their order."""
    groups = yaml.safe_load(RULES.read_text())["groups"]
    return [rule for group in groups for rule in group["rules"] if "alert" in rule]


def queries(rate: str) -> Iterator[Query]:
    """Every query of the dashboards, its rates over `rate`, a duration such as 5m."""
    for file in sorted(DASHBOARDS.glob("*.json")):
        for panel in json.loads(file.read_text())["panels"]:
            for target in panel.get("targets", []):
                expression = target["expr"].replace("$__rate_interval", rate)
                yield Query(panel["title"], target["legendFormat"], expression)


def dashboard_queries() -> str:
    """Each is made a rule, because rules are what promtool parses."""
    rules = [
        {
            "record": "dashboard:query",
            "expr": query.expr,
            "labels": {"panel": query.panel, "of": query.legend},
        }
        for query in queries("5m")
    ]
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        yaml.safe_dump({"groups": [{"name": "dashboards", "rules": rules}]}, file)
        file.flush()
        return _complaint("check", "rules", file.name)


def _complaint(*arguments: str) -> str:
    done = subprocess.run([promtool(), *arguments], capture_output=True, text=True, check=False)
    return f"{done.stdout}{done.stderr}".strip() if done.returncode else ""


CHECKS: Final[Mapping[str, Check]] = {
    # Its syntax alone: the secrets it names are where it runs.
    "prometheus: scrape configuration": lambda: _complaint(
        "check", "config", "--syntax-only", str(CONFIGURATION)
    ),
    "prometheus: rules": lambda: _complaint("check", "rules", str(RULES)),
    "prometheus: tests of the rules": lambda: _complaint("test", "rules", str(TESTS)),
    "grafana: queries of the dashboards": dashboard_queries,
}


def main() -> int:
    failed = 0
    for name, check in CHECKS.items():
        try:
            complaint = check()
        except PrometheusMissingError as error:
            complaint = str(error)
        print(f"{'failed' if complaint else 'ok':8}{name}")  # noqa: T201
        if complaint:
            failed += 1
            print(complaint)  # noqa: T201
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
