"""The comparison of references with precise indexers: what is read of an index, and what counts as right."""

from collections.abc import Iterable
from pathlib import Path

import pytest

from archon.contracts.code.answers import How
from tests.references import scip
from tests.references.__main__ import is_enough
from tests.references.libraries import Indexed, Library
from tests.references.ours import Found
from tests.references.precise import Known, Place, known
from tests.references.rule import Score, score
from tests.references.syntax import Syntax

STORE = """\
class Store:
    limit = 3
    def __init__(self, size): pass
    def save(self): pass
"""
SHOP = """\
from store import Store
def total(count: Store):
    \N{PILE OF POO} = "\N{PILE OF POO}"; Store(1).save()
    return count
"""


def _varint(number: int) -> bytes:
    *more, last = [number >> shift & 127 for shift in range(0, max(number.bit_length(), 1), 7)]
    return bytes([*(each | 128 for each in more), last])


def _field(number: int, value: int | str | bytes) -> bytes:
    """A field as in https://protobuf.dev/programming-guides/encoding."""
    if isinstance(value, int):
        return _varint(number << 3) + _varint(value)
    content = value.encode() if isinstance(value, str) else value
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _symbol(name: str, package: str = "shop") -> str:
    return name if name.startswith("local ") else f"scip-python python {package} 1.0 {name}"


def _occurrence(place: Iterable[int], symbol: str, roles: int = 0) -> bytes:
    packed = b"".join(map(_varint, place))
    syntax_kind = _field(5, 6)
    return _field(2, _field(1, packed) + _field(2, symbol) + _field(3, roles) + syntax_kind)


def _document(path: str, *occurrences: bytes) -> bytes:
    return _field(2, _field(4, "python") + _field(1, path) + b"".join(occurrences))


@pytest.fixture
def library(tmp_path: Path) -> Indexed:
    """The second line of `total` has a character of two UTF-16 code units before `Store`, twice."""
    index = tmp_path / "index.scip"
    store, shop = "`store`/Store#", "`shop`/total()."
    index.write_bytes(
        _field(1, _field(4, 1))
        + _document(
            "store.py",
            _occurrence((0, 6, 11), _symbol(store), 1),
            _occurrence((1, 4, 9), _symbol(store + "limit."), 1),
            _occurrence((2, 8, 16), _symbol(store + "__init__()."), 1),
            _occurrence((2, 23, 27), _symbol(store + "__init__().(size)"), 1),
            _occurrence((3, 8, 12), _symbol(store + "save()."), 1),
        )
        + _document(
            "shop.py",
            _occurrence((0, 18, 23), _symbol(store), 2),
            _occurrence((1, 4, 9), _symbol(shop), 1),
            _occurrence((1, 10, 15), _symbol(shop + "(count)"), 1),
            _occurrence((1, 17, 22), _symbol(store), 8),
            _occurrence((2, 15, 20), _symbol(store), 8),
            _occurrence((2, 24, 28), _symbol(store + "save()."), 8),
            _occurrence((3, 11, 16), _symbol(shop + "(count)"), 8),
        )
    )
    sources = {"store.py": STORE, "shop.py": SHOP}
    return Indexed(Library("shop", "python", "."), tmp_path, sources, index)


def test_an_index_is_read_with_ranges_and_roles(library: Indexed) -> None:
    store, shop = scip.read(library.index)
    assert (store.path, shop.path) == ("store.py", "shop.py")
    assert shop.occurrences[0] == scip.Occurrence(_symbol("`store`/Store#"), 0, 18, 0, 23, 2)
    assert [each.is_definition for each in shop.occurrences] == [
        False,
        True,
        True,
        False,
        False,
        False,
        False,
    ]


def test_a_range_of_several_lines_has_four_numbers(tmp_path: Path) -> None:
    index = tmp_path / "index.scip"
    index.write_bytes(_document("a.py", _occurrence((3, 200, 5, 1), "local 1")))
    (document,) = scip.read(index)
    assert document.occurrences == [scip.Occurrence("local 1", 3, 200, 5, 1, 0)]


def test_names_are_known_by_line_kind_and_target(library: Indexed) -> None:
    store = frozenset({Place("store.py", 1, "Store"), Place("store.py", 3, "__init__")})
    save, count = Place("store.py", 4, "save"), Place("shop.py", 2, "count")
    assert known(library) == [
        Known("shop.py", 1, "Store", "import", store, "type", elsewhere=False),
        Known("shop.py", 2, "Store", "annotate", store, "type", elsewhere=False),
        Known("shop.py", 3, "Store", "call", store, "type", elsewhere=False),
        Known("shop.py", 3, "save", "call", frozenset({save}), "function", elsewhere=False),
        Known("shop.py", 4, "count", "use", frozenset({count}), None, elsewhere=False),
    ]


