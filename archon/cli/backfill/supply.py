"""In: documents without text, and a directory. Out: their texts in the content store, nodes in the current
shape.

A file with the node's content is only stored. A file with other content, or of a node in the older shape, is
indexed in its current state, and left to the backfill.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

from archon.cli.backfill.scan import scan, with_text
from archon.cli.files.walk import Walk
from archon.cli.terminal.output import bars
from archon.contracts.documents import Document, DocumentSubmission
from archon.contracts.errors import InvalidInputError, NotFoundError, ProjectConflictError, StoreConflictError
from archon.contracts.identity import content_hash
from archon.contracts.operations.backfill import PAGE_LIMIT, Candidate, Criteria, Reason, chunked
from archon.contracts.types import EnrichmentStatus
from archon.stores.content import ContentStore
from archon.stores.graph.store import GraphStore
from bridge.documents.normalise import normalise

_AT_ONCE: Final = 8


@dataclass
class Supplied:
    """`kept`: texts with the node's content; `indexed`: documents indexed; `missing`: reasons by id."""

    kept: int = 0
    indexed: int = 0
    missing: dict[str, tuple[str | None, str]] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        rows = [
            {"document_id": document_id, "file_path": path, "why": why}
            for document_id, (path, why) in self.missing.items()
        ]
        return {"kept": self.kept, "indexed": self.indexed, "missing": rows}


class Supply:
    """`root`: the base directory of the documents' paths. `dry_run` only counts."""

    def __init__(self, graph: GraphStore, content: ContentStore, root: Path, *, dry_run: bool) -> None:
        self._graph = graph
        self._content = content
        self._root = root.resolve(strict=True)
        self._dry_run = dry_run
        self.done = Supplied()

    async def all(self, criteria: Criteria, ids: list[str] | None) -> Supplied:
        """Supplies all documents that match; with `ids`, only those on the list."""
        slots = asyncio.Semaphore(_AT_ONCE)
        with bars() as progress:
            bar = progress.add_task("Supplied", total=None, note="")

            async def one(candidate: Candidate, has_text: bool) -> None:
                async with slots:
                    await self._one(candidate, has_text=has_text)
                    progress.advance(bar)

            async for page in self._pages(criteria, ids):
                await asyncio.gather(*(one(*each) for each in page))
        return self.done

    async def _pages(
        self, criteria: Criteria, ids: list[str] | None
    ) -> AsyncIterator[list[tuple[Candidate, bool]]]:
        if ids is None:
            async for page in scan(self._graph, self._content, criteria):
                yield page
            return
        for chunk in chunked(ids, PAGE_LIMIT):
            yield await with_text(self._content, await self._graph.unenriched.among(criteria, chunk))

    async def _one(self, candidate: Candidate, *, has_text: bool) -> None:
        older = candidate.reason is Reason.OLDER_SHAPE
        if candidate.problem is not None or (has_text and not older):
            return
        text, why = self._read(candidate.file_path or "")
        if text is None and has_text and candidate.content_hash is not None:
            text = await self._content.get_text(candidate.content_hash)
        if text is None:
            self.done.missing[candidate.document_id] = (candidate.file_path, why)
            return
        try:
            await self._supply(candidate, text, older=older)
        except (InvalidInputError, NotFoundError, ProjectConflictError, StoreConflictError) as error:
            self.done.missing[candidate.document_id] = (candidate.file_path, str(error))

    async def _supply(self, candidate: Candidate, text: str, *, older: bool) -> None:
        same = content_hash(text) == candidate.content_hash and not older
        if not self._dry_run:
            document = None if same else await self._document(candidate, text, older=older)
            await self._content.put_text(content_hash(text), text)
            if document is not None:
                await self._graph.index(document, str(uuid4()).upper(), status=EnrichmentStatus.SKIPPED)
        self.done.kept += same
        self.done.indexed += not same

    async def _document(self, candidate: Candidate, text: str, *, older: bool) -> Document:
        """Keeps the metadata that a client has sent for the document."""
        submission: dict[str, Any] = {
            "project_id": candidate.project_name,
            "document_id": candidate.document_id,
            "source_path": candidate.file_path,
            "full_text": text,
        }
        if older:
            return normalise(DocumentSubmission.model_validate(submission), text)
        stored = await self._graph.get(candidate.document_id)
        if stored.content_hash != candidate.content_hash:
            raise StoreConflictError("graph", "another client has indexed it in the meantime")
        submission |= {
            "title": stored.name,
            "document_type": stored.document_type,
            "language": stored.language,
            # Facts about the previous file.
            "metadata": {
                name: value
                for name, value in stored.metadata.items()
                if name not in {"file_size_bytes", "line_count", "git_commit_hash", "last_modified"}
            },
        }
        document = normalise(DocumentSubmission.model_validate(submission), text)
        return document.model_copy(update={"external_id": stored.external_id})

    def _read(self, file_path: str) -> tuple[str | None, str]:
        """The text of a file below the root, or the reason why there is none."""
        try:
            path = (self._root / file_path).resolve(strict=True)
        except (OSError, ValueError):
            return None, "there is no such file"
        if not path.is_relative_to(self._root):
            return None, "its path is outside the source root"
        walk = Walk(path)
        found = walk.read(path)
        return (None, next(iter(walk.skipped.counts))) if found is None else (found.text, "")
