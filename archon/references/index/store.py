"""In: documents that came, changed or went. Out: their maps, and which documents have a key or a symbol.

A private database of SQLite: it is in memory until it outgrows its cache, and then in a file that nobody
else sees.
"""

import marshal
import sqlite3
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple
from uuid import UUID

from archon.contracts.code.references import CodeMap
from archon.references.index.document import Document, packed, unpacked
from archon.references.index.keys import keys_of
from archon.references.index.tests import is_test

_SCHEMA: Final = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
PRAGMA cache_size = -65536;
CREATE TABLE documents (
  number INTEGER PRIMARY KEY, id TEXT UNIQUE, path TEXT, language TEXT, hash TEXT, code BLOB,
  symbols INTEGER, lines INTEGER
);
CREATE TABLE symbols (
  document INTEGER, position INTEGER, name TEXT, lower TEXT, kind TEXT, id BLOB,
  PRIMARY KEY (document, position)
) WITHOUT ROWID;
CREATE INDEX symbols_by_name ON symbols (lower, name);
CREATE INDEX symbols_by_id ON symbols (id);
CREATE TABLE keys (key TEXT, document INTEGER, PRIMARY KEY (key, document)) WITHOUT ROWID;
"""
_DECODED_BYTES: Final = 32 * 1024 * 1024
"""Packed size of the documents that are kept decoded; that takes about six times as much memory."""

Key = tuple[int, int]
"""A symbol: the number of its document, and its position there."""


class Stored(NamedTuple):
    """A document without its map."""

    number: int
    document_id: str
    path: str
    language: str | None
    test: bool


class Named(NamedTuple):
    """A symbol without its document's map."""

    document: int
    position: int
    name: str
    kind: str


