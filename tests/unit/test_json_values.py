"""JSON from outside: accepted and refused values, and storage of the accepted ones."""

import codecs
import json
import math
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from archon.contracts import json_values
from archon.contracts.errors import InvalidInputError, UnreadableBodyError
from archon.contracts.json_values import DEEPEST, Json

TEXT = '{"a": "é𝄞"}'


class Held(BaseModel):
    value: Json


def nested(levels: int, opening: str = "[", closing: str = "]") -> bytes:
    return (opening * levels + closing * levels).encode()


def refused_at(value: Any) -> tuple[str, str]:
    with pytest.raises(ValidationError) as raised:
        Held(value=value)
    (error,) = raised.value.errors()
    return ".".join(map(str, error["loc"])), error["msg"]


@pytest.mark.parametrize(
    "data",
    [
        TEXT.encode(),
        codecs.BOM_UTF8 + TEXT.encode(),
        TEXT.encode("utf-16"),
        TEXT.encode("utf-16-le"),
        TEXT.encode("utf-16-be"),
        TEXT.encode("utf-32"),
    ],
)
def test_every_unicode_encoding_is_found_out(data: bytes) -> None:
    assert json_values.read(data) == {"a": "é𝄞"}


def test_the_last_of_repeated_keys_counts() -> None:
    assert json_values.read(b'{"a": 1, "a": 2}') == {"a": 2}


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b'{"a": "\xe9"}', "is not JSON in UTF-8: invalid continuation byte at byte 7"),
        (b"\xff\xfe\x00", "is not JSON in UTF-16: truncated data at byte 2"),
    ],
)
def test_a_body_that_is_not_unicode_names_the_byte(data: bytes, reason: str) -> None:
    with pytest.raises(UnreadableBodyError) as raised:
        json_values.read(data)
    assert (raised.value.field, raised.value.reason) == ("body", reason)


@pytest.mark.parametrize(
    ("data", "place"),
    [
        (b"", "line 1, column 1"),
        (b'{"a": 1,\n "b": }', "line 2, column 7"),
        (b'{"a": 1} x', "line 1, column 10"),
        (b"[" * 100_000, "line 1"),
        (b'"\x00"', "line 1, column 2"),
    ],
)
def test_malformed_json_names_the_place(data: bytes, place: str) -> None:
    with pytest.raises(InvalidInputError) as raised:
        json_values.read(data)
    assert place in raised.value.reason


@pytest.mark.parametrize(
    ("value", "place", "reason"),
    [
        ({"a": [1, {"b": math.nan}]}, "value.a.1.b", "is not a finite number"),
        ([-math.inf], "value.0", "is not a finite number"),
        ({"n": 2**63}, "value.n", "is an integer of more than 64 bits"),
        ({"n": -(2**63) - 1}, "value.n", "is an integer of more than 64 bits"),
        ({"n": 10**400}, "value.n", "is an integer of more than 64 bits"),
        ({"s": "a\ud800"}, "value.s", "is not valid Unicode at character 1"),
        ({"s": {"\udfff": 1}}, "value.s", "is not valid Unicode at character 0"),
        (json.loads(nested(DEEPEST + 2)), "value", "is nested more than 64 levels deep"),
        (
            json.loads(nested(DEEPEST + 1, '{"a":', "}").replace(b":}", b":1}")),
            "value",
            "is nested more than",
        ),
    ],
)
def test_a_value_that_no_store_can_keep_is_refused_at_its_place(value: Any, place: str, reason: str) -> None:
    found, said = refused_at(value)
    assert found == place
    assert said.startswith(reason)


@pytest.mark.parametrize(
    "value",
    [None, True, -0.0, 1e308, 2**63 - 1, -(2**63), "\0", "\U0010ffff", [[]], {"": {"": []}}, [[1]] * 1000],
)
def test_a_storable_value_is_unchanged(value: Any) -> None:
    held = Held(value=value)
    assert Held.model_validate_json(held.model_dump_json()).value == value


def test_every_parser_reads_the_deepest_allowed_value() -> None:
    value = json.loads(nested(DEEPEST))
    held = Held(value=value)
    around = {"step": {"request": {"metadata": held.model_dump()}}}
    assert Held.model_validate_json(json.dumps({"value": value})).value == value
    assert json.loads(json.dumps(around)) == around


@pytest.mark.parametrize("levels", [500, 5000, 100_000])
@pytest.mark.parametrize("beside", ['"]]]{{{"', r'"\"["', "1"])
def test_deep_nesting_is_read_and_named(levels: int, beside: str) -> None:
    data = b'{"a": ' + nested(levels) + b', "b": ' + beside.encode() + b"}"
    found = json_values.read(data)
    assert found["b"] == json.loads(beside)
    assert refused_at(found)[1].startswith("is nested")


def test_an_integer_that_python_refuses_to_convert_is_named() -> None:
    found = json_values.read(b'{"n": ' + b"9" * 5000 + b', "m": -' + b"9" * 400 + b"}")
    assert refused_at({"n": found["n"]}) == ("value.n", "is an integer of more than 64 bits")
    assert refused_at({"m": found["m"]}) == ("value.m", "is an integer of more than 64 bits")


@pytest.mark.threat
@pytest.mark.parametrize(
    "data",
    [
        b'{"a": [' + b"0," * 100 + b"0]}",
        b"{" + b",".join(b'"k%d": 1' % number for number in range(101)) + b"}",
        b"[" * 1001,
        b'{"a":' * 1001,
        b"[" + b"{}," * 101 + b"{}]",
        b'["' + b'\\",' * 500 + b'",' + b"1," * 99 + b"1]",
        ("[" + "0," * 101 + "0]").encode("utf-16"),
        b"," * 101,
    ],
)
def test_more_values_than_are_taken_are_not_even_built(data: bytes) -> None:
    """The text is invalid at its end: a parser would have reported that instead."""
    with pytest.raises(InvalidInputError, match="more than 100 values"):
        json_values.read(data + b"!!", most=100)


@pytest.mark.parametrize(
    "text", ["a,[{" * 500, '\\",[' * 500, "\\\\", '"' * 300, "\n,\n," * 200, "é,𝄞[" * 300], ids=repr
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_signs_within_strings_are_no_values(text: str, encoding: str) -> None:
    value = {"full_text": text, "b": [1, {"c,[": text}]}
    for ascii_only in (True, False):
        data = json.dumps(value, ensure_ascii=ascii_only).encode(encoding)
        assert json_values.read(data, most=10) == value
