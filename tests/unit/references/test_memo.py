"""In: computations that read inputs and each other. Out: what a change of an input makes forgotten, and the
documents that are inputs of an answer."""

from inspect import getmembers, isfunction

import pytest

from archon.references.answers.relations import implementers_of
from archon.references.edges.edges import Edges
from archon.references.index.layout import Layout
from archon.references.index.store import Store
from archon.references.resolution.memo import Memo
from tests.unit.references.maps import around, document, project


class Cells:
    """Numbers by name that computations read through the memo."""

    def __init__(self, **values):
        self.memo = Memo()
        self.values = values
        self.computed = []

    def read(self, name):
        self.memo.read((name,))
        return self.values[name]

    def change(self, **values):
        for name in values:
            self.memo.touch((name,), lambda name=name: self.values[name])
        self.values |= values
        self.memo.settle()

    def get(self, key, compute):
        def computing():
            self.computed.append(key)
            return compute()

        return self.memo.get(key, computing, 0)


def test_a_change_forgets_what_depends_on_it_alone():
    cells = Cells(a=1, b=10)

    def both():
        return cells.get(
            "both", lambda: cells.get("a", lambda: cells.read("a")) + cells.get("b", lambda: cells.read("b"))
        )

    assert both() == 11
    cells.change(a=2)
    assert both() == 12
    assert cells.computed == ["both", "a", "b", "both", "a"]


def test_an_input_with_the_same_value_forgets_nothing():
    cells = Cells(a=1)
    assert cells.get("x", lambda: cells.read("a")) == 1
    cells.change(a=1)
    assert cells.get("x", lambda: cells.read("a")) == 1
    assert cells.computed == ["x"]


def test_a_circle_depends_on_what_it_read_on_its_way():
    cells = Cells(a=1)

    def first():
        return cells.get("first", lambda: second() + 1)

    def second():
        return cells.get("second", lambda: first() + cells.read("a"))

    assert (first(), second()) == (2, 3)
    cells.change(a=5)
    assert (first(), second()) == (6, 11)
    assert cells.computed == ["first", "second", "second"] * 2


def test_what_is_forgotten_takes_no_memory():
    cells = Cells(a=1, b=1)
    sizes = []
    for round_ in range(200):
        for key in range(200):
            cells.get(key, lambda: cells.read("a") + cells.read("b"))
        cells.change(a=round_)
        sizes.append(cells.memo.bytes)
    assert max(sizes[150:]) <= max(sizes[:150])


def test_every_query_of_an_index_is_recorded():
    plain = {
        name
        for each in (Store, Layout)
        for name, value in getmembers(each, isfunction)
        if not name.startswith("_") and not hasattr(value, "__wrapped__")
    }
    changing = {"put", "add", "remove", "begin", "commit", "close", "touch", "read"}
    by_recorded_ones = {"document", "with_keys"}
    by_all_changes = {"with_id", "like", "beginning", "matching", "sizes", "counts", "numbers"}
    assert plain == changing | by_recorded_ones | by_all_changes | {"stored"}


STORE = document("store.py", ["class Store", "method Store.save"])
SAVE = (1, 1)
OTHER = ["class Other", "method Other.save", "method Other.run"]


@pytest.fixture
def read(monkeypatch):
    """The paths of the documents that are unpacked."""
    found = set()
    keep = Store._keep

    def noted(self, of, size):
        found.add(of.path)
        keep(self, of, size)

    monkeypatch.setattr(Store, "_keep", noted)
    return found


def user(*referred, bound=(), number=0):
    return document(f"user{number}.py", OTHER, referred, bound)


def test_a_call_of_a_types_own_method_means_no_other(read):
    index = project(STORE, user("call self.save in Other.run"), user("call self.save", number=1))
    Edges(index).into([SAVE])
    assert read == {"store.py", "user1.py"}


@pytest.mark.parametrize(("least", "expected"), [(0.2, False), (0.0, True)])
def test_guesses_that_are_too_unsure_are_not_made(read, least, expected):
    guessing = [user("call ?.save in Other.run", number=each) for each in range(3)]
    index = project(STORE, *guessing)
    found = Edges(index, least).into([SAVE])
    assert (bool(found), "user0.py" in read) == (expected, expected)


def test_types_are_derived_only_where_something_of_the_name_is_a_base(read):
    imported = ["Store = .store Store"]
    index = project(
        STORE,
        user("annotate Store in Other.run", bound=imported),
        user("inherit Store in Other", bound=imported, number=1),
    )
    answer = implementers_of(index, "store.py:Store", around())
    assert [each.file_path for each in answer.relations] == ["user1.py"]
    assert read == {"store.py", "user1.py"}
