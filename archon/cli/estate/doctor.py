"""In: the installation that the settings name. Out: problems with cause and next step.

Server clients are imported on use: they take most of a second.
"""

import asyncio
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

import typer
from rich.markup import escape

from archon.cli.estate import shown as estate
from archon.cli.stack.control import HERE, DataDir
from archon.cli.terminal.output import (
    Exit,
    Format,
    FormatOption,
    exit_codes,
    out,
    print_json,
    printable,
    status,
)
from archon.clients.bridge import BridgeApi
from archon.contracts.errors import ArchonError, StackUnavailableError
from archon.contracts.estate import EstateStatus, Part, PartName
from archon.runtime.misspelt import misspelt
from archon.runtime.settings import Settings

if TYPE_CHECKING:
    from archon.cli.estate.diagnosis import Facts, Finding, OwnPart

_BRIDGE_SECONDS: Final = 8.0
_PARTS: Final = {"vectors": PartName.QDRANT}
"""Services of `enrich up` whose part has another name."""


def doctor(data_dir: DataDir = HERE, output: FormatOption = Format.TABLE) -> None:
    """Check every part, and say what is wrong, why, and what to do next, causes first.

    Takes ten seconds at most, whatever is down. Exits with 10 when something is wrong.
    """
    from archon.cli.estate.diagnosis import diagnose  # noqa: PLC0415

    with exit_codes():
        settings = Settings.load()
        with status("Checking every part ..."):
            facts = asyncio.run(_facts(settings, data_dir))
    findings = diagnose(facts)
    if output is Format.JSON:
        parts = [part.model_dump(mode="json") for part in facts.parts]
        print_json({"parts": parts, "findings": [each.model_dump(mode="json") for each in findings]})
    else:
        estate.print_parts(facts.parts)
        _print_findings(findings)
    if findings:
        raise typer.Exit(Exit.UNHEALTHY)


async def _facts(settings: Settings, data_dir: Path) -> "Facts":
    from archon.cli.estate import asking  # noqa: PLC0415
    from archon.cli.estate.diagnosis import Facts  # noqa: PLC0415

    parts, seen_by_bridge, lag, clocks, dimensions, own = await asyncio.gather(
        asking.parts(settings),
        _by_the_bridge(settings),
        asking.lag(settings),
        asking.clocks(settings),
        asking.dimensions(settings),
        _own(settings, data_dir),
    )
    # Only services must be able to reach the content store, so its state comes from the bridge.
    content = [part for part in seen_by_bridge.parts if part.name is PartName.CONTENT]
    seen = [*(_remembered(part, seen_by_bridge.parts) for part in parts), *content]
    return Facts(
        parts=sorted(seen, key=lambda part: list(PartName).index(part.name)),
        waiting=seen_by_bridge.waiting,
        misspelt=misspelt(os.environ),
        lag=lag,
        clocks=dict(clocks),
        dimensions=dimensions,
        wanted_dimensions=settings.embedding_dimensions,
        own=own,
    )


async def _own(settings: Settings, data_dir: Path) -> "dict[PartName, OwnPart]":
    """The processes that `enrich up` runs on this data directory, if the settings name that installation."""
    from archon.cli.estate.diagnosis import OwnPart  # noqa: PLC0415
    from archon.devstack.control import Command, ask  # noqa: PLC0415
    from archon.devstack.supervision import State  # noqa: PLC0415

    try:
        services = (await ask(data_dir, Command(verb="list"))).services
    except StackUnavailableError:
        return {}
    if not any(each.address == settings.bridge_url for each in services):
        return {}
    return {
        _PARTS.get(each.service) or PartName(each.service): OwnPart(
            service=each.service, stopped=each.state is State.STOPPED
        )
        for each in services
    }


async def _by_the_bridge(settings: Settings) -> EstateStatus:
    """The bridge has observed the parts before, and knows what documents wait for. Empty if it does not
    answer."""
    with suppress(ArchonError, TimeoutError):
        async with asyncio.timeout(_BRIDGE_SECONDS), BridgeApi.connect(settings) as api:
            return await api.status()
    return EstateStatus(parts=[], waiting=[])


def _remembered(part: Part, by_the_bridge: Sequence[Part]) -> Part:
    """Adds the times that the bridge knows, if it sees the part in the same state."""
    for other in by_the_bridge:
        if other.name is part.name and other.status is part.status:
            return part.model_copy(update={"since": other.since, "last_seen": other.last_seen})
    return part


def _print_findings(findings: "Sequence[Finding]") -> None:
    for number, finding in enumerate(findings, 1):
        mark = " (a consequence)" if finding.consequence_of else ""
        out.print()
        out.print(f"[bold]{number}. {escape(printable(finding.what))}{mark}[/bold]")
        out.print(f"   why   {escape(printable(finding.why))}")
        out.print(f"   next  {escape(printable(finding.next))}")
    if not findings:
        out.print()
        out.print("Nothing is wrong.")
