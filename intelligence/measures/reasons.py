"""In: items that lower a score, or are beyond a limit. Out: findings that say so, with value and limit."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Final, NamedTuple

from archon.contracts.analysis import Finding, ScorePart
from intelligence.syntax.nodes import ScopeNode

PLACES: Final = 5
"""Maximum number of places for each part of a score."""
_NAME_CHARACTERS: Final = 100
"""Maximum characters of a symbol in a message."""


class Reason(NamedTuple):
    """`text` may name `{symbol}`, `{value}` and `{limit}`. Without a scope, it is about the code outside
    functions."""

    text: str
    line: int | None = None
    scope: ScopeNode | None = None
    value: float | None = None
    limit: float | None = None

    def finding(self, rule: str, severity: str | None = None) -> Finding:
        symbol = self.scope.qualified_name if self.scope is not None else None
        shown = f"`{symbol[:_NAME_CHARACTERS]}`" if symbol is not None else "Code outside functions"
        return Finding(
            rule=rule,
            line=self.line,
            severity=severity,
            message=self.text.format(symbol=shown, value=self.value, limit=self.limit),
            symbol=symbol,
            value=None if self.value is None else round(self.value, 4),
            limit=self.limit,
        )


class Share(NamedTuple):
    """All of `items` are fine except for `amiss`."""

    items: int
    amiss: Sequence[Reason]

    @property
    def value(self) -> float:
        return (self.items - len(self.amiss)) / self.items if self.items else 1.0


def beyond(text: str, scope: ScopeNode | None, value: float, limit: float) -> Reason:
    return Reason(text, scope.start_line if scope is not None else None, scope, value, limit)


def runs(lines: Sequence[int]) -> Iterator[Reason]:
    """Runs of repeated lines; `lines` are sorted indices from 0."""
    edges = [0, *(at for at, (one, other) in enumerate(pairwise(lines), 1) if other != one + 1), len(lines)]
    for start, end in pairwise(edges):
        if end > start:
            text = (
                "{value} lines repeat earlier ones" if end - start > 1 else "This line repeats an earlier one"
            )
            yield Reason(text, lines[start] + 1, value=end - start)


def parts(
    effects: Mapping[str, float], statistics: Mapping[str, float], reasons: Mapping[str, Sequence[Reason]]
) -> list[ScorePart]:
    """One part for each of `effects`, with its worst places first."""
    return [
        ScorePart(
            measure=measure,
            value=round(statistics[measure], 4),
            effect=effect,
            places=[each.finding(measure) for each in _worst(reasons.get(measure, ()))],
        )
        for measure, effect in effects.items()
    ]


def _worst(reasons: Sequence[Reason]) -> list[Reason]:
    return sorted(reasons, key=lambda each: -(each.value or 0) / (each.limit or 1))[:PLACES]
