"""In: the results of two commits' runs. Out: the table for people."""

from archon.cli.bench.against.result import Against, Spread
from archon.cli.terminal.output import out, table


def print_against(found: Against) -> None:
    """One figure per line: medians and ranges, also of the ratio of head to base."""
    out.print(f"base: {found.base}\nhead: {found.head}", markup=False)
    columns = (
        "figure",
        "unit",
        "base",
        "(least..most)",
        "head",
        "(least..most)",
        "head/base",
        "(least..most)",
    )
    rows = [
        (
            each.name,
            each.unit,
            *_cells(each.base),
            *_cells(each.head),
            *_cells(each.ratio, ".2f"),
        )
        for each in found.figures
    ]
    table(f"Medians of {found.rounds} rounds", columns, rows)


def _cells(spread: Spread | None, digits: str = "g") -> tuple[str, str]:
    if spread is None:
        return "", ""
    return f"{spread.median:{digits}}", f"{spread.least:{digits}}..{spread.most:{digits}}"
