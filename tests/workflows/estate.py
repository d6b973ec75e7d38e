"""In: documents of a test. Out: the ports of their deletion, all in one, in memory."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field

from archon.contracts.operations.dead_letters import DeadLetterFilter, DeadLetterRow
from archon.contracts.operations.deletion import DeletionCounts, DeletionScope, Marked, Tombstone
from archon.contracts.types import Projects


@dataclass
class Estate:
    """`live`, `points`: versions; `open`: documents of runs; `held`: those that end only when cancelled;
    `failures`: raised one by one by `marked`; `strip_failures`: by `strip`."""

    live: dict[str, int] = field(default_factory=dict)
    tombstones: dict[str, int] = field(default_factory=dict)
    bare: set[str] = field(default_factory=set)
    points: dict[str, int] = field(default_factory=dict)
    open: dict[str, str] = field(default_factory=dict)
    held: set[str] = field(default_factory=set)
    superseded: list[tuple[str, int]] = field(default_factory=list)
    cancelled: list[str] = field(default_factory=list)
    letters: list[DeadLetterRow] = field(default_factory=list)
    failures: deque[Exception] = field(default_factory=deque)
    strip_failures: deque[Exception] = field(default_factory=deque)
    page: int = 1000
    later: set[str] = field(default_factory=set)
    """Documents that were indexed again after the request for their deletion."""
    gate: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.gate.set()

    async def mark(self, scope: DeletionScope, limit: int) -> Marked:
        await self.gate.wait()
        there = [each for each in self.live if scope.document_id in {None, each}]
        chosen = [each for each in there if each not in self.later][: self.page]
        for each in chosen:
            self.tombstones[each] = self.live.pop(each) + 1
        return Marked(
            version=self.tombstones.get(scope.document_id or ""),
            lives=scope.document_id in self.later,
            more=len(chosen) == self.page,
        )

    async def marked(self, scope: DeletionScope, limit: int) -> list[Tombstone]:
        if self.failures:
            raise self.failures.popleft()
        chosen = [each for each in self.tombstones if scope.document_id in {None, each}]
        left = [each for each in chosen if each not in self.bare][: self.page]
        return [
            Tombstone(document_id=each, version=self.tombstones[each], hashes=["a" * 64]) for each in left
        ]

    async def unlink(self, tombstones: Sequence[Tombstone]) -> tuple[int, int]:
        return 2 * len(tombstones), 1

    async def strip(self, tombstones: Sequence[Tombstone]) -> int:
        if self.strip_failures:
            raise self.strip_failures.popleft()
        self.bare |= {each.document_id for each in tombstones}
        return len(tombstones)

    async def referenced(self, hashes: Sequence[str]) -> set[str]:
        return set()

    async def tombstone_of(self, document_id: str) -> int | None:
        return self.tombstones.get(document_id)

    async def tombstones_of(self, document_ids: Sequence[str]) -> Mapping[str, int | None]:
        known = [each for each in document_ids if each in self.tombstones or each in self.live]
        return {each: self.tombstones.get(each) for each in known}

    async def delete(self, versions: Mapping[str, int]) -> DeletionCounts:
        stale = [each for each, version in versions.items() if self.points.get(each, version + 1) <= version]
        for each in stale:
            del self.points[each]
        return DeletionCounts(points=len(stale))

    async def of_project(self, project_name: str) -> AsyncIterator[Mapping[str, int]]:
        yield dict(self.points)

    async def open_of(self, document_ids: Sequence[str]) -> Mapping[str, str]:
        return {run: each for run, each in self.open.items() if each in document_ids}

    async def supersede(self, workflow_id: str, version: int) -> bool:
        if workflow_id not in self.open:
            return False
        self.superseded.append((workflow_id, version))
        if workflow_id not in self.held:
            del self.open[workflow_id]
        return True

    async def parked(self, workflow_id: str) -> bool | None:
        return False if workflow_id in self.open else None

    async def cancel(self, workflow_id: str) -> None:
        self.cancelled.append(workflow_id)
        self.open.pop(workflow_id, None)

    async def rows(self, wanted: DeadLetterFilter, projects: Projects) -> list[DeadLetterRow]:
        return [row for row in self.letters if wanted.takes(row)]
