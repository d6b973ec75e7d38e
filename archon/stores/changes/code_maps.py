"""In: a project, and how far its code has been read. Out: documents that changed since, with their code
maps, and those that are gone.

First all documents by id, then again and again what `changed_key` finds. Writers set the key before they
commit, so each reading begins some time before the last one, and leaves out what has already been given.
"""

from collections import Counter, OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple
from uuid import uuid4

from archon.contracts.code.answers import Freshness
from archon.contracts.errors import InvalidInputError
from archon.references.port import ChangedDocument, Changes
from archon.stores.bolt.session import TRANSACTION_SECONDS, Bolt, Row
from archon.stores.changes.keys import END, changed_key, project_key

PAGE: Final = 100
"""Documents of one page: code maps of four megabytes each must fit into memory."""
IDS: Final = 50_000
"""Ids of one query: the server sorts all that are left, each time."""
OVERLAP: Final = timedelta(seconds=TRANSACTION_SECONDS + 15)
"""How long before its commit a key may have been made: a transaction's limit, and the difference of
clocks."""
_READERS: Final = 200
"""Maximum number of readers whose documents are remembered; another one begins again."""
_DELETED: Final = "deleted"


class _Cursor(NamedTuple):
    """`reader` names the memory of what it has been given. `moment`: until when it has read."""

    reader: str
    moment: str

    @classmethod
    def read(cls, text: str) -> "_Cursor":
        parts = text.split(" ")
        if len(parts) != len(cls._fields):
            raise InvalidInputError("since", "is no cursor of this store")
        return cls(*parts)

    def __str__(self) -> str:
        return " ".join(self)


class _Seen(NamedTuple):
    """`state`: the field of Freshness in which the document counts, besides `documents`."""

    key: str
    state: str


@dataclass
class _Reader:
    """A follower of a project: the documents that it has received, and those that it still waits for.

    While `listing`, `after` is an id among all documents; then `key` and `after` are the last change that was
    found. `full`: the last query had as many rows as it may.
    """

    project: str
    moment: str
    listing: bool = True
    full: bool = True
    key: str = ""
    after: str = ""
    seen: dict[str, _Seen] = field(default_factory=dict)
    waiting: list[str] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)

    def freshness(self) -> Freshness:
        counted = Counter(each.state for each in self.seen.values())
        return Freshness(
            documents=len(self.seen), waiting=counted["waiting"], unanalysed=counted["unanalysed"]
        )

    def is_known(self, row: Row) -> bool:
        seen = self.seen.get(row["document_id"])
        return seen is not None and seen.key == row["changed_key"]


class CodeMaps:
    """Implements archon.references.port.ChangeSource. Raises StoreError."""

    def __init__(self, bolt: Bolt, page: int = PAGE, ids: int = IDS) -> None:
        self._bolt = bolt
        self._page = page
        self._ids = ids
        self._readers: OrderedDict[str, _Reader] = OrderedDict()

    async def changes(self, project: str, since: str | None) -> Changes:
        """A page of changes. Raises InvalidInputError for a cursor of another kind or project.

        If this process does not know the reader of the cursor, the answer has all documents again, and those
        that were deleted since.
        """
        name, reader = await self._reader(project, since)
        if not reader.waiting:
            await (self._list if reader.listing else self._look)(reader)
        ids = reader.waiting[: self._page]
        rows = await self._bolt.rows("code_maps", ids=ids) if ids else []
        # Only now: after an error the same documents still wait.
        del reader.waiting[: self._page]
        gone, reader.gone = reader.gone, []
        alive = [row for row in rows if row["status"] != _DELETED and row["content_hash"] is not None]
        for row in alive:
            reader.seen[row["document_id"]] = _Seen(row["changed_key"] or "", _state(row))
        more = bool(reader.waiting) or reader.full
        cursor = str(_Cursor(name, reader.moment))
        return Changes([*map(_document, alive)], gone, cursor, reader.freshness(), more=more)

    async def _reader(self, project: str, since: str | None) -> tuple[str, _Reader]:
        cursor = _Cursor.read(since) if since is not None else None
        known = self._readers.get(cursor.reader) if cursor is not None else None
        if cursor is not None and known is not None:
            if known.project != project:
                raise InvalidInputError("since", "is a cursor of another project")
            self._readers.move_to_end(cursor.reader)
            return cursor.reader, known
        reader, name = _Reader(project, _now()), uuid4().hex
        if cursor is not None:
            reader.gone = await self._deleted(project, _before(cursor.moment))
        self._readers[name] = reader
        while len(self._readers) > _READERS:
            self._readers.popitem(last=False)
        return name, reader

    async def _list(self, reader: _Reader) -> None:
        """All documents, in the order of ids, also those without a key: an older release has written
        them."""
        rows = await self._bolt.rows(
            "code_documents", project=reader.project, after=reader.after, limit=self._ids
        )
        reader.waiting = [row["document_id"] for row in rows]
        reader.full = len(rows) == self._ids
        reader.after = rows[-1]["document_id"] if reader.full else ""
        if not reader.full:
            reader.listing = False
            reader.key = changed_key(reader.project, _before(reader.moment))

    async def _look(self, reader: _Reader) -> None:
        """Finds the changes since the last time."""
        now = _now()
        rows = await self._changed(reader.project, reader.key, reader.after)
        deleted = {row["document_id"] for row in rows if row["status"] == _DELETED}
        reader.gone = [each for each in sorted(deleted) if reader.seen.pop(each, None) is not None]
        reader.waiting = [
            row["document_id"]
            for row in rows
            if row["document_id"] not in deleted and not reader.is_known(row)
        ]
        reader.full = len(rows) == self._ids
        if reader.full:
            reader.key, reader.after = rows[-1]["changed_key"], rows[-1]["document_id"]
        else:
            reader.key, reader.after = max(reader.key, changed_key(reader.project, _before(now))), ""
            reader.moment = now

    async def _deleted(self, project: str, moment: datetime) -> list[str]:
        """Documents that were deleted after a moment."""
        found: list[str] = []
        key, after, full = changed_key(project, moment), "", True
        while full:
            rows = await self._changed(project, key, after)
            found += [row["document_id"] for row in rows if row["status"] == _DELETED]
            if full := len(rows) == self._ids:
                key, after = rows[-1]["changed_key"], rows[-1]["document_id"]
        return found

    async def _changed(self, project: str, key: str, after: str) -> list[Row]:
        end = project_key(project) + END
        return await self._bolt.rows("code_changes", key=key, end=end, after=after, limit=self._ids)


def _state(row: Mapping[str, Any]) -> str:
    if row["entities_content_hash"] is None:
        return "unanalysed"
    return "analysed" if row["entities_content_hash"] == row["content_hash"] else "waiting"


def _document(row: Mapping[str, Any]) -> ChangedDocument:
    return ChangedDocument(
        document_id=row["document_id"],
        file_path=row["file_path"] or "",
        language=row["language"],
        content_hash=row["entities_content_hash"] or row["content_hash"],
        code_map=row["code_map"],
    )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds")


def _before(moment: str) -> datetime:
    try:
        return datetime.fromisoformat(moment) - OVERLAP
    except ValueError as error:
        raise InvalidInputError("since", "is no cursor of this store") from error
