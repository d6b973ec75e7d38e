"""In: deploy/prometheus, deploy/grafana. Out: promtool's verdict on configuration, rules and queries."""

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml

from deploy.checks.tools import CheckError, existing, read_yaml, require, run
from deploy.prometheus.binary import PrometheusMissingError, promtool
from deploy.prometheus.committed import queries


def configuration(root: Path) -> str:
    """The configuration, and that each service's host name exists in compose.

    Only the syntax: the secret files exist only in a deployment.
    """
    (config,) = existing(root, "deploy/prometheus/prometheus.yaml")
    run([_promtool(), "check", "config", "--syntax-only", config], cwd=root)
    files = existing(root, "deploy/compose*.yaml")
    services = {name for path in files for name in read_yaml(path)["services"]} | {"localhost"}
    hosts = set(_hosts(read_yaml(config)["scrape_configs"]))
    require([f"{host}: no service of compose has this name" for host in sorted(hosts - services)])
    return f"{len(hosts)} hosts"


def _hosts(jobs: Sequence[Any]) -> Iterator[str]:
    for job in jobs:
        for group in job.get("static_configs", []):
            yield from (target.rpartition(":")[0] for target in group["targets"])
        for group in job.get("dns_sd_configs", []):
            yield from group["names"]


def rules(root: Path) -> str:
    """The rules; duplicates are an error too."""
    found = existing(root, "deploy/prometheus/rules.yaml")
    run([_promtool(), "check", "rules", "--lint=all", "--lint-fatal", *found], cwd=root)
    return f"{len(found)} files"


def rule_tests(root: Path) -> str:
    """Each rule's own tests."""
    found = existing(root, "deploy/prometheus/tests/*.yaml")
    run([_promtool(), "test", "rules", *found], cwd=root / "deploy/prometheus/tests")
    return f"{len(found)} files"


def dashboard_queries(root: Path) -> str:
    """Each query becomes a rule, because promtool only parses rules."""
    found = existing(root, "deploy/grafana/dashboards/*.json")
    rules = [
        {
            "record": "dashboard:query",
            "expr": query.expr,
            "labels": {"panel": query.panel, "of": query.legend},
        }
        for query in queries("5m", found[0].parent)
    ]
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        yaml.safe_dump({"groups": [{"name": "dashboards", "rules": rules}]}, file)
        file.flush()
        run([_promtool(), "check", "rules", file.name], cwd=root)
    return f"{len(rules)} queries of {len(found)} dashboards"


def _promtool() -> Path:
    try:
        return promtool()
    except PrometheusMissingError as error:
        raise CheckError(str(error)) from error