@pytest.mark.parametrize(
    ("language", "text", "kinds"),
    [
        ("python", "@a.b(c)\ndef d(): pass", "use decorate use declare"),
        ("python", "class A(B[C], metaclass=D): pass", "declare inherit inherit key use"),
        ("python", "x: list[A] = b.c(d)", "declare annotate annotate use call use"),
        ("python", "self.a, b[c] = d = e(f=g)", "use use use use declare call key use"),
        ("typescript", "a({b: c, d, e() {}})", "call key use key key"),
        ("python", "from a import b as c", "import import import"),
        ("typescript", "class A extends B<C> implements D {}", "annotate inherit annotate inherit"),
        ("typescript", "new a.B(c); d.e()", "use new use use call"),
        ("typescript", "let a: B.C = d as E", "use annotate annotate use annotate"),
        ("typescript", "@A() class B {}; export {c} from './d'", "decorate annotate import"),
    ],
)
def test_the_syntax_tells_the_kind_of_a_mention(language: str, text: str, kinds: str) -> None:
    syntax = Syntax(text, language)
    places = sorted(syntax._names)
    assert " ".join(syntax.mention(*each) for each in places) == kinds


def _found(line: int, name: str, target: Place, *, end: int = 9, confidence: float = 1.0) -> Found:
    how = How.IMPORT if confidence >= 0.9 else How.AMBIGUOUS
    return Found("shop.py", line, "call", name, target.path, target.name, target.line, end, how, confidence)


def _figures(scored: Score, group: str = "all") -> tuple[int, int, int, int, int]:
    precision, recall = scored.precision[group], scored.recall[group]
    return precision.right, precision.number, recall.right, recall.number, scored.unknown


SAVE = Place("store.py", 4, "save")


def test_a_target_is_right_by_name_and_line(library: Indexed) -> None:
    assert _figures(score(known(library), [_found(3, "save", SAVE)])) == (1, 1, 1, 3, 0)
    assert _figures(score(known(library), [_found(3, "save", SAVE._replace(line=2))])) == (1, 1, 1, 3, 0)
    for wrong in (SAVE._replace(name="load"), SAVE._replace(line=5), SAVE._replace(path="shop.py")):
        assert _figures(score(known(library), [_found(3, "save", wrong)])) == (0, 1, 0, 3, 0)


def test_a_class_and_its_constructor_are_one_target(library: Indexed) -> None:
    for target in (Place("store.py", 1, "Store"), Place("store.py", 3, "__init__")):
        assert _figures(score(known(library), [_found(3, "Store", target)])) == (1, 1, 1, 3, 0)


def test_another_symbol_there_makes_ours_wrong_and_none_leaves_it_open(library: Indexed) -> None:
    parameter, nothing = _found(4, "count", SAVE), _found(4, "save", SAVE)
    assert _figures(score(known(library), [parameter])) == (0, 1, 0, 3, 0)
    assert _figures(score(known(library), [nothing])) == (0, 0, 0, 3, 1)


def test_a_symbol_of_another_library_makes_ours_wrong_and_one_of_its_own_without_a_place_does_not() -> None:
    outside = Known("shop.py", 3, "save", "call", frozenset(), None, elsewhere=True)
    assert _figures(score([outside], [_found(3, "save", SAVE)])) == (0, 1, 0, 0, 0)
    lost = outside._replace(elsewhere=False)
    assert _figures(score([lost], [_found(3, "save", SAVE)])) == (0, 0, 0, 0, 1)


def test_groups_are_told_apart(library: Indexed) -> None:
    scored = score(known(library), [_found(3, "save", SAVE), _found(3, "Store", SAVE, confidence=0.4)])
    assert _figures(scored, "certain") == (1, 1, 0, 0, 0)
    assert _figures(scored, "how ambiguous") == (0, 1, 0, 0, 0)
    assert _figures(scored, "annotate") == (0, 0, 0, 1, 0)
    assert _figures(scored, "to function") == (0, 0, 1, 1, 0)
    assert _figures(scored, "across") == (1, 2, 1, 3, 0)


def test_too_little_is_found_out_in_each_language(library: Indexed) -> None:
    good = score([each for each in known(library) if each.name == "save"], [_found(3, "save", SAVE)])
    bad = score(known(library), [_found(3, "save", SAVE)])
    other = Library("other", "typescript", ".")
    assert is_enough({library.library: good, other: good}, precise=0.95, recall=0.75)
    assert not is_enough({library.library: good, other: bad}, precise=0.95, recall=0.75)
    assert not is_enough({library.library: Score()}, precise=0.95, recall=0.75)


def test_sums_of_libraries_count_each(library: Indexed) -> None:
    whole = Score()
    for _ in range(2):
        whole.add(score(known(library), [_found(3, "save", SAVE)]))
    assert _figures(whole) == (2, 2, 2, 6, 0)
    assert len(whole.missed) == 4
