"""In: names of checks, or none for all. Out: a table of their results; exit code 1 if a check has failed.

`--prove` also runs each check on a broken file, and fails checks that do not notice.
"""

import argparse
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from deploy.checks import chart, compose, prometheus, site, specifications
from deploy.checks.proof import unnoticed
from deploy.checks.tools import Check, CheckError

ROOT: Final = Path(__file__).parents[2]
CHECKS: Final[Mapping[str, Check]] = {
    "dockerfile": compose.dockerfile,
    "compose": compose.compose_file,
    "compose secrets": compose.compose_secrets,
    "helm lint": chart.lint,
    "helm manifests": chart.manifests,
    "helm workloads": chart.workloads,
    "helm settings": chart.chart_settings,
    "helm refusals": chart.refusals,
    "prometheus": prometheus.configuration,
    "alert rules": prometheus.rules,
    "alert rule tests": prometheus.rule_tests,
    "dashboard queries": prometheus.dashboard_queries,
    "asyncapi": specifications.asyncapi,
    "openapi": specifications.openapi,
    "site": site.site,
}


def main() -> int:
    arguments = _arguments()
    chosen = arguments.checks or list(CHECKS)
    width = max(map(len, CHECKS))
    print(f"{'check':<{width}}  result  seconds  what")
    failures = {}
    for name in chosen:
        began = time.monotonic()
        failure, summary = _result(name, prove=arguments.prove)
        if failure:
            failures[name] = failure
        print(
            f"{name:<{width}}  {'failed' if failure else 'ok':<6}  {time.monotonic() - began:7.1f}  {summary}"
        )
        sys.stdout.flush()
    for name, failure in failures.items():
        print(f"\n{name}: {failure}", file=sys.stderr)
    print(f"{len(chosen) - len(failures)} passed, {len(failures)} failed")
    return 1 if failures else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m deploy.checks", description=__doc__)
    parser.add_argument("checks", nargs="*", choices=[*CHECKS, []], metavar="CHECK", help=", ".join(CHECKS))
    parser.add_argument("--prove", action="store_true", help="also break a file for each check")
    return parser.parse_args()


def _result(name: str, *, prove: bool) -> tuple[str | None, str]:
    """The reason if it failed, and the summary."""
    check = CHECKS[name]
    try:
        summary = check(ROOT)
        failure = unnoticed(name, check, ROOT) if prove else None
    except CheckError as error:
        return str(error), ""
    return failure, summary


if __name__ == "__main__":
    sys.exit(main())
