"""In: computations that read inputs and each other. Out: what a change of an input makes forgotten."""

from inspect import getmembers, isfunction

from archon.references.index.layout import Layout
from archon.references.index.store import Store
from archon.references.resolution.memo import Memo


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
