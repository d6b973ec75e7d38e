"""In: a claimed step and its analysis. Out: its rows, and transactions that write a large analysis in parts,
each conditional on the version."""

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Self
from uuid import uuid4

from neo4j import AsyncManagedTransaction

from archon.contracts.analysis import ROWS_AT_ONCE, AnalysisResult
from archon.contracts.types import EnrichmentType
from archon.contracts.workflow import Step
from archon.stores.bolt.session import Row, run
from archon.stores.changes.keys import changed_key
from archon.stores.graph import links, nodes
from archon.stores.graph import rows as enrichment_rows
from archon.stores.graph.links import Linking

OF_DOCUMENTS: Final = frozenset({"merge_entities", "merge_imports", "remove_imports"})
"""Statements with rows of a single document, which they name."""

Batch = tuple[str, Sequence[Row]]
"""A statement's name and its rows."""


async def fence(transaction: AsyncManagedTransaction, *steps: Step) -> Mapping[str, Row]:
    """Locks the nodes of `steps`; by document, the stored state if the step's version is current."""
    rows = [
        {
            "id": step.request.document_id,
            "version": step.version,
            "content_hash": step.request.content_hash,
        }
        for step in steps
    ]
    # Sorted by key, so that writers lock in one order.
    rows.sort(key=lambda row: str(row["id"]))
    return {row["id"]: row for row in await run(transaction, "fence", rows=rows, lock=str(uuid4()))}


async def set_properties(
    transaction: AsyncManagedTransaction, by_document: Mapping[str, Mapping[str, Any]]
) -> None:
    """Sets properties of documents whose locks are held, by id."""
    rows = [{"id": each, "properties": properties} for each, properties in by_document.items()]
    await run(transaction, "set_properties", rows=rows)


def parameters_of(name: str, by_document: Mapping[str, Sequence[Row]]) -> dict[str, Any]:
    """Parameters of a statement that writes these rows."""
    if name in OF_DOCUMENTS:
        return {"documents": [{"id": each, "rows": rows} for each, rows in by_document.items()]}
    return {"rows": [row for rows in by_document.values() for row in rows]}


@dataclass(frozen=True)
class EnrichmentWrite:
    """The writes of one enrichment."""

    step: Step
    result: AnalysisResult
    wanted: Mapping[str, Sequence[Row]]
    """Rows by the statement that writes them."""
    properties: dict[str, Any]

    @classmethod
    def of(cls, step: Step, result: AnalysisResult) -> Self:
        with_entities = step.request.enrichment_type is not EnrichmentType.QUALITY_ONLY
        wanted = enrichment_rows.rows(step, result) if with_entities else {}
        return cls(step, result, wanted, nodes.enriched(step, result))

    def keyed(self) -> dict[str, Any]:
        """The properties to set in the present transaction."""
        if not self.wanted:
            return self.properties
        return {**self.properties, "changed_key": changed_key(self.step.request.project_name)}

    @property
    def document_id(self) -> str:
        return self.step.request.document_id

    @property
    def rows(self) -> int:
        return sum(map(len, self.wanted.values()))

    def linking(self, standing: Row, outgoing: set[links.Link]) -> Linking:
        """The input for links.relink; `standing` comes from the fence."""
        return Linking(self.step, self.result, standing["linked_as"], standing["named"], outgoing)

    def parts(self) -> Iterator[Callable[[AsyncManagedTransaction], Awaitable[bool]]]:
        """The complete write as several transactions, to run in order; the last one sets the status. Each
        returns False, without a write, if the version is past."""
        yield self._begin
        for name, rows in self.wanted.items():
            for chunk in _chunks(rows):
                yield partial(self._middle, (name, chunk))
        yield self._end

    async def _begin(self, transaction: AsyncManagedTransaction) -> bool:
        if not await fence(transaction, self.step):
            return False
        await run(transaction, "delete_imports", id=self.document_id)
        await run(transaction, "delete_relations", id=self.document_id)
        return True

    async def _middle(self, batch: Batch, transaction: AsyncManagedTransaction) -> bool:
        if not await fence(transaction, self.step):
            return False
        name, rows = batch
        await run(transaction, name, **parameters_of(name, {self.document_id: rows}))
        return True

    async def _end(self, transaction: AsyncManagedTransaction) -> bool:
        standing = (await fence(transaction, self.step)).get(self.document_id)
        if standing is None:
            return False
        await set_properties(transaction, {self.document_id: self.keyed()})
        if self.wanted:
            ids = [row["entity_id"] for row in self.wanted["merge_entities"]]
            written_by = enrichment_rows.written_by(self.step, ids)
            # First listed, then deleted: some servers lose their position in a list that shrinks meanwhile.
            stale = await run(transaction, "absent_entities", id=self.document_id, written_by=written_by)
            for chunk in _chunks(stale):
                await run(transaction, "delete_entities", rows=chunk)
            imports = await run(transaction, "import_states", ids=[self.document_id])
            await links.relink(transaction, [self.linking(standing, links.outgoing(imports))])
        return True


def _chunks(rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
    for start in range(0, len(rows), ROWS_AT_ONCE):
        yield rows[start : start + ROWS_AT_ONCE]
