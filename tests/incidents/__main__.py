"""In: the incidents to provoke. Out: a table of the sources that named each, of losses, and of the recovery.

Run by `make incidents`; the exit status is 1 if an incident was not named, not recovered from, or has lost a
document.
"""

import argparse
import sys
from typing import Final

from archon.cli.stack.own_stack import own_directory
from archon.cli.terminal.output import err, out, table
from tests.incidents.estate import estate
from tests.incidents.handling import Handled, handle
from tests.incidents.incidents import INCIDENTS
from tests.rehearsing import INTERRUPTED, parsed, parser, printed

SOURCES: Final = ("log", "health", "status", "doctor")
COLUMNS: Final = (
    "incident",
    *(f"{each} (s)" for each in SOURCES),
    "accepted",
    "lost",
    "parked",
    "recovered (s)",
    "",
)


async def provoke(arguments: argparse.Namespace, handled: list[Handled]) -> None:
    with own_directory(arguments.data_dir, "archon-incidents-") as directory:
        err.print("starting the stack")
        async with estate(directory) as running:
            for number, name in enumerate(arguments.only, 1):
                incident = INCIDENTS[name]
                if not incident.needs(running):
                    err.print(f"{name} · not provoked: it needs the right to mount a file system")
                    continue
                err.print(f"{number} of {len(arguments.only)} · {name} ...")
                handled.append(await handle(running, name, incident))
                err.print(" · ".join(map(str, _cells(handled[-1]))), markup=False)


def _cells(each: Handled) -> tuple[object, ...]:
    return (
        each.name,
        *(each.signals.named.get(source, "-") for source in SOURCES),
        each.accepted,
        len(each.lost),
        each.parked if each.parked == each.expected_parked else f"{each.parked}, not {each.expected_parked}",
        "never" if each.recovery is None else each.recovery,
        "ok" if each.well else "NOT WELL",
    )


def show(handled: list[Handled]) -> None:
    table("", COLUMNS, [_cells(each) for each in handled])
    for each in handled:
        for line in each.disagreements:
            out.print(f"{each.name} · {line}", markup=False)
        if each.lost:
            out.print(f"{each.name} · lost: {' '.join(each.lost)}", markup=False)
        if not each.named:
            for source, said in each.signals.last.items():
                out.print(f"{each.name} · {source} said: {said.strip()[-600:]}", markup=False)


def main(given: list[str]) -> int:
    arguments = parsed(parser("make incidents", __doc__, INCIDENTS), given, INCIDENTS)
    handled: list[Handled] = []
    if not printed(provoke(arguments, handled), arguments.output, handled, show):
        return INTERRUPTED
    return 0 if all(each.well for each in handled) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
