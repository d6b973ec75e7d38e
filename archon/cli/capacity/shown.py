"""In: needs. Out: their figures as text, with three digits: the figures are no more precise."""

import math
from typing import Final

from archon.cli.capacity.needs import Need, Unit

_WORDS: Final = ((1e12, " trillion"), (1e9, " billion"), (1e6, " million"))
_BYTES: Final = ((1e18, " EB"), (1e15, " PB"), (1e12, " TB"), (1e9, " GB"), (1e6, " MB"), (1e3, " KB"))
_DIGITS: Final = 3


def amount(need: Need) -> str:
    match need.unit:
        case Unit.BYTES:
            return scaled(need.amount, _BYTES, " B")
        case Unit.BYTES_PER_SECOND:
            return scaled(need.amount, _BYTES, " B") + "/s"
        case Unit.PER_SECOND:
            return number(need.amount) + "/s"
        case _:
            return number(need.amount)


def full_at(need: Need) -> str:
    if need.full_at is None:
        return ""
    return number(need.full_at) + (" documents/s" if need.by == "rate" else " documents")


def number(value: float) -> str:
    return scaled(value, _WORDS, "")


def scaled(value: float, steps: tuple[tuple[float, str], ...], smallest: str) -> str:
    """The value in the largest unit in which it is at least one."""
    size, name = next(((size, name) for size, name in steps if value >= size), (1.0, smallest))
    shown = value / size
    digits = max(0, _DIGITS - 1 - math.floor(math.log10(shown))) if shown >= 1 else _DIGITS - 1
    # A count stays exact: 8,192 shards must not become 8,190.
    text = f"{shown:,.{digits}f}" if shown < 10**_DIGITS else f"{shown:,.0f}"
    return (text.rstrip("0").rstrip(".") if "." in text else text) + name
