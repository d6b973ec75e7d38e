"""In: the checks and one breakage for each. Out: whether each check notices its own.

A check that cannot fail is worthless, so each one runs on a copy of the repository with one thing broken.
"""

import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from deploy.checks.tools import Check, CheckError, existing

_COPIED: Final = (
    "deploy",
    "docs",
    "activities",
    "archon",
    "bridge",
    "intelligence",
    "kafka_ingress",
    "tests",
    "workflows",
)
_CHART: Final = "deploy/helm/archon-enrichment"


@dataclass(frozen=True)
class Breakage:
    """One replacement, by regular expression, in the first file that matches the pattern."""

    file: str
    pattern: str
    replacement: str


BREAKAGES: Final[Mapping[str, Breakage]] = {
    "dockerfile": Breakage("deploy/Dockerfile", r"^USER .*$", "USER root"),
    "compose": Breakage("deploy/compose.yaml", r"stop_grace_period: 30s", "stop_grace_period: 10s"),
    "compose secrets": Breakage(
        "deploy/compose.servers.yaml", r"PWD: \$\{TEMPORAL_DB_PASSWORD.*\}", "PWD: temporal"
    ),
    "helm lint": Breakage(f"{_CHART}/values.yaml", r"pullPolicy: IfNotPresent", "pullPolicy: Sometimes"),
    "helm manifests": Breakage(
        f"{_CHART}/templates/scaledobjects.yaml", "queueTypes: .*", "queueTypes: workflow"
    ),
    "helm workloads": Breakage(f"{_CHART}/templates/_helpers.tpl", "readOnlyRootFilesystem: true", ""),
    "helm settings": Breakage(f"{_CHART}/values.yaml", "  QDRANT_URL:", "  QDRANT_URI: x\n  QDRANT_URL:"),
    "helm refusals": Breakage(f"{_CHART}/values.schema.json", r', "not": \{"const": "latest"\}', ""),
    "prometheus": Breakage("deploy/prometheus/prometheus.yaml", "^scrape_configs:", "scrape_config:"),
    "alert rules": Breakage("deploy/prometheus/rules.yaml", "expr: ", "expr: ) "),
    "alert rule tests": Breakage("deploy/prometheus/tests/*.yaml", "input_series:", "input_serie:"),
    "dashboard queries": Breakage("deploy/grafana/dashboards/*.json", r'"expr": "', '"expr": ") '),
    "asyncapi": Breakage("docs/asyncapi.yaml", "action: (send|receive)", "action: shout"),
    "openapi": Breakage("docs/openapi/*.json", '"paths"', '"path"'),
    "site": Breakage("docs/search.md", r"#chunks-and-embeddings", "#chunks-and-embedding"),
}


def unnoticed(name: str, check: Check, root: Path) -> str | None:
    """Why the check with this name cannot be trusted; None if it fails on its breakage."""
    breakage = BREAKAGES.get(name)
    if breakage is None:
        return "there is no breakage for it in deploy/checks/proof.py"
    with _broken(root, breakage) as (copy, changed):
        if not changed:
            return f"{breakage.file}: nothing matches {breakage.pattern!r} any more"
        try:
            check(copy)
        except CheckError:
            return None
    return f"it did not notice {breakage.replacement!r} in {breakage.file}"


@contextmanager
def _broken(root: Path, breakage: Breakage) -> Iterator[tuple[Path, bool]]:
    """A copy with the breakage, and whether it could be applied."""
    with tempfile.TemporaryDirectory() as directory:
        copy = Path(directory)
        _copy(root, copy)
        target = existing(copy, breakage.file)[0]
        text, count = re.subn(
            breakage.pattern, breakage.replacement, target.read_text(), count=1, flags=re.MULTILINE
        )
        target.write_text(text)
        yield copy, count == 1


def _copy(root: Path, copy: Path) -> None:
    for name in _COPIED:
        shutil.copytree(root / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    for path in root.iterdir():
        if path.is_file():
            shutil.copy(path, copy)