class Store:
    """The documents of one project. Not for several threads at once."""

    def __init__(self) -> None:
        self._database = sqlite3.connect("", check_same_thread=False, isolation_level=None)
        self._database.executescript(_SCHEMA)
        self._decoded: OrderedDict[int, tuple[Document, int]] = OrderedDict()
        self._decoded_bytes = 0
        self._next = 1

    def close(self) -> None:
        self._decoded.clear()
        self._database.close()

    def begin(self) -> None:
        self._database.execute("BEGIN")

    def commit(self) -> None:
        self._database.execute("COMMIT")

    @property
    def bytes(self) -> int:
        """Memory and disk that the database and the decoded documents take, roughly."""
        (pages,) = self._database.execute("PRAGMA page_count").fetchone()
        (size,) = self._database.execute("PRAGMA page_size").fetchone()
        return int(pages) * int(size) + 6 * self._decoded_bytes

    def put(
        self, document_id: str, path: str, language: str | None, content_hash: str, code: CodeMap
    ) -> Stored:
        """Adds a document, which the store does not have."""
        number = self._next
        self._next += 1
        self._database.execute(
            "INSERT INTO documents VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                number,
                document_id,
                path,
                language,
                content_hash,
                marshal.dumps(packed(code)),
                len(code.declarations),
                max((each.end_line for each in code.declarations), default=0),
            ),
        )
        stored = Stored(number, document_id, path, language, is_test(path))
        document = Document(number, document_id, path, language, content_hash, stored.test, code)
        self._database.executemany("INSERT INTO symbols VALUES (?, ?, ?, ?, ?, ?)", _symbols(document))
        self._database.executemany("INSERT INTO keys VALUES (?, ?)", [(key, number) for key in keys_of(code)])
        return stored

    def remove(self, document_id: str) -> int | None:
        """Removes a document; its number, None if there is none."""
        row = self._database.execute(
            "SELECT number, code FROM documents WHERE id = ?", (document_id,)
        ).fetchone()
        if row is None:
            return None
        number = int(row[0])
        keys = keys_of(unpacked(marshal.loads(row[1])))  # noqa: S302  written above
        self._database.execute("DELETE FROM documents WHERE number = ?", (number,))
        self._database.execute("DELETE FROM symbols WHERE document = ?", (number,))
        self._database.executemany(
            "DELETE FROM keys WHERE key = ? AND document = ?", [(key, number) for key in keys]
        )
        if kept := self._decoded.pop(number, None):
            self._decoded_bytes -= kept[1]
        return number

    def document(self, number: int) -> Document:
        """Raises KeyError."""
        if kept := self._decoded.get(number):
            self._decoded.move_to_end(number)
            return kept[0]
        row = self._database.execute(
            "SELECT id, path, language, hash, code FROM documents WHERE number = ?", (number,)
        ).fetchone()
        if row is None:
            raise KeyError(number)
        document_id, path, language, content_hash, code = row
        document = Document(
            number,
            document_id,
            path,
            language,
            content_hash,
            is_test(path),
            unpacked(marshal.loads(code)),  # noqa: S302  written above
        )
        self._keep(document, len(code))
        return document

    def _keep(self, document: Document, size: int) -> None:
        self._decoded[document.number] = document, size
        self._decoded_bytes += size
        while self._decoded_bytes > _DECODED_BYTES and len(self._decoded) > 1:
            _, (_, dropped) = self._decoded.popitem(last=False)
            self._decoded_bytes -= dropped

    def with_keys(self, keys: Iterable[str]) -> Sequence[int]:
        """The numbers of the documents that have one of the keys, ascending."""
        found: set[int] = set()
        for key in keys:
            rows = self._database.execute("SELECT document FROM keys WHERE key = ?", (key,))
            found.update(number for (number,) in rows)
        return sorted(found)

    def named(self, name: str) -> Sequence[Key]:
        """All symbols of exactly this name."""
        return self._database.execute(
            "SELECT document, position FROM symbols WHERE lower = ? AND name = ?", (name.lower(), name)
        ).fetchall()

    def with_id(self, symbol_id: str) -> Sequence[Key]:
        return self._database.execute(
            "SELECT document, position FROM symbols WHERE id = ?", (UUID(symbol_id).bytes,)
        ).fetchall()

    def like(self, name: str, limit: int) -> Sequence[tuple[str, int, int]]:
        """Name, document and position of symbols whose name begins like this one, or contains it."""
        lower = name.lower()
        beginning = lower[:2]
        rows = "SELECT name, document, position FROM symbols WHERE"
        found = self._database.execute(
            f"{rows} lower >= ? AND lower < ? ORDER BY lower, name LIMIT ?",
            (beginning, beginning + _LAST, limit),
        ).fetchall()
        found += self._database.execute(
            f"{rows} instr(lower, ?) ORDER BY lower, name LIMIT ?",
            (lower, limit),
        ).fetchall()
        return found

    def beginning(self, name: str) -> Sequence[Named]:
        """All symbols whose name begins so, in lower case."""
        rows = self._database.execute(
            "SELECT document, position, name, kind FROM symbols WHERE lower >= ? AND lower < ?",
            (name, name + _LAST),
        )
        return list(map(Named._make, rows))

    def matching(self, pattern: str) -> Sequence[Named]:
        """All symbols whose lower-case name matches a glob."""
        rows = self._database.execute(
            "SELECT document, position, name, kind FROM symbols WHERE lower GLOB ?", (pattern,)
        )
        return list(map(Named._make, rows))

    def sizes(self) -> Mapping[int, tuple[int, int]]:
        """Of each document: its symbols, and its lines up to the end of the last one."""
        rows = self._database.execute("SELECT number, symbols, lines FROM documents")
        return {number: (symbols, lines) for number, symbols, lines in rows}

    def counts(self) -> Mapping[str, int]:
        """Rows of each table."""
        tables = ("documents", "symbols", "keys")
        return {
            each: self._database.execute(f"SELECT count(*) FROM {each}").fetchone()[0]  # noqa: S608  constants
            for each in tables
        }

    def numbers(self) -> Sequence[int]:
        return [number for (number,) in self._database.execute("SELECT number FROM documents")]


_LAST: Final = "\U0010ffff"


def _symbols(document: Document) -> list[tuple[int, int, str, str, str, bytes]]:
    return [
        (
            document.number,
            position,
            each.name,
            each.name.lower(),
            each.kind,
            UUID(document.symbol_id(position)).bytes,
        )
        for position, each in enumerate(document.code.declarations)
    ]
