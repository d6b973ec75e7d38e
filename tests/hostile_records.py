"""In: random numbers, and the fields of a valid record. Out: records that no producer should write."""

import json
import random
from collections.abc import Callable, Mapping
from typing import Any, Final
from uuid import UUID

VALUES: Final = (
    *("NaN", "Infinity", "-1e999", "-0.0", "0", "1", "3.0", "1.5", "1e15", "true", "null", "[]", "{}", '""'),
    *(str(2**63 - 1), str(2**63), str(-(2**64)), "9" * 400, "-" + "9" * 5000),
    *(
        r'"\ud800"',
        r'"\udc00x"',
        r'"a\u0000b"',
        r'"\ufeff"',
        '" "',
        '"𝄞"',
        r'"\/"',
        '"."',
        '".."',
        '"a/"',
        r'"\\"',
        '"' + "x" * 5000 + '"',
    ),
    *('"0001-01-01T00:00:00+14:00"', '"9999-12-31T23:59:59-14:00"', '"2016-12-31T23:59:60Z"', '"2026-02-30"'),
    *('"0001-01-01T00:00:00Z"', '"9999-12-31T23:59:59.999999Z"', '"2026-01-02"', "253402300800", "-1e12"),
    *("[" * depth + "]" * depth for depth in (60, 70, 190, 300, 900, 100_000)),
    *('{"a":' * depth + "1" + "}" * depth for depth in (60, 190, 5000)),
    "[" + "1e15," * 5000 + "1]",
    '"' + "é" * 400_000 + '"',
)
"""Spelled as in JSON, or nearly."""
_IN_METADATA: Final = ("file_size_bytes", "line_count", "git_commit_hash", "last_modified", "own")
Spelt = dict[str, str]
"""A record's fields, each value in its spelling."""


def spelt(record: Mapping[str, Any]) -> Spelt:
    return {name: json.dumps(value) for name, value in record.items()}


def _joined(fields: Mapping[str, str]) -> str:
    return "{" + ",".join(f"{json.dumps(name)}:{value}" for name, value in fields.items()) + "}"


def _other_value(chance: random.Random, fields: Spelt) -> bytes:
    return _joined(fields | {chance.choice(sorted(fields)): chance.choice(VALUES)}).encode()


def _other_metadata(chance: random.Random, fields: Spelt) -> bytes:
    wrong = {chance.choice(_IN_METADATA): chance.choice(VALUES) for _ in range(chance.choice([1, 1, 2]))}
    return _joined(fields | {"metadata": _joined(wrong)}).encode()


def _own_field(chance: random.Random, fields: Spelt) -> bytes:
    return _joined(fields | {chance.choice(["tenant", "", "a.b", "é"]): chance.choice(VALUES)}).encode()


def _lacking(chance: random.Random, fields: Spelt) -> bytes:
    gone = chance.choice(sorted(fields))
    return _joined({name: value for name, value in fields.items() if name != gone}).encode()


def _repeated(chance: random.Random, fields: Spelt) -> bytes:
    name = chance.choice(sorted(fields))
    return f"{_joined(fields)[:-1]},{json.dumps(name)}:{chance.choice(VALUES)}}}".encode()


def _cut(chance: random.Random, fields: Spelt) -> bytes:
    value = _joined(fields).encode()
    return value[: chance.randrange(len(value))]


def _flipped(chance: random.Random, fields: Spelt) -> bytes:
    value = bytearray(_joined(fields).encode())
    for _ in range(chance.choice([1, 1, 5])):
        value[chance.randrange(len(value))] ^= 1 << chance.randrange(8)
    return bytes(value)


def _in_another_encoding(chance: random.Random, fields: Spelt) -> bytes:
    return _joined(fields).encode(chance.choice(["utf-8-sig", "utf-16", "utf-16-be", "utf-32", "cp037"]))


def _no_record(chance: random.Random, _: Spelt) -> bytes:
    nothing = [b"", b"null", b"[]", b"{}", b"nan", b"\xef\xbb\xbf", chance.randbytes(200), b"[" * 100_000]
    return chance.choice([*nothing, *(value.encode() for value in VALUES)])


def _well(_: random.Random, fields: Spelt) -> bytes:
    return _joined(fields).encode()


MUTATIONS: Final[Mapping[Callable[[random.Random, Spelt], bytes], int]] = {
    _well: 3,
    _other_value: 6,
    _other_metadata: 6,
    _own_field: 3,
    _lacking: 1,
    _repeated: 2,
    _cut: 1,
    _flipped: 2,
    _in_another_encoding: 1,
    _no_record: 2,
}
"""Each with its relative frequency."""


def mutated(chance: random.Random, record: Mapping[str, Any]) -> tuple[str, bytes]:
    """The mutation of a record, and its value."""
    (mutate,) = chance.choices(list(MUTATIONS), list(MUTATIONS.values()))
    return mutate.__name__.strip("_"), mutate(chance, spelt(record))


def uuid(chance: random.Random) -> str:
    return str(UUID(int=chance.getrandbits(128), version=4))
