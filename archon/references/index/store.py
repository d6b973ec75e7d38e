"""In: documents that came, changed or went. Out: their maps, and which documents have a key or a symbol.

A private database of SQLite: it is in memory until it outgrows its cache, and then in a file that nobody
else sees.
"""

import marshal
import sqlite3
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Final, NamedTuple
from uuid import UUID

from archon.contracts.code.references import CodeMap
from archon.references.index.document import OUTSIDE, VARIABLES, Document, packed, unpacked
from archon.references.index.inputs import Inputs, Recorder, recorded
from archon.references.index.keys import beginning, keys_of
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
  document INTEGER, position INTEGER, name TEXT, lower TEXT, kind TEXT, id BLOB, member INTEGER,
  PRIMARY KEY (document, position)
) WITHOUT ROWID;
CREATE INDEX symbols_by_name ON symbols (lower, name);
CREATE INDEX symbols_by_id ON symbols (id);
CREATE TABLE keys (key TEXT, document INTEGER, PRIMARY KEY (key, document)) WITHOUT ROWID;
"""
_DECODED_BYTES: Final = 15 * 1024 * 1024
"""Packed size of the documents that are kept decoded; that takes about five times as much memory."""

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


class _Symbol(NamedTuple):
    """A row of the table of symbols."""

    document: int
    position: int
    name: str
    lower: str
    kind: str
    id: bytes
    member: bool


class Store(Inputs):
    """The documents of one project. Not for several threads at once."""

    def __init__(self, recorder: Recorder) -> None:
        super().__init__(recorder)
        self._database = sqlite3.connect("", check_same_thread=False, isolation_level=None)
        self._database.executescript(_SCHEMA)
        self._decoded: OrderedDict[int, tuple[Document, int]] = OrderedDict()
        self._decoded_bytes = 0
        self._next = 1
        self._changes = 0

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
        return int(pages) * int(size) + 5 * self._decoded_bytes

    def put(
        self, document_id: str, path: str, language: str | None, content_hash: str, code: CodeMap
    ) -> Stored:
        """Adds a document, or replaces its map; its path and language stay as long as it is here."""
        former = self._found("id", document_id)
        number = former.number if former else self._next
        self._next = max(self._next, number + 1)
        document = Document(number, document_id, path, language, content_hash, is_test(path), code)
        self._replace(number, former, document)
        return Stored(number, document_id, path, language, document.test)

    def remove(self, document_id: str) -> int | None:
        """Removes a document; its number, which is not used again, or None if there is none."""
        former = self._found("id", document_id)
        if former is None:
            return None
        self._replace(former.number, former, None)
        return former.number

    def _replace(self, number: int, former: Document | None, document: Document | None) -> None:
        self.touch(self.all_changes)
        self.touch(self.found, number)
        self._changes += 1
        self._replace_symbols(_symbols(former), _symbols(document))
        self._replace_keys(number, _keys(former), _keys(document))
        if document is None:
            self._database.execute("DELETE FROM documents WHERE number = ?", (number,))
        else:
            self._database.execute(
                "INSERT OR REPLACE INTO documents VALUES (?, ?, ?, ?, ?, ?, ?, ?)", _row(document)
            )
        self._drop(number)

    def _replace_symbols(self, former: AbstractSet[_Symbol], present: AbstractSet[_Symbol]) -> None:
        for name in {each.name for each in former ^ present}:
            self.touch(self.named, name)
        self._database.executemany(
            "DELETE FROM symbols WHERE document = ? AND position = ?",
            [each[:2] for each in former - present],
        )
        self._database.executemany("INSERT INTO symbols VALUES (?, ?, ?, ?, ?, ?, ?)", present - former)

    def _replace_keys(self, number: int, former: AbstractSet[str], present: AbstractSet[str]) -> None:
        for key in former ^ present:
            self.touch(self.with_key, key)
            if begun := beginning(key):
                self.touch(self.with_beginning, begun)
        self._database.executemany(
            "DELETE FROM keys WHERE key = ? AND document = ?", [(key, number) for key in former - present]
        )
        self._database.executemany(
            "INSERT INTO keys VALUES (?, ?)", [(key, number) for key in present - former]
        )

    def document(self, number: int) -> Document:
        """Raises KeyError."""
        if kept := self._decoded.get(number):
            self.read("found", number)
            self._decoded.move_to_end(number)
            return kept[0]
        document = self.found(number)
        if document is None:
            raise KeyError(number)
        return document

    @recorded
    def found(self, number: int) -> Document | None:
        """Its content hash does not count as a part of the result."""
        kept = self._decoded.get(number)
        return kept[0] if kept else self._found("number", number)

    def _found(self, column: str, value: str | int) -> Document | None:
        row = self._database.execute(
            f"SELECT number, id, path, language, hash, code FROM documents WHERE {column} = ?",  # noqa: S608  constants
            (value,),
        ).fetchone()
        if row is None:
            return None
        number, document_id, path, language, content_hash, code = row
        document = Document(
            number,
            document_id,
            path,
            language,
            content_hash,
            is_test(path),
            unpacked(marshal.loads(code)),  # noqa: S302  written below
        )
        self._keep(document, len(code))
        return document

    def _keep(self, document: Document, size: int) -> None:
        self._drop(document.number)
        self._decoded[document.number] = document, size
        self._decoded_bytes += size
        while self._decoded_bytes > _DECODED_BYTES and len(self._decoded) > 1:
            _, (_, dropped) = self._decoded.popitem(last=False)
            self._decoded_bytes -= dropped

    def _drop(self, number: int) -> None:
        if kept := self._decoded.pop(number, None):
            self._decoded_bytes -= kept[1]

    def with_keys(self, keys: Iterable[str]) -> Sequence[int]:
        """The numbers of the documents that have one of the keys, ascending."""
        return sorted({number for key in keys for number in self.with_key(key)})

    @recorded
    def with_key(self, key: str) -> Sequence[int]:
        """The numbers of the documents that have a key, ascending."""
        rows = self._database.execute("SELECT document FROM keys WHERE key = ?", (key,))
        return [number for (number,) in rows]

    @recorded
    def with_beginning(self, beginning: str) -> Sequence[tuple[str, int]]:
        """The rests of the keys that begin so, each with the number of a document that has the key."""
        rows = self._database.execute(
            "SELECT key, document FROM keys WHERE key >= ? AND key < ?", (beginning, beginning + _LAST)
        )
        return [(key[len(beginning) :], number) for key, number in rows]

    @recorded
    def named(self, name: str) -> Sequence[tuple[int, int, bool]]:
        """All symbols of exactly this name, each with whether it is a function that has a receiver."""
        rows = self._database.execute(
            "SELECT document, position, member FROM symbols WHERE lower = ? AND name = ?",
            (name.lower(), name),
        )
        return [(number, position, bool(member)) for number, position, member in rows]

    @recorded
    def all_changes(self) -> int:
        """The number of changes; results of many names or documents depend on it."""
        return self._changes

    def with_id(self, symbol_id: str) -> Sequence[Key]:
        self.all_changes()
        return self._database.execute(
            "SELECT document, position FROM symbols WHERE id = ?", (UUID(symbol_id).bytes,)
        ).fetchall()

    def like(self, name: str, limit: int) -> Sequence[tuple[str, int, int]]:
        """Name, document and position of symbols whose name begins like this one, or contains it."""
        self.all_changes()
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
        self.all_changes()
        rows = self._database.execute(
            "SELECT document, position, name, kind FROM symbols WHERE lower >= ? AND lower < ?",
            (name, name + _LAST),
        )
        return list(map(Named._make, rows))

    def matching(self, pattern: str) -> Sequence[Named]:
        """All symbols whose lower-case name matches a glob."""
        self.all_changes()
        rows = self._database.execute(
            "SELECT document, position, name, kind FROM symbols WHERE lower GLOB ?", (pattern,)
        )
        return list(map(Named._make, rows))

    def sizes(self) -> Mapping[int, tuple[int, int]]:
        """Of each document: its symbols, and its lines up to the end of the last one."""
        self.all_changes()
        rows = self._database.execute("SELECT number, symbols, lines FROM documents")
        return {number: (symbols, lines) for number, symbols, lines in rows}

    def counts(self) -> Mapping[str, int]:
        """Rows of each table."""
        self.all_changes()
        tables = ("documents", "symbols", "keys")
        return {
            each: self._database.execute(f"SELECT count(*) FROM {each}").fetchone()[0]  # noqa: S608  constants
            for each in tables
        }

    def numbers(self) -> Sequence[int]:
        self.all_changes()
        return [number for (number,) in self._database.execute("SELECT number FROM documents")]


_LAST: Final = "\U0010ffff"


def _row(document: Document) -> tuple[int, str, str, str | None, str, bytes, int, int]:
    declarations = document.code.declarations
    return (
        document.number,
        document.document_id,
        document.path,
        document.language,
        document.content_hash,
        marshal.dumps(packed(document.code)),
        len(declarations),
        max((each.end_line for each in declarations), default=0),
    )


def _symbols(document: Document | None) -> AbstractSet[_Symbol]:
    return (
        {
            _Symbol(
                document.number,
                position,
                each.name,
                each.name.lower(),
                each.kind,
                UUID(document.symbol_id(position)).bytes,
                _is_member(document, position),
            )
            for position, each in enumerate(document.code.declarations)
        }
        if document
        else set()
    )


def _is_member(document: Document, position: int) -> bool:
    declaration = document.code.declarations[position]
    if declaration.kind in VARIABLES or document.is_type(position):
        return False
    inside = declaration.parent != OUTSIDE and document.is_type(declaration.parent)
    return inside or declaration.kind in {"method", "constructor"}


def _keys(document: Document | None) -> AbstractSet[str]:
    return keys_of(document) if document else set()
