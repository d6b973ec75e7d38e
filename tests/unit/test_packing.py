"""Code maps as text and back; damaged text is refused with an error that says so."""

import json
import random
import zlib
from base64 import b64decode, b64encode
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archon.contracts.code.packing import VERSION, pack, unpack
from archon.contracts.code.references import (
    DECLARATIONS_LIMIT,
    REFERENCES_LIMIT,
    Binding,
    CodeMap,
    Declaration,
    Reference,
    ReferenceKind,
    Typed,
)
from archon.contracts.errors import InvalidInputError
from tests.examples import examples

EMPTY = CodeMap([], [], [], [])
text = st.text(st.characters(codec="utf-8"), max_size=8)
line = st.integers(1, 5000)


def _maps() -> st.SearchStrategy[CodeMap]:
    def of(count: int) -> st.SearchStrategy[CodeMap]:
        index = st.integers(-1, count - 1)
        optional = st.none() | text
        return st.builds(
            CodeMap,
            st.lists(
                st.builds(Declaration, text, text, text, line, line, line, index, optional, optional),
                min_size=count,
                max_size=count,
            ),
            st.lists(
                st.builds(Reference, st.sampled_from(get_args(ReferenceKind)), text, line, index), max_size=5
            ),
            st.lists(st.builds(Binding, text, text, text, line, st.booleans()), max_size=5),
            st.lists(st.builds(Typed, text, text, index, st.booleans(), st.booleans()), max_size=5),
            text,
            text,
        )

    return st.integers(0, 5).flatmap(of)


def packed(code: CodeMap) -> str:
    found = pack(code)
    assert found is not None
    return found


def rewritten(change: object) -> str:
    """A packed text with this content."""
    return VERSION + b64encode(zlib.compress(json.dumps(change).encode())).decode()


@given(_maps())
@settings(max_examples=examples(100))
def test_a_map_survives(code: CodeMap):
    found = pack(code)
    assert (EMPTY if found is None else unpack(found)) == code


def test_nothing_is_no_text():
    assert pack(EMPTY) is None


ONE = CodeMap(
    [
        Declaration("class", "A", "A", 0, 1, 9, -1, None, "A"),
        Declaration("method", "f", "A.f", 0, 2, 3, 0, "T", None),
    ],
    [Reference("call", "self.g", 3, 1), Reference("inherit", "B", 1, 0)],
    [Binding("B", ".b", "B", 1, True)],
    [Typed("self.x", "B", 0, True)],
    "p",
    "{}",
)


@given(st.integers(0, 10_000), st.integers(0, 255))
@settings(max_examples=examples(300))
def test_a_changed_byte_is_an_error_or_another_map(position: int, byte: int):
    data = bytearray(b64decode(packed(ONE)[1:]))
    data[position % len(data)] = byte
    try:
        found = unpack(VERSION + b64encode(data).decode())
    except InvalidInputError:
        return
    assert isinstance(found, CodeMap)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-3, 3) | st.floats() | text,
        lambda inner: st.lists(inner) | st.dictionaries(text, inner),
    )
)
@settings(max_examples=examples(100))
def test_other_content_is_refused(content: object):
    with pytest.raises(InvalidInputError):
        unpack(rewritten(content))


def test_every_place_of_the_content_is_checked():
    content = json.loads(zlib.decompress(b64decode(packed(ONE)[1:])))
    rng = random.Random(0)
    for _ in range(500):
        changed = json.loads(json.dumps(content))
        at = changed
        while isinstance(at, list) and at and isinstance(inner := rng.choice(at), list) and inner:
            at = inner
        if isinstance(at, list) and at:
            at[rng.randrange(len(at))] = rng.choice([None, -5, 10**6, 10**30, 1.5, "x", [], {}, True])
        try:
            found = unpack(rewritten(changed))
        except InvalidInputError:
            continue
        assert all(-1 <= each.source < len(found.declarations) for each in found.references)


@pytest.mark.parametrize(
    "given_",
    ["", "2abc", VERSION, VERSION + "!", VERSION + "AAAA", "\ud800", packed(ONE)[:-5], packed(ONE)[:40]],
)
def test_damaged_text_is_refused(given_: str):
    with pytest.raises(InvalidInputError, match="code_map"):
        unpack(given_)


def test_text_that_would_fill_the_memory_is_refused():
    bomb = VERSION + b64encode(zlib.compress(b"[" + b"0," * 40_000_000)).decode()
    with pytest.raises(InvalidInputError):
        unpack(bomb)
    with pytest.raises(InvalidInputError):
        unpack(VERSION + b64encode(zlib.compress(b"[" * 1_000_000)).decode())


def test_what_is_beyond_the_limits_is_left_out():
    reference = Reference("call", "f", 1, -1)
    found = unpack(packed(EMPTY._replace(references=[reference] * (REFERENCES_LIMIT + 5))))
    assert len(found.references) == REFERENCES_LIMIT
    declaration = Declaration("function", "f", "f", 0, 1, 1, -1, None, None)
    last = declaration._replace(parent=DECLARATIONS_LIMIT + 1)
    found = unpack(packed(EMPTY._replace(declarations=[declaration] * (DECLARATIONS_LIMIT + 5))))
    assert len(found.declarations) == DECLARATIONS_LIMIT
    with pytest.raises(InvalidInputError):
        unpack(packed(EMPTY._replace(declarations=[last])))
