"""In: an enrichment, and what the graph holds of the document. Out: a transaction that writes the difference.

An entity whose properties are the same, its body's hash among them, is not written. One that has only moved
gets its new lines.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

from neo4j import AsyncManagedTransaction

from archon.stores.bolt import Row, run
from archon.stores.enrichment_write import BATCH, Batch, EnrichmentWrite, fence

_LINES: Final = frozenset({"start_line", "end_line"})
_PAIR: Final = ("source", "target", "type")


@dataclass(frozen=True)
class Difference:
    """Statements and their rows, in the order in which they are to be run."""

    batches: Sequence[Batch]

    @classmethod
    def between(
        cls,
        wanted: Mapping[str, Sequence[Row]],
        entities: Sequence[Row],
        imports: Sequence[Row],
        relations: Sequence[Row],
    ) -> Self:
        """From what is there to `wanted`, which holds the rows of EnrichmentWrite's statements."""
        there = {entity["entity_id"]: entity for entity in entities}
        rows = wanted.get("merge_entities", ())
        written = [row for row in rows if not _same(row, there.get(row["entity_id"]))]
        gone = there.keys() - {row["entity_id"] for row in rows}
        moved = [
            row
            for row in rows
            if _same(row, found := there.get(row["entity_id"])) and found is not None and _moved(row, found)
        ]
        new_imports, old_imports = _apart(wanted.get("merge_imports", ()), imports, ("module_id", "names"))
        related = [*wanted.get("merge_calls", ()), *wanted.get("merge_inherits", ())]
        new_relations, old_relations = _apart(related, relations, _PAIR)
        return cls(
            [
                ("remove_relations", old_relations),
                ("remove_imports", old_imports),
                ("delete_entities", [{"id": each} for each in sorted(gone)]),
                ("merge_entities", written),
                ("move_entities", moved),
                ("merge_imports", new_imports),
                ("merge_calls", [row for row in new_relations if row["type"] == "CALLS"]),
                ("merge_inherits", [row for row in new_relations if row["type"] == "INHERITS"]),
            ]
        )

    @property
    def rows(self) -> int:
        return sum(len(rows) for _, rows in self.batches)


def _same(row: Row, found: Row | None) -> bool:
    """A body without a hash may be another."""
    if found is None or row["body_hash"] is None:
        return False
    return all(found.get(name) == row[name] for name in row.keys() - _LINES - {"written_by"})


def _moved(row: Row, found: Row) -> bool:
    return any(found.get(name) != row[name] for name in _LINES)


def _apart(wanted: Sequence[Row], found: Sequence[Row], key: Collection[str]) -> tuple[list[Row], list[Row]]:
    """The wanted rows that are not found, and the found ones that are not wanted."""

    def keys(rows: Sequence[Row]) -> dict[tuple[Any, ...], Row]:
        return {tuple(_hashable(row[name]) for name in key): row for row in rows}

    ours, theirs = keys(wanted), keys(found)
    return (
        [row for each, row in ours.items() if each not in theirs],
        [row for each, row in theirs.items() if each not in ours],
    )


def _hashable(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


async def write_difference(write: EnrichmentWrite, transaction: AsyncManagedTransaction) -> bool | None:
    """False when the version is past; None, with nothing written, when so much differs that one transaction
    does not take it."""
    if await fence(transaction, write.step) is None:
        return False
    document_id = write.step.request.document_id
    wanted: dict[str, list[Row]] = {}
    for name, rows in write.batches:
        wanted.setdefault(name, []).extend(rows)
    difference = Difference.between(
        wanted,
        [row["entity"] for row in await run(transaction, "entity_states", id=document_id)],
        await run(transaction, "import_states", id=document_id),
        await run(transaction, "relation_states", id=document_id),
    )
    if difference.rows > BATCH:
        return None
    for name, rows in difference.batches:
        if rows:
            await run(transaction, name, id=document_id, rows=rows)
    await write.link(transaction)
    await run(transaction, "set_properties", id=document_id, properties=write.properties)
    return True
