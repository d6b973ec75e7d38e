"""In: deploy/prometheus. Out: what promtool says of its configuration, rules and the rules' tests."""

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from deploy.checks.tools import BIN, CheckError, existing, read_yaml, require, run

_INSTALL: Final = "promtool is not installed: apt-get install prometheus, or put it on the PATH"


def configuration(root: Path) -> str:
    """The configuration, and that it looks for each service under a name that compose gives it.

    Its syntax alone: the secrets that it names are where it runs.
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
    """The rules; those that are there twice are an error too."""
    found = existing(root, "deploy/prometheus/rules.yaml")
    run([_promtool(), "check", "rules", "--lint=all", "--lint-fatal", *found], cwd=root)
    return f"{len(found)} files"


def rule_tests(root: Path) -> str:
    """Each rule's own tests."""
    found = existing(root, "deploy/prometheus/tests/*.yaml")
    run([_promtool(), "test", "rules", *found], cwd=root / "deploy/prometheus/tests")
    return f"{len(found)} files"


def _promtool() -> Path:
    found = shutil.which("promtool", path=f"{BIN}") or shutil.which("promtool")
    if found is None:
        raise CheckError(_INSTALL)
    return Path(found)
