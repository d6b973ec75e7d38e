"""In: the state of every part, and what documents wait for. Out: a line each, for people, or one JSON value.

If the bridge does not answer, the parts are checked from here. The clients for that are imported on use: they
take most of a second.
"""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime

from rich.markup import escape

from archon.cli.ingest import report
from archon.cli.terminal.output import Format, out, print_json, printable, table
from archon.cli.terminal.output import counted as number
from archon.clients.bridge import BridgeApi
from archon.contracts.errors import ArchonError, StoreUnavailableError
from archon.contracts.estate import Cause, EstateStatus, Part, PartName, PartStatus, WaitingFor
from archon.contracts.views import Statistics
from archon.runtime.settings import Settings


async def show(api: BridgeApi, settings: Settings, project: str | None, output: Format) -> None:
    """Shows counts, parts and causes. Known facts are printed before the error that prevented the rest is
    raised."""
    statistics, found = await asyncio.gather(
        api.statistics(project), api.status(project), return_exceptions=True
    )
    if isinstance(found, StoreUnavailableError):
        found = await asked_from_here(settings, found)
    if isinstance(found, BaseException):
        raise found
    counts = statistics if isinstance(statistics, Statistics) else None
    if output is Format.JSON:
        known = counts.model_dump(mode="json") if counts is not None else {}
        print_json({**known, **found.model_dump(mode="json")})
    else:
        if counts is not None:
            report.print_statistics(counts)
            out.print()
        print_parts(found.parts)
        for cause in found.waiting:
            out.print(escape(printable(counted(cause))))
    if isinstance(statistics, BaseException):
        raise statistics


async def asked_from_here(settings: Settings, error: ArchonError) -> EstateStatus:
    """The parts only, if the bridge does not answer."""
    from archon.cli.estate.asking import parts  # noqa: PLC0415

    return EstateStatus(parts=await parts(settings), waiting=[], problem=str(error))


def print_parts(parts: Sequence[Part]) -> None:
    """One line each: status, start, version, and the address or the reason why it does not answer."""
    columns = ("part", "status", "since", "last seen", "version", "")
    rows = [
        (
            part.name,
            part.status,
            moment(part.since),
            ago(part.last_seen) if part.status is PartStatus.DOWN else None,
            part.version,
            bare(part.name, part.reason) or "; ".join(map(sentence, part.waiting_for)) or _where(part),
        )
        for part in parts
    ]
    table("", columns, rows)


def _where(part: Part) -> str | None:
    """The address, and the clock's difference if it is out of sync."""
    if part.clock_ahead is None or not part.clock_is_off:
        return part.address
    return "; ".join(filter(None, (part.address, f"its clock is {apart(part.clock_ahead)}")))


def apart(ahead: float) -> str:
    """The difference of two clocks, such as `42 s behind`."""
    return f"{abs(ahead):.0f} s {'ahead' if ahead > 0 else 'behind'}"


def counted(cause: Cause) -> str:
    """Such as `60 documents wait for the worker since 19:51:07 (...), next try in 12 s`; without a status,
    because a document with a run may still be pending in the graph."""
    about = "about " if cause.estimated else ""
    return about + number(
        cause.documents, sentence(cause, "document waits"), sentence(cause, "documents wait")
    )


def sentence(waiting: WaitingFor, verb: str = "waits") -> str:
    """The part that is waited for, since when, the reason, and the next attempt."""
    since = f" since {moment(waiting.since)}" if waiting.since is not None else ""
    again = f", next try {_ahead(waiting.next_try)}" if waiting.next_try is not None else ""
    reason = bare(waiting.service, waiting.reason)
    return f"{verb} for {waiting.service.spoken}{since} ({reason}){again}"


def bare(name: PartName, reason: str | None) -> str:
    """A reason without the name of its part, for lines that already have the name."""
    return (reason or "").removeprefix(f"{name}: ").removeprefix(f"{name.spoken} at ")


def moment(when: datetime | None) -> str | None:
    """The time of today, or date and time."""
    if when is None:
        return None
    local = when.astimezone()
    today = local.date() == datetime.now().astimezone().date()
    return f"{local:%H:%M:%S}" if today else f"{local:%Y-%m-%d %H:%M}"


def ago(when: datetime | None) -> str | None:
    if when is None:
        return None
    seconds = (datetime.now(UTC) - when).total_seconds()
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit} ago"
    return f"{seconds:.0f} s ago"


def _ahead(when: datetime) -> str:
    seconds = (when - datetime.now(UTC)).total_seconds()
    return f"in {seconds:.0f} s" if seconds >= 1 else "now"
