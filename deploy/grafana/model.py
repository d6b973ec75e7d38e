"""In: nothing. Out: the model of a dashboard: rows of panels of queries."""

from dataclasses import dataclass
from typing import Final, Literal

Kind = Literal["graph", "stat", "states"]
RATE: Final = "$__rate_interval"
WIDTH: Final = 24
"""Columns of Grafana's grid."""


@dataclass(frozen=True)
class Query:
    """`unit`: if it differs from the panel's; the query then uses the axis on the right."""

    expr: str
    legend: str
    unit: str | None = None


@dataclass(frozen=True)
class Panel:
    """`unit`: Grafana's name of a unit; `limit`: the value from which it is drawn as bad."""

    title: str
    description: str
    queries: tuple[Query, ...]
    unit: str = "short"
    kind: Kind = "graph"
    limit: float | None = None
    stacked: bool = False
    names: tuple[str, ...] = ()
    """Names of the values 0, 1, 2 ...; the first is good."""


@dataclass(frozen=True)
class Row:
    """Its panels share the width."""

    title: str
    panels: tuple[Panel, ...]


def quantiles(buckets: str) -> tuple[Query, ...]:
    """P50, P95 and P99 of a histogram's rates by `le`."""
    return tuple(
        Query(f"histogram_quantile({quantile}, {buckets})", f"P{int(quantile * 100)}")
        for quantile in (0.5, 0.95, 0.99)
    )


def rates(metric: str, by: str = "le") -> str:
    """Increase per second."""
    return f"sum by ({by}) (rate({metric}[{RATE}]))"


def total(metric: str) -> str:
    """Increase per second of all series; 0 if there is none yet."""
    return f"(sum(rate({metric}[{RATE}])) or vector(0))"
