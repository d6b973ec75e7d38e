"""In: deploy/prometheus. Out: what promtool says of its configuration, rules and the rules' tests."""

import shutil
from pathlib import Path
from typing import Final

from deploy.checks.tools import BIN, CheckError, existing, run

_INSTALL: Final = "promtool is not installed: apt-get install prometheus, or put it on the PATH"


def configuration(root: Path) -> str:
    """The configuration and the rule files that it names."""
    (config,) = existing(root, "deploy/prometheus/prometheus.yaml")
    run([_promtool(), "check", "config", config], cwd=root)
    return config.name


def rules(root: Path) -> str:
    """The rules; those that are there twice are an error too."""
    found = existing(root, "deploy/prometheus/rules*.yaml")
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
