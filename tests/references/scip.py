"""In: an index.scip. Out: its documents, with what is defined and mentioned where.

The format is scip.proto of https://github.com/sourcegraph/scip; the numbers below are its field numbers. We
declare the fields that we read; Protocol Buffers skips the others. Lines and columns count from 0.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

DEFINITION: Final = 1
"""The bit of `SymbolRole.Definition`; `SymbolRole.Import` is 2."""
IMPORT: Final = 2
_PACKAGE: Final = "archon.tests.scip"
_Field = descriptor_pb2.FieldDescriptorProto
_REPEATED, _STRING, _INT32, _MESSAGE = (
    _Field.LABEL_REPEATED,
    _Field.TYPE_STRING,
    _Field.TYPE_INT32,
    _Field.TYPE_MESSAGE,
)
_MESSAGES: Final[dict[str, list[tuple[str, int, int, str]]]] = {
    "Index": [("documents", 2, _MESSAGE, "Document")],
    "Document": [("relative_path", 1, _STRING, ""), ("occurrences", 2, _MESSAGE, "Occurrence")],
    "Occurrence": [
        ("range", 1, _INT32, "repeated"),
        ("symbol", 2, _STRING, ""),
        ("symbol_roles", 3, _INT32, ""),
    ],
}


class Occurrence(NamedTuple):
    """A symbol at a place. `symbol` is global, or known in its document alone if it begins with `local `.
    Columns count what the indexer counts as characters."""

    symbol: str
    line: int
    column: int
    end_line: int
    end_column: int
    roles: int

    @property
    def is_definition(self) -> bool:
        return bool(self.roles & DEFINITION)


class Document(NamedTuple):
    path: str
    occurrences: list[Occurrence]


def read(index: Path) -> Iterator[Document]:
    message = _index_class()()
    message.ParseFromString(index.read_bytes())
    for document in message.documents:
        yield Document(document.relative_path, [_occurrence(each) for each in document.occurrences])


def _occurrence(message: Any) -> Occurrence:
    """A range of three numbers has its end on the same line."""
    line, column, *end = message.range
    end_line, end_column = end if len(end) == 2 else (line, *end)
    return Occurrence(message.symbol, line, column, end_line, end_column, message.symbol_roles)


def _index_class() -> Any:
    pool = descriptor_pool.DescriptorPool()
    pool.Add(_description())
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{_PACKAGE}.Index"))


def _description() -> descriptor_pb2.FileDescriptorProto:
    file = descriptor_pb2.FileDescriptorProto(name="scip.proto", package=_PACKAGE, syntax="proto3")
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for field, number, kind, of in fields:
            message.field.add(
                name=field,
                number=number,
                type=kind,
                label=_REPEATED if of else _Field.LABEL_OPTIONAL,
                type_name=f".{_PACKAGE}.{of}" if kind == _MESSAGE else None,
            )
    return file
