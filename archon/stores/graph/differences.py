"""In: enrichments, and the stored rows of their documents. Out: a transaction that writes only the
differences.

Entities with unchanged properties, including the body hash, are not written. A moved entity only gets its new
lines.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from neo4j import AsyncManagedTransaction

from archon.contracts.analysis import ROWS_AT_ONCE
from archon.stores.bolt.session import Row, run
from archon.stores.graph import links
from archon.stores.graph.writes import EnrichmentWrite, fence, parameters_of, set_properties

_LINES: Final = frozenset({"start_line", "end_line"})
_PAIR: Final = ("source", "target", "type")
_ORDER: Final = (
    "remove_relations",
    "remove_imports",
    "delete_entities",
    "merge_entities",
    "move_entities",
    "merge_imports",
    "merge_calls",
    "merge_inherits",
)
"""Order of the statements."""


@dataclass(frozen=True)
class Present:
    """The stored rows of one document's earlier enrichments."""

    entities: list[Row] = field(default_factory=list)
    imports: list[Row] = field(default_factory=list)
    relations: list[Row] = field(default_factory=list)
    outgoing: set[links.Link] = field(default_factory=set)


async def write_differences(
    writes: Sequence[EnrichmentWrite], transaction: AsyncManagedTransaction
) -> list[bool | None]:
    """Writes several enrichments, each of another document. For each: False if its version is past; None,
    without any write, if the differences are too large for one transaction."""
    standings = await fence(transaction, *(write.step for write in writes))
    ours = {write.document_id: write for write in writes if write.document_id in standings}
    before = [each for each, write in ours.items() if write.wanted and standings[each]["relationships"]]
    present = await _present(transaction, before)
    differing = {each: difference(write.wanted, present[each]) for each, write in ours.items()}
    small = {each for each, found in differing.items() if sum(map(len, found.values())) <= ROWS_AT_ONCE}
    for name in _ORDER:
        rows = {each: found[name] for each in sorted(small) if (found := differing[each]).get(name)}
        if rows:
            await run(transaction, name, **parameters_of(name, rows))
    if small:
        await set_properties(transaction, {each: ours[each].keyed() for each in sorted(small)})
    linked = [
        write.linking(standings[each], present[each].outgoing)
        for each, write in ours.items()
        if each in small and write.wanted
    ]
    await links.relink(transaction, linked)
    return [
        (True if write.document_id in small else None) if write.document_id in standings else False
        for write in writes
    ]


async def _present(transaction: AsyncManagedTransaction, ids: Sequence[str]) -> Mapping[str, Present]:
    found: dict[str, Present] = defaultdict(Present)
    if not ids:
        return found
    for row in await run(transaction, "entity_states", ids=ids):
        entity = row["entity"]
        found[row["document_id"]].entities.append(entity)
        found[row["document_id"]].relations.extend(
            {"source": entity["entity_id"], "target": target, "type": kind}
            for kind, target in row["related"]
            if target is not None
        )
    imports: dict[str, list[Row]] = defaultdict(list)
    for row in await run(transaction, "import_states", ids=ids):
        imports[row["document_id"]].append(row)
    for each, rows in imports.items():
        found[each].imports.extend(row for row in rows if row["module_id"] is not None)
        found[each].outgoing.update(links.outgoing(rows))
    return found


def difference(wanted: Mapping[str, Sequence[Row]], present: Present) -> Mapping[str, Sequence[Row]]:
    """Rows by statement that turn the stored state into `wanted`, which has the rows of EnrichmentWrite."""
    there = {entity["entity_id"]: entity for entity in present.entities}
    rows = wanted.get("merge_entities", ())
    written = [row for row in rows if not _same(row, there.get(row["entity_id"]))]
    gone = there.keys() - {row["entity_id"] for row in rows}
    moved = [
        row
        for row in rows
        if _same(row, found := there.get(row["entity_id"])) and found is not None and _moved(row, found)
    ]
    new_imports, old_imports = _apart(
        wanted.get("merge_imports", ()), present.imports, ("module_id", "names")
    )
    related = [*wanted.get("merge_calls", ()), *wanted.get("merge_inherits", ())]
    new_relations, old_relations = _apart(related, present.relations, _PAIR)
    return {
        "remove_relations": old_relations,
        "remove_imports": old_imports,
        "delete_entities": [{"id": each} for each in sorted(gone)],
        "merge_entities": written,
        "move_entities": moved,
        "merge_imports": new_imports,
        "merge_calls": [row for row in new_relations if row["type"] == "CALLS"],
        "merge_inherits": [row for row in new_relations if row["type"] == "INHERITS"],
    }


def _same(row: Row, found: Row | None) -> bool:
    """Entities without `body_hash` always count as changed."""
    if found is None or row["body_hash"] is None:
        return False
    return all(found.get(name) == row[name] for name in row.keys() - _LINES - {"written_by"})


def _moved(row: Row, found: Row) -> bool:
    return any(found.get(name) != row[name] for name in _LINES)


def _apart(wanted: Sequence[Row], found: Sequence[Row], key: Collection[str]) -> tuple[list[Row], list[Row]]:
    """The missing rows, and the superfluous ones."""

    def keys(rows: Sequence[Row]) -> dict[tuple[Any, ...], Row]:
        return {tuple(_hashable(row[name]) for name in key): row for row in rows}

    ours, theirs = keys(wanted), keys(found)
    return (
        [row for each, row in ours.items() if each not in theirs],
        [row for each, row in theirs.items() if each not in ours],
    )


def _hashable(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
