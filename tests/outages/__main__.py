"""In: the servers to take away, and for how long. Out: a table of the effects on histories and documents.

Run by `make outages`; the exit status is 1 if a document is parked or lost, or a history has become long.
"""

import argparse
import contextlib
import sys
import time
from collections.abc import Callable, Coroutine, Iterator
from functools import partial
from typing import Any, Final

from archon.cli.stack.own_stack import own_directory
from archon.cli.terminal.output import err, out, table
from archon.devstack.stack import Ports, Stack, running
from tests.outages.rehearsal import Found, Plan, Show, at_rest, backlog, rehearse
from tests.outages.servers import OUTAGES
from tests.rehearsing import INTERRUPTED, parsed, parser, printed

MOST_EVENTS: Final = 60
AT_REST: Final = 20
SECONDS_BETWEEN_LINES: Final = 10.0
COLUMNS: Final = (
    "away",
    "documents",
    "under way",
    "tried, refused",
    "events mean",
    "max",
    "transitions mean",
    "max",
    "parked",
    "lost",
    "seconds to recover",
)
Row = Callable[[Stack, Show], Coroutine[Any, Any, Found]]


def rows(arguments: argparse.Namespace) -> list[Row]:
    """The possible measurements, in order."""
    plan = Plan(arguments.documents, arguments.more, arguments.seconds)
    found: list[Row] = []
    if arguments.backlog:
        found += [partial(at_rest, documents=AT_REST), partial(backlog, documents=arguments.backlog)]
    return found + [partial(rehearse, what=name, outage=OUTAGES[name], plan=plan) for name in arguments.only]


async def measure(arguments: argparse.Namespace, found: list[Found]) -> None:
    with own_directory(arguments.data_dir, "archon-outages-") as directory, _progress() as show:
        show("starting the stack")
        async with running(directory, Ports.free()) as stack:
            for row in rows(arguments):
                found.append(await row(stack, show))
                err.print(_line(found[-1]))


@contextlib.contextmanager
def _progress() -> Iterator[Show]:
    """A changing line; without a terminal, a line at intervals."""
    if err.is_terminal:
        with err.status("") as status:
            yield status.update
        return
    last = -SECONDS_BETWEEN_LINES

    def tell(what: str) -> None:
        nonlocal last
        if time.monotonic() - last >= SECONDS_BETWEEN_LINES:
            last = time.monotonic()
            err.print(what)

    yield tell


def show(found: list[Found]) -> None:
    table("", COLUMNS, [_cells(each) for each in found])
    for each in found:
        longest = each.histories
        if longest.events_max > MOST_EVENTS:
            out.print(f"{each.what} · longest: {longest.longest_id} {longest.longest}", markup=False)
        for fate, ids in (("parked", each.parked), ("lost", each.lost)):
            if ids:
                out.print(f"{each.what} · {fate}: {' '.join(ids)}", markup=False)


def _cells(found: Found) -> tuple[object, ...]:
    measured = found.histories
    return (
        found.what,
        found.documents,
        found.under_way if found.tried else "",
        f"{found.tried}, {found.refused}" if found.tried else "",
        measured.events_mean,
        measured.events_max,
        measured.transitions_mean,
        measured.transitions_max,
        len(found.parked),
        len(found.lost),
        "" if found.recovery is None else found.recovery,
    )


def _line(found: Found) -> str:
    return " · ".join(
        f"{name} {cell}" for name, cell in zip(COLUMNS, _cells(found), strict=True) if cell != ""
    )


def arguments_of(given: list[str]) -> argparse.Namespace:
    made = parser("make outages", __doc__, OUTAGES)
    made.add_argument("--seconds", type=float, default=180, help="how long a server stays away")
    made.add_argument("--documents", type=int, default=50, help="documents under way when it goes")
    made.add_argument("--more", type=int, default=10, help="documents tried while it is away")
    made.add_argument("--backlog", type=int, default=0, help="first this many at once, and a few at rest")
    return parsed(made, given, OUTAGES)


def main(given: list[str]) -> int:
    arguments = arguments_of(given)
    found: list[Found] = []
    if not printed(measure(arguments, found), arguments.output, found, show):
        return INTERRUPTED
    return 0 if all(each.holds(MOST_EVENTS) for each in found) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
