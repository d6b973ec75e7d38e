"""In: a duration. Out: the effect of a hostile key on a polite one: latency of its documents, and memory of
the services.

Run by `make neighbour`; the exit status is 1 if accepting took more than twice as long, enriching more than
three times, a document was lost, or a service has used more memory than its container has.
"""

import argparse
import asyncio
import contextlib
import json
import statistics
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import httpx
import psutil

from archon.cli.stack.own_stack import own_directory
from archon.cli.stack.up import until_interrupted
from archon.cli.terminal.output import err, out, table
from archon.devstack.process import ChildProcess
from archon.devstack.stack import Ports, running
from archon.runtime.tasks import running as background
from tests.e2e.keyed import add_key
from tests.neighbour.hostile import ATTACKS, hostile
from tests.neighbour.polite import Times, send

MOST: Final = {"accept": 2.0, "enriched": 3.0}
MEGABYTES: Final = {"bridge": 768, "ingress": 512, "worker": 1024, "intelligence": 2048}
"""Limits of the containers in deploy/compose.yaml."""
INTERRUPTED: Final = 130


@dataclass
class Found:
    """The measurements: alone, and with the hostile key."""

    alone: Times = field(default_factory=Times)
    beside: Times = field(default_factory=Times)
    peaks: dict[str, int] = field(default_factory=dict)
    answers: dict[str, int] = field(default_factory=dict)

    def ratio(self, what: str) -> float:
        return p95(getattr(self.beside, what)) / p95(getattr(self.alone, what))

    @property
    def well(self) -> bool:
        slow = any(self.ratio(what) > most for what, most in MOST.items())
        large = any(self.peaks[name] > most for name, most in MEGABYTES.items())
        return not (slow or large or self.alone.lost or self.beside.lost)


def p95(seconds: list[float]) -> float:
    return statistics.quantiles(seconds, n=20)[-1] if len(seconds) > 1 else float("inf")


async def measure(options: argparse.Namespace, found: Found) -> None:
    seconds = options.minutes * 60
    with own_directory(options.data_dir, "archon-neighbour-") as directory:
        keys = directory / "keys.json"
        own = {"API_KEYS_FILE": str(keys), "BRIDGE_API_KEY": add_key(keys, "*")}
        err.print("starting the stack")
        async with running(directory, Ports.free(), own) as stack:
            url = stack.environment["BRIDGE_URL"]
            headers = {"x-api-key": add_key(keys, ["polite"])}
            async with httpx.AsyncClient(base_url=url, headers=headers, timeout=60) as http:
                await send(http, "polite", 5)  # loads everything that is loaded on first use
                err.print(f"{seconds / 4:.0f} s alone ...")
                found.alone = await send(http, "polite", seconds / 4)
                key = add_key(keys, ["hostile"])
                services = {name: getattr(stack.services, name) for name in MEGABYTES}
                err.print(f"{seconds:.0f} s beside a hostile key ...")
                async with (
                    background(watch(services, found.peaks)),
                    hostile(url, "hostile", key, found.answers, options.attacks),
                ):
                    found.beside = await send(http, "polite", seconds)


async def watch(services: dict[str, ChildProcess], peaks: dict[str, int]) -> None:
    """Until cancelled, records the maximum megabytes of each service with all its processes."""
    while True:
        for name, service in services.items():
            if service.pid is not None:
                peaks[name] = max(peaks.get(name, 0), megabytes(service.pid))
        await asyncio.sleep(0.5)


def megabytes(pid: int) -> int:
    """Resident, of a process and those that it has started."""
    resident = 0
    with contextlib.suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        for each in (process, *process.children(recursive=True)):
            with contextlib.suppress(psutil.NoSuchProcess):
                resident += each.memory_info().rss
    return resident // 2**20


def show(found: Found) -> None:
    rows = [
        (
            what,
            *(f"{1000 * p95(getattr(times, what)):.0f}" for times in (found.alone, found.beside)),
            f"{found.ratio(what):.2f}",
            most,
        )
        for what, most in MOST.items()
    ]
    table("p95 of the polite key's documents", ("", "alone (ms)", "beside (ms)", "ratio", "at most"), rows)
    memory = [(name, found.peaks.get(name, 0), most) for name, most in MEGABYTES.items()]
    table("Peak memory", ("service", "MB", "at most"), memory)
    for each in (*found.alone.lost, *found.beside.lost):
        out.print(f"lost: {each}", markup=False)
    out.print(json.dumps(found.answers, indent=1), markup=False)


def main(given: list[str]) -> int:
    made = argparse.ArgumentParser(prog="make neighbour ARGS=...", description=__doc__)
    made.add_argument(
        "--minutes", type=float, default=4, help="documents next to the hostile key; default: %(default)s"
    )
    made.add_argument("--data-dir", type=Path, help="keep the stack's data and logs there")
    made.add_argument(
        "--attacks", nargs="*", choices=ATTACKS, default=list(ATTACKS), help="only these; default: all"
    )
    arguments = made.parse_args(given)
    found = Found()
    if not asyncio.run(until_interrupted(measure(arguments, found))):
        return INTERRUPTED
    show(found)
    return 0 if found.well else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
