"""In: the reports of both commits' runs. Out: medians and spreads of each figure and of its ratio, and unmet
requirements."""

import operator
import re
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Self

from archon.cli.bench.measured.comparison import figures_of
from archon.cli.bench.measured.report import BenchReport
from archon.contracts.errors import InvalidInputError
from archon.contracts.types import Model


class Spread(Model):
    """A figure over several runs of one commit."""

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Self:
        return cls(median=round(statistics.median(values), 3), least=min(values), most=max(values))


class Compared(Model):
    """`ratio`: head to base, of the two runs of each round; None if undefined."""

    name: str
    unit: str
    base: Spread | None
    head: Spread | None
    ratio: Spread | None


class Against(Model):
    """The complete result. `base` and `head`: the commits; `unmet`: each unmet requirement with the reason;
    `failures`: each incomplete run."""

    base: str
    head: str
    rounds: int
    figures: list[Compared]
    unmet: list[str]
    failures: list[str]
    base_runs: list[BenchReport]
    head_runs: list[BenchReport]


def compared(base: Sequence[BenchReport], head: Sequence[BenchReport]) -> list[Compared]:
    """All figures that every run of at least one commit has."""
    of_base, of_head = _values(base), _values(head)
    return [
        Compared(
            name=name,
            unit=unit,
            base=Spread.of(before) if before else None,
            head=Spread.of(after) if after else None,
            ratio=_ratio(before, after),
        )
        for name, unit in dict.fromkeys([*of_base, *of_head])
        for before, after in [(of_base.get((name, unit), ()), of_head.get((name, unit), ()))]
    ]


def failures(name: str, runs: Sequence[BenchReport]) -> list[str]:
    """Runs of a commit in which a document was not accepted or enriched, or a figure is missing."""
    found = []
    for number, run in enumerate(runs, 1):
        missing = run.parameters.documents - run.validation.enriched
        found += [f"{name}, round {number}: {missing} documents are not enriched"] if missing else []
        found += [f"{name}, round {number}: {note}" for note in run.notes]
    return found


def _ratio(base: Sequence[float], head: Sequence[float]) -> Spread | None:
    """Of neighbouring runs: a machine that becomes slower changes both."""
    if not (base and head and all(base)):
        return None
    return Spread.of([round(after / before, 3) for before, after in zip(base, head, strict=True)])


def _values(reports: Sequence[BenchReport]) -> dict[tuple[str, str], Sequence[float]]:
    """The figures that every report has."""
    runs = [dict(figures_of(report)) for report in reports]
    found = {key: [value for run in runs if (value := run.get(key)) is not None] for key in runs[0]}
    return {key: values for key, values in found.items() if len(values) == len(runs)}


_COMPARISONS: Final[Mapping[str, Callable[[float, float], bool]]] = {
    ">=": operator.ge,
    "<=": operator.le,
}


@dataclass(frozen=True)
class Requirement:
    """`absolute`: applies to the head's median instead of the ratio."""

    name: str
    comparison: str
    bound: float
    absolute: bool

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises InvalidInputError."""
        found = re.fullmatch(r"\s*(head\s)?\s*(.+?)\s*([<>]=)\s*(\d+(?:\.\d+)?)\s*", text.replace("_", " "))
        if found is None:
            raise InvalidInputError("--require", f"{text!r} is not like 'enriched>=2.2' or 'head errors<=0'")
        return cls(found[2].lower(), found[3], float(found[4]), absolute=found[1] is not None)

    def unmet(self, figures: Sequence[Compared]) -> str | None:
        """The reason if it is not met, else None."""
        figure = next((each for each in figures if each.name.lower() == self.name), None)
        wanted = f"{self.name} {self.comparison} {self.bound:g}"
        if figure is None:
            return f"{wanted}: there is no such figure"
        spread = figure.head if self.absolute else figure.ratio
        value = spread.median if spread else None
        if value is not None and _COMPARISONS[self.comparison](value, self.bound):
            return None
        what = "the head's median" if self.absolute else "the ratio"
        return f"{wanted}: {what} is {'not known' if value is None else f'{value:g}'}"
