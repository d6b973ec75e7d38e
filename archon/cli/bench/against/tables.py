"""In: the results of two commits' runs. Out: the table for people."""

from archon.cli.bench.against.result import Against, Spread
from archon.cli.terminal.output import out, table


def print_against(found: Against) -> None:
    """One figure per line: medians, ranges, and the ratio of head to base."""
    out.print(f"base: {found.base}\nhead: {found.head}", markup=False)
    columns = ("figure", "unit", "base", "(least..most)", "head", "(least..most)", "head/base")
    rows = [
        (
            each.name,
            each.unit,
            *_cells(each.base),
            *_cells(each.head),
            "" if each.ratio is None else f"{each.ratio:.2f}",
        )
        for each in found.figures
    ]
    table(f"Medians of {found.rounds} alternating runs each", columns, rows)


def _cells(spread: Spread | None) -> tuple[str, str]:
    if spread is None:
        return "", ""
    return f"{spread.median:g}", f"{spread.least:g}..{spread.most:g}"
