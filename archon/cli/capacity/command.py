"""In: a rate and a number of documents. Out: `enrich plan`, what they need of every part.

What computes is imported when it is run.
"""

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from archon.cli.terminal.output import Format, FormatOption, exit_codes, out, print_json, table
from archon.contracts.errors import InvalidInputError

if TYPE_CHECKING:
    from archon.cli.capacity.measured import Measured

_MOST: int = 10**15


def plan(
    rate: Annotated[float, typer.Option(help="Documents a second, new or changed, for days on end.")] = 100,
    documents: Annotated[int, typer.Option(min=0, max=_MOST, help="How many are kept.")] = 10_000_000,
    from_report: Annotated[
        Path | None,
        typer.Option(
            "--from",
            help="Processor times and history from this report of `enrich bench`, not those of this version.",
        ),
    ] = None,
    output: FormatOption = Format.TABLE,
) -> None:
    """Compute what a rate and a number of documents need, and what is full first (docs/scale.md)."""
    from archon.cli.capacity.needs import needs  # noqa: PLC0415
    from archon.cli.capacity.shown import amount, full_at, number  # noqa: PLC0415

    with exit_codes():
        if not (0 < rate <= _MOST and math.isfinite(rate)):
            raise InvalidInputError("--rate", f"must be above 0 and at most {_MOST:,}")
        measured = _measured(from_report)
        found = needs(measured, rate, documents)
        if output is Format.JSON:
            costs = measured.model_dump(mode="json")
            plain = [each.model_dump(mode="json") for each in found]
            print_json({"rate": rate, "documents": documents, "needs": plain, "measured": costs})
            return
        title = (
            f"{number(rate)} documents a second, {number(documents)} documents; costs of {measured.source}, "
            f"{measured.measured_on}, {measured.cpus} processors"
        )
        rows = [(each.part, each.what, amount(each), full_at(each), each.moved_by) for each in found]
        table(title, ("part", "what", "needs", "one, or the default, is full at", "what moves that"), rows)
        out.print("\nMeasured on one machine with embedded servers, all else computed: see docs/scale.md.")


def _measured(report: Path | None) -> "Measured":
    from archon.cli.capacity.measured import Measured  # noqa: PLC0415

    shipped = Measured.shipped()
    if report is None:
        return shipped
    from archon.cli.bench.measured.report import read  # noqa: PLC0415

    return shipped.costs_of(read(report), report.name)
