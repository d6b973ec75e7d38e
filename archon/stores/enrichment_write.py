"""In: a claimed step and its analysis. Out: transactions that write it, each conditional on the version."""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Self
from uuid import uuid4

from blake3 import blake3
from neo4j import AsyncManagedTransaction

from archon.contracts.analysis import AnalysisResult
from archon.contracts.types import EnrichmentType
from archon.contracts.workflow import Step
from archon.stores import enrichment_rows, links, nodes
from archon.stores.bolt import Row, run

BATCH: Final = 500
"""Rows a transaction writes at most."""

Batch = tuple[str, Sequence[dict[str, Any]]]
"""A statement's name and its rows."""


async def fence(transaction: AsyncManagedTransaction, step: Step) -> Row | None:
    """Lock the node; None when `step`'s version is no longer its own."""
    rows = await run(
        transaction,
        "fence",
        id=step.request.document_id,
        lock=str(uuid4()),
        version=step.version,
        content_hash=step.request.content_hash,
    )
    return rows[0] if rows else None


@dataclass(frozen=True)
class EnrichmentWrite:
    """What one enrichment writes. Every method that takes a transaction returns False when the version is
    past, and has then written nothing."""

    step: Step
    result: AnalysisResult
    batches: Sequence[Batch]
    properties: dict[str, Any]
    written_by: str
    with_entities: bool

    @classmethod
    def of(cls, step: Step, result: AnalysisResult) -> Self:
        # The same for every attempt: two that overlap must not take each other's entities for stale ones.
        written_by = blake3(f"{step.version}\0{result.model_dump_json()}".encode()).hexdigest()
        with_entities = step.request.enrichment_type is not EnrichmentType.QUALITY_ONLY
        parts = (
            ("merge_entities", enrichment_rows.entity_rows(step, result, written_by)),
            ("merge_imports", enrichment_rows.import_rows(step, result)),
            ("merge_calls", enrichment_rows.relation_rows(step, result, "calls")),
            ("merge_inherits", enrichment_rows.relation_rows(step, result, "inherits")),
        )
        batches = [(name, chunk) for name, rows in parts for chunk in _chunks(rows)] if with_entities else []
        return cls(step, result, batches, nodes.enriched(step, result), written_by, with_entities)

    @property
    def small(self) -> bool:
        """Whether one transaction takes it all."""
        return sum(len(rows) for _, rows in self.batches) <= BATCH

    async def whole(self, transaction: AsyncManagedTransaction) -> bool:
        """Everything in one transaction."""
        current = await fence(transaction, self.step)
        if current is None:
            return False
        replaces = self.with_entities and current["relationships"] > 0
        if replaces:
            await self._delete_relationships(transaction)
        for batch in self.batches:
            await self._write(transaction, batch)
        await self.link(transaction)
        await self._finish(transaction, replaces=replaces)
        return True

    def parts(self) -> Iterator[Callable[[AsyncManagedTransaction], Awaitable[bool]]]:
        """The same in several transactions, to be run in order; the last one completes."""
        yield self._begin
        for batch in self.batches:
            yield partial(self._middle, batch)
        yield self._end

    async def _begin(self, transaction: AsyncManagedTransaction) -> bool:
        if await fence(transaction, self.step) is None:
            return False
        await self._delete_relationships(transaction)
        return True

    async def _middle(self, batch: Batch, transaction: AsyncManagedTransaction) -> bool:
        if await fence(transaction, self.step) is None:
            return False
        await self._write(transaction, batch)
        return True

    async def _end(self, transaction: AsyncManagedTransaction) -> bool:
        if await fence(transaction, self.step) is None:
            return False
        await self.link(transaction)
        await self._finish(transaction, replaces=self.with_entities)
        return True

    async def _delete_relationships(self, transaction: AsyncManagedTransaction) -> None:
        await run(transaction, "delete_imports", id=self.step.request.document_id)
        await run(transaction, "delete_relations", id=self.step.request.document_id)

    async def link(self, transaction: AsyncManagedTransaction) -> None:
        """Lead the document's imports to others, and theirs to it."""
        if self.with_entities:
            await links.relink(transaction, self.step, self.result)

    async def _write(self, transaction: AsyncManagedTransaction, batch: Batch) -> None:
        name, rows = batch
        await run(transaction, name, id=self.step.request.document_id, rows=rows)

    async def _finish(self, transaction: AsyncManagedTransaction, *, replaces: bool) -> None:
        document_id = self.step.request.document_id
        if replaces:
            # Named first and deleted then: a server may lose its place in a list that shrinks meanwhile.
            rows = await run(transaction, "absent_entities", id=document_id, written_by=self.written_by)
            for chunk in _chunks(rows):
                await run(transaction, "delete_entities", rows=chunk)
        await run(transaction, "set_properties", id=document_id, properties=self.properties)


def _chunks(rows: Sequence[dict[str, Any]]) -> Iterator[Sequence[dict[str, Any]]]:
    for start in range(0, len(rows), BATCH):
        yield rows[start : start + BATCH]
