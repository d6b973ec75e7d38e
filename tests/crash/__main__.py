"""In: points to crash at, by default all. Out: a table of points against invariants.

Run by `make crash`; the exit status shows whether all hold.
"""

import asyncio
import logging
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.table import Table

from archon.devstack.stack import Ports, running
from tests.crash.invariants import INVARIANTS
from tests.crash.matrix import OVERRIDES, POINTS, Row, rehearse

COLUMNS = ("reached", "at rest", *INVARIANTS)


async def run(points: list[str], console: Console) -> list[Row]:
    rows = []
    with tempfile.TemporaryDirectory(prefix="archon-crash-") as directory:
        async with running(Path(directory), Ports.free(), OVERRIDES) as stack:
            for point in points:
                with console.status(f"{len(rows) + 1} of {len(points)} · {point}"):
                    rows.append(await rehearse(stack, point))
    return rows


def show(rows: list[Row], console: Console) -> None:
    table = Table("crash", "documents", *COLUMNS, "seconds", box=None, pad_edge=False, header_style="bold")
    for row in rows:
        cells = ["[red]BROKEN[/red]" if row.broken.get(name) else "ok" for name in COLUMNS]
        table.add_row(row.point, str(row.submitted), *cells, f"{row.seconds:.0f}")
    console.print(table)
    for row in rows:
        for name, lines in row.broken.items():
            for line in lines:
                console.print(f"{row.point} · {name}: {line}", markup=False)


def main(arguments: list[str]) -> int:
    logging.getLogger().addHandler(logging.NullHandler())  # drivers complain about servers killed on purpose
    console = Console(width=None if sys.stdout.isatty() else 160, highlight=False)
    points = [point for point in POINTS if not arguments or any(each in point for each in arguments)]
    if not points:
        console.print(f"No such point; there are: {', '.join(POINTS)}")
        return 2
    rows = asyncio.run(run(points, console))
    show(rows, console)
    broken = sum(not row.holds for row in rows)
    console.print(f"{len(rows) - broken} of {len(rows)} crashes lose nothing")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
