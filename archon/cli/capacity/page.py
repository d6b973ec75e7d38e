"""In: a page with placeholders. Out: the page with the tables of the measured costs.

A placeholder is the text between `<!-- capacity: NAME -->` and `<!-- capacity: end -->`.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Final

from archon.cli.capacity.measured import PROCESSES, Measured, total
from archon.cli.capacity.needs import By, Need, needs
from archon.cli.capacity.shown import amount, full_at, number

RATES: Final = (100, 1_000)
DOCUMENTS: Final = (10_000_000,)
_PLACE: Final = re.compile(r"(<!-- capacity: (?!end)(\w+) -->\n).*?(<!-- capacity: end -->)", re.DOTALL)


def filled(text: str, measured: Measured) -> str:
    """Raises KeyError for an unknown table name."""
    tables = {
        "costs": _costs(measured),
        "rates": _columns(measured, "rate"),
        "documents": _columns(measured, "documents"),
        "limits": _limits(measured),
    }
    return _PLACE.sub(lambda place: f"{place[1]}{tables[place[2]]}{place[3]}", text)


def _costs(measured: Measured) -> str:
    stored = measured.stored
    processes = ", ".join(f"{name} {measured.cpu_ms[name]:g}" for name in PROCESSES)
    points = ", ".join(f"{each.per_document:g} in `{name}`" for name, each in stored.points.items())
    rows = [
        ("milliseconds of processor time", processes),
        ("Temporal: history", f"{measured.events:g} events, {number(stored.history_bytes / 1e3)} KB"),
        ("Temporal: state transitions", f"{measured.state_transitions:g}"),
        ("Temporal: database writes", number(total(stored.persistence_writes))),
        ("Kafka", f"{total(stored.kafka_records):g} records, {number(total(stored.kafka_bytes) / 1e3)} KB"),
        ("graph: nodes", _each(stored.nodes.items())),
        ("graph: relationships", _each(stored.relationships.items())),
        ("graph: properties", f"{number(stored.property_bytes / 1e3)} KB"),
        ("vectors: points", points),
        ("object store", f"{total(stored.objects):g} objects, {number(total(stored.object_bytes) / 1e3)} KB"),
        ("object store: requests", f"{measured.object_writes:g} writes, {measured.object_reads} reads"),
    ]
    head = (
        f"Processor times and history: {measured.documents} documents of {measured.size} bytes on "
        f"{measured.cpus} processors, {measured.measured_on}, at {measured.source}. "
        f"The rest: {stored.documents} documents.\n\n"
    )
    return head + _table(("of one document", "measured"), rows)


def _each(means: Iterable[tuple[str, float]]) -> str:
    return ", ".join(f"{count:g} `{name}`" for name, count in means)


def _columns(measured: Measured, by: By) -> str:
    """One column for each rate, or for each number of documents."""
    if by == "rate":
        columns = [needs(measured, rate, 0) for rate in RATES]
        heads = [f"{rate:,}/s" for rate in RATES]
    else:
        columns = [needs(measured, 0, documents) for documents in DOCUMENTS]
        heads = [number(documents) for documents in DOCUMENTS]
    rows = [
        (f"{row[0].part}: {row[0].what}", *map(amount, row))
        for row in zip(*columns, strict=True)
        if row[0].by == by
    ]
    return _table(("", *heads), rows)


def _limits(measured: Measured) -> str:
    """The lowest limit first; rates before numbers of documents."""
    found = sorted(
        (each for each in needs(measured, 1, 1) if each.full_at is not None),
        key=lambda each: (each.by == "documents", each.full_at),
    )
    return _table(("full at", "", "what moves it"), map(_limit, found))


def _limit(need: Need) -> Sequence[str]:
    return full_at(need), f"{need.part}: {need.what}", need.moved_by


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(cells)} |\n".replace("|  |", "| |") for cells in lines)
