"""In: what two commits' runs have found. Out: the table people read."""

from archon.cli.bench.against.result import Against, Spread
from archon.cli.terminal.output import out, table


def print_against(found: Against) -> None:
    """One figure a line: the medians, what they lie between, and the head's over the base's."""
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
    table(f"Medians of {found.rounds} runs each, in turn", columns, rows)


def _cells(spread: Spread | None) -> tuple[str, str]:
    if spread is None:
        return "", ""
    return f"{spread.median:g}", f"{spread.least:g}..{spread.most:g}"
