"""In: the stores and criteria. Out: each document that a backfill would find, as a line of JSON; counts."""

import asyncio
import contextlib
import json
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any
from uuid import UUID

from archon.cli.terminal.output import counted, err, table
from archon.contracts.errors import InvalidInputError
from archon.contracts.operations.backfill import PAGE_LIMIT, Candidate, Criteria, Reason
from archon.stores.content import ContentStore
from archon.stores.graph.store import GraphStore


class Tally:
    """Number of documents by project and reason, and how many of them have no text."""

    def __init__(self) -> None:
        self._documents: Counter[tuple[str, Reason]] = Counter()
        self._without_text: Counter[tuple[str, Reason]] = Counter()
        self._unusable: Counter[tuple[str, Reason]] = Counter()

    def add(self, candidate: Candidate, *, has_text: bool) -> None:
        key = (candidate.project_name or "", candidate.reason)
        self._documents[key] += 1
        self._without_text[key] += not has_text
        self._unusable[key] += candidate.problem is not None

    def as_json(self) -> list[dict[str, Any]]:
        return [
            {
                "project_name": project or None,
                "reason": str(reason),
                "documents": count,
                "without_text": self._without_text[project, reason],
                "unusable": self._unusable[project, reason],
            }
            for (project, reason), count in sorted(self._documents.items())
        ]

    def print(self) -> None:
        columns = ("project", "reason", "documents", "without text", "unusable")
        table("", columns, [tuple(row.values()) for row in self.as_json()])
        err.print(counted(self._documents.total(), "document"))


async def scan(
    graph: GraphStore, content: ContentStore, criteria: Criteria
) -> AsyncIterator[list[tuple[Candidate, bool]]]:
    """Candidates page by page, each with whether the content store has its text."""
    after: str | None = ""
    while after is not None:
        page = await graph.unenriched.page(criteria, after, PAGE_LIMIT)
        yield await with_text(content, page.candidates)
        after = page.next


async def with_text(content: ContentStore, candidates: Sequence[Candidate]) -> list[tuple[Candidate, bool]]:
    async def has_text(candidate: Candidate) -> bool:
        return candidate.content_hash is not None and await content.has_text(candidate.content_hash)

    return list(zip(candidates, await asyncio.gather(*map(has_text, candidates)), strict=True))


async def find(graph: GraphStore, content: ContentStore, criteria: Criteria, file: Path | None) -> Tally:
    """Writes every candidate to `file` as a line of JSON. The file is complete or absent."""
    if file is None:
        return await _find(graph, content, criteria, None)
    if file.exists() and not file.is_file():  # a pipe or a device is written to, not replaced
        with file.open("w", encoding="utf-8") as lines:
            return await _find(graph, content, criteria, lines)
    file = file.resolve()
    part = file.with_name(f"{file.name}.part")
    try:
        with part.open("w", encoding="utf-8") as lines:
            tally = await _find(graph, content, criteria, lines)
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)
    return tally


async def _find(graph: GraphStore, content: ContentStore, criteria: Criteria, lines: IO[str] | None) -> Tally:
    tally = Tally()
    with err.status("Searching ...") as status:
        async for page in scan(graph, content, criteria):
            for candidate, has_text in page:
                tally.add(candidate, has_text=has_text)
                if lines is not None:
                    lines.write(json.dumps(_line(candidate, has_text), ensure_ascii=False) + "\n")
            status.update(f"Searching ... {sum(row['documents'] for row in tally.as_json())} found")
    return tally


def _line(candidate: Candidate, has_text: bool) -> dict[str, Any]:
    row = candidate.model_dump(mode="json", exclude={"request"})
    return {**row, "has_text": has_text}


def read_ids(file: Path, criteria: Criteria) -> list[str]:
    """The ids in a file, written by `find` or by hand. Raises InvalidInputError with the line number."""
    ids: dict[str, None] = {}
    for number, line in enumerate(file.read_bytes().splitlines(), 1):
        if not line.strip():
            continue
        where = f"{file}:{number}"
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:  # a UnicodeDecodeError is a ValueError
            raise InvalidInputError(where, f"is not JSON: {error}") from error
        if not isinstance(row, Mapping) or not _is_id(row.get("document_id")):
            raise InvalidInputError(where, "is not a JSON object with a document_id")
        if row.get("reason") == Reason.OLDER_ANALYSER and criteria.analyser_older_than is None:
            raise InvalidInputError(
                where, "is enriched by an older analyser: also give --analyser-older-than here"
            )
        ids[_canonical(row["document_id"])] = None
    return list(ids)


def _is_id(value: Any) -> bool:
    """False for text with a lone surrogate, which JSON can contain but no store accepts."""
    return isinstance(value, str) and value.isascii() and bool(value)


def _canonical(document_id: str) -> str:
    """A UUID in canonical form; a node of the older shape may have another kind of id."""
    with contextlib.suppress(ValueError):
        return str(UUID(document_id))
    return document_id
