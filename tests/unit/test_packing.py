"""Code maps as text and back; damaged text is refused with an error that says so."""

import json
import random
import tracemalloc
import zlib
from base64 import b64decode, b64encode
from typing import Final, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archon.contracts.code import packing
from archon.contracts.code.limits import LEVELS_LIMIT, NAME_CHARACTERS, SETTINGS_CHARACTERS
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


def maps() -> st.SearchStrategy[CodeMap]:
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
            st.just("") | st.dictionaries(text, text, max_size=2).map(json.dumps),
        )

    return st.integers(0, 5).flatmap(of).map(_nested)


def _nested(code: CodeMap) -> CodeMap:
    """With each declaration in one before it."""
    declarations = [
        each._replace(parent=min(each.parent, position - 1))
        for position, each in enumerate(code.declarations)
    ]
    return code._replace(declarations=declarations)


def packed(code: CodeMap) -> str:
    found = pack(code)
    assert found is not None
    return found


def rewritten(change: object) -> str:
    """A packed text with this content."""
    return VERSION + b64encode(zlib.compress(json.dumps(change).encode())).decode()


@given(maps())
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


@pytest.mark.slow
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


def in_a_row(count: int) -> list[Declaration]:
    """Each declaration in the one before it."""
    return [ONE.declarations[0]._replace(parent=each - 1, ordinal=each) for each in range(count)]


def with_first(**changed: object) -> CodeMap:
    first, *others = ONE.declarations
    return ONE._replace(declarations=[first._replace(**changed), *others])  # type: ignore[arg-type]


def forged(code: CodeMap, monkeypatch: pytest.MonkeyPatch) -> str:
    """As a service may write it that has no limits."""
    with monkeypatch.context() as patched:
        patched.setattr(packing, "within_limits", lambda code: code)
        return packed(code)


LONG: Final = "n" * (NAME_CHARACTERS + 1)


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (with_first(parent=1), "levels"),
        (with_first(parent=0), "levels"),
        (EMPTY._replace(declarations=in_a_row(LEVELS_LIMIT + 1)), "levels"),
        (EMPTY._replace(declarations=in_a_row(5000)[::-1]), "levels"),
        (with_first(end_line=2**70), "number"),
        (with_first(start_line=-1), "number"),
        (with_first(end_line=-1), "number"),
        (with_first(ordinal=-1), "number"),
        (ONE._replace(references=[Reference("call", "f", 2**31, -1)]), "number"),
        (ONE._replace(bindings=[Binding("f", "f", "f", -1, False)]), "number"),
        (with_first(name=LONG), "name"),
        (with_first(kind=LONG), "name"),
        (with_first(returns=LONG), "name"),
        (with_first(exported=LONG), "name"),
        (with_first(qualified_name="q" * 10_000), "qualified name"),
        (ONE._replace(references=[Reference("call", "f" + "()" * 200_000, 1, -1)]), "name"),
        (ONE._replace(bindings=[Binding("f", LONG, "f", 1, False)]), "name"),
        (ONE._replace(typed=[Typed("f", LONG, 0, True)]), "name"),
        (ONE._replace(package=LONG), "package"),
        (ONE._replace(settings="[" * 100_000), "settings"),
        (ONE._replace(settings='{"a":' * 40 + "1" + "}" * 40), "settings"),
        (ONE._replace(settings=json.dumps({"a": "b" * SETTINGS_CHARACTERS})), "settings"),
        (ONE._replace(settings="[]"), "settings"),
        (ONE._replace(settings="{"), "settings"),
    ],
)
def test_a_map_beyond_the_limits_is_refused(
    code: CodeMap, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InvalidInputError, match=reason):
        unpack(forged(code, monkeypatch))


@pytest.mark.parametrize("place", ["strings", "package", "settings"])
def test_text_that_is_not_unicode_is_refused(place: str) -> None:
    content = json.loads(zlib.decompress(b64decode(packed(ONE)[1:])))
    if place == "strings":
        content[0][0] = "\ud800"
    else:
        content[{"package": 2, "settings": 3}[place]] = '{"\ud800": 1}'
    with pytest.raises(InvalidInputError, match="Unicode"):
        unpack(rewritten(content))


@pytest.mark.slow
def test_qualified_names_do_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    beginning = "q" * 4000
    declarations = [
        ONE.declarations[0]._replace(qualified_name=f"{beginning}.A", ordinal=each) for each in range(20_000)
    ]
    text = forged(EMPTY._replace(declarations=declarations), monkeypatch)
    del declarations
    tracemalloc.start()
    try:
        with pytest.raises(InvalidInputError, match="together"):
            unpack(text)
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()


def test_lists_do_not_fill_the_memory() -> None:
    text = VERSION + b64encode(zlib.compress(b"[" + b"[]," * 3_000_000 + b"0]")).decode()
    tracemalloc.start()
    try:
        with pytest.raises(InvalidInputError, match="too many values"):
            unpack(text)
        assert tracemalloc.get_traced_memory()[1] < 50_000_000
    finally:
        tracemalloc.stop()


def test_a_parent_may_come_later() -> None:
    method, type_ = ONE.declarations[1], ONE.declarations[0]
    code = EMPTY._replace(declarations=[method._replace(parent=1), type_])
    assert unpack(packed(code)) == code
    code = EMPTY._replace(declarations=in_a_row(LEVELS_LIMIT))
    assert unpack(packed(code)) == code


def test_what_is_written_can_be_read_whatever_a_file_has() -> None:
    deep = '{"a":' * 600 + "1" + "}" * 600
    found = unpack(
        packed(
            CodeMap(
                [ONE.declarations[0]._replace(name=LONG, qualified_name="q" * 9000, returns=LONG)],
                [Reference("call", LONG, 1, 0), Reference("call", "f", 2, 0)],
                [Binding("f", LONG, "f", 1, False), Binding("f", "f", "f", 1, False)],
                [Typed("f", LONG, 0, True), Typed("f", "g", 0, True)],
                LONG,
                deep,
            )
        )
    )
    assert len(found.declarations[0].name) == NAME_CHARACTERS
    assert [each.name for each in found.references] == ["f"]
    assert [each.module for each in found.bindings] == ["f"]
    assert [each.type for each in found.typed] == ["g"]
    assert (found.package, found.settings) == ("", "")
