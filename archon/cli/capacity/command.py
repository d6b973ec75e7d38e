"""In: a rate and a number of documents. Out: `enrich plan`, the resources that every part needs.

The computation is imported on use.
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
    rate: Annotated[
        float, typer.Option(help="New or changed documents per second, sustained for days.")
    ] = 100,
    documents: Annotated[
        int, typer.Option(min=0, max=_MOST, help="Number of stored documents.")
    ] = 10_000_000,
    from_report: Annotated[
        Path | None,
        typer.Option(
            "--from",
            help="Take processor times and history from this report of `enrich bench`.",
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
            f"{number(rate)} documents per second, {number(documents)} documents; "
            f"costs of {measured.source}, {measured.measured_on}, {measured.cpus} processors"
        )
        rows = [(each.part, each.what, amount(each), full_at(each), each.moved_by) for each in found]
        table(title, ("part", "what", "needs", "one, or the default, is full at", "what moves that"), rows)
        out.print("\nMeasured on one machine with embedded servers, the rest is computed: see docs/scale.md.")


def _measured(report: Path | None) -> "Measured":
    from archon.cli.capacity.measured import Measured  # noqa: PLC0415

    shipped = Measured.shipped()
    if report is None:
        return shipped
    from archon.cli.bench.measured.report import read  # noqa: PLC0415

    return shipped.costs_of(read(report), report.name)
