"""In: the committed rules, scrape configuration and dashboards. Out: what Prometheus' own tool says of them.

`python -m deploy.prometheus.check` prints a line a check; its exit status tells whether all pass.
"""

import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import yaml

from deploy.grafana.dashboards import ROWS
from deploy.grafana.model import RATE, Panel, Query
from deploy.prometheus.binary import PrometheusMissingError, promtool

FOLDER: Final = Path(__file__).parent
CONFIGURATION: Final = FOLDER / "prometheus.yaml"
RULES: Final = FOLDER / "rules.yaml"
TESTS: Final = FOLDER / "rules_test.yaml"

Check = Callable[[], str]
"""Returns what is wrong, or nothing. Raises PrometheusMissingError."""


def alerts() -> list[dict[str, Any]]:
    """The committed alerts, in their order."""
    groups = yaml.safe_load(RULES.read_text())["groups"]
    return [rule for group in groups for rule in group["rules"] if "alert" in rule]


def queries(rate: str) -> Iterator[tuple[Panel, Query]]:
    """Every query of the dashboard, its rates over `rate`, a duration such as 5m."""
    for row in ROWS:
        for panel in row.panels:
            for query in panel.queries:
                yield panel, Query(query.expr.replace(RATE, rate), query.legend)


def dashboard_queries() -> str:
    """Each is made a rule, because rules are what promtool parses."""
    rules = [
        {
            "record": "dashboard:query",
            "expr": query.expr,
            "labels": {"panel": panel.title, "is": query.legend},
        }
        for panel, query in queries("5m")
    ]
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}, file)
        file.flush()
        return _complaint("check", "rules", file.name)


def _complaint(*arguments: str) -> str:
    done = subprocess.run([promtool(), *arguments], capture_output=True, text=True, check=False)
    return f"{done.stdout}{done.stderr}".strip() if done.returncode else ""


CHECKS: Final[Mapping[str, Check]] = {
    "prometheus: scrape configuration": lambda: _complaint("check", "config", str(CONFIGURATION)),
    "prometheus: rules": lambda: _complaint("check", "rules", str(RULES)),
    "prometheus: tests of the rules": lambda: _complaint("test", "rules", str(TESTS)),
    "grafana: queries of the dashboard": dashboard_queries,
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
