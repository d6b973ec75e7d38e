"""In: a stack under load and with failures, and a real Prometheus. Out: tables of metrics, queries and
alerts.

Run by `make monitoring`; the exit status shows whether every metric has a sample, every query of the
dashboard returns data, and the circuit breaker's alert fires and resolves.
"""

import argparse
import asyncio
import logging
import sys
import tempfile
from pathlib import Path

import httpx
from rich.console import Console
from rich.table import Table

from archon.devstack.stack import Ports, running
from deploy.prometheus.binary import PrometheusMissingError
from tests.crash.load import Load
from tests.monitoring import findings
from tests.monitoring.findings import Finding
from tests.monitoring.server import Answers, watching
from tests.monitoring.trouble import OVERRIDES, STEPS

Tables = dict[tuple[str, ...], list[Finding]]


async def run(hold: int | None, console: Console) -> Tables:
    with tempfile.TemporaryDirectory(prefix="archon-monitoring-") as directory:
        async with (
            running(Path(directory) / "stack", Ports.free(), OVERRIDES) as stack,
            watching(stack, Path(directory) / "prometheus", hold) as server,
            httpx.AsyncClient(base_url=server.url, timeout=30) as http,
        ):
            answers, load = Answers(http), Load(stack.settings)
            for number, (name, step) in enumerate(STEPS.items(), 1):
                with console.status(f"{number} of {len(STEPS)} · {name}"):
                    await step(stack, answers, load)
            return {
                ("service", "series", "found", "sum"): await findings.of_metrics(answers),
                ("panel", "query", "series", "first"): await findings.of_queries(answers),
                ("alert", "for", "for here", "pending (s)", "firing (s)", "now"): await findings.of_alerts(
                    answers
                ),
            }


def show(tables: Tables, console: Console) -> None:
    for columns, found in tables.items():
        table = Table(*columns, "", box=None, pad_edge=False, header_style="bold")
        for each in found:
            table.add_row(*each.cells, {True: "ok", False: "[red]MISSING[/red]", None: ""}[each.holds])
        console.print(table)
        console.print()


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="make monitoring", description=__doc__.splitlines()[0])
    parser.add_argument(
        "--for",
        type=int,
        default=5,
        metavar="SECONDS",
        dest="hold",
        help="how long each alert must hold before it fires, instead of what the rules say; default 5",
    )
    parser.add_argument(
        "--as-committed",
        action="store_const",
        const=None,
        dest="hold",
        help="what the rules say: five minutes more",
    )
    given = parser.parse_args(arguments)
    logging.getLogger().addHandler(logging.NullHandler())  # drivers complain about servers killed on purpose
    console = Console(width=None if sys.stdout.isatty() else 160, highlight=False)
    try:
        tables = asyncio.run(run(given.hold, console))
    except PrometheusMissingError as error:
        console.print(str(error), markup=False)
        return 2
    show(tables, console)
    missing = [each for found in tables.values() for each in found if each.holds is False]
    counted = sum(each.holds is not None for found in tables.values() for each in found)
    console.print(f"{counted - len(missing)} of {counted} are as they should be")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
