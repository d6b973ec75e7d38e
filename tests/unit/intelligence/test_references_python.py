"""What a Python source declares and refers to."""

import pytest

from archon.contracts.code.packing import unpack
from archon.contracts.types import EnrichmentType
from intelligence.analysis.analyser import analyse
from tests.unit.intelligence.mapped import bindings, declared, mapped, placed, references, typed

HEAD = "from m import f, T, store, Error\n"


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("f()", {"call f"}),
        ("f(T)", {"call f", "use T"}),
        ("x = [f]", {"use f"}),
        ("store.save(1)", {"call store.save"}),
        ("store.a.b.c", {"use store.a.b.c"}),
        ("f().save()", {"call f", "call f().save"}),
        ("store.all[0].save()", {"use store.all", "call store.all[].save"}),
        ("await_ = (store).save()", {"call store.save"}),
        ("async def g():\n    return (await f()).save()", {"call f", "call f().save"}),
        ("class A(T, store.B[Error], metaclass=f): ...",
         {"inherit T", "inherit store.B", "annotate Error", "use f"}),
        ("@f\ndef g(): pass", {"decorate f"}),
        ("@store.on(T)\nclass A: pass", {"decorate store.on", "use T"}),
        ("def g(a: T, *b: store.T, c: 'Error | None' = f) -> list[T]: pass",
         {"annotate T", "annotate store.T", "annotate Error", "use f"}),
        ("x: dict[T, Error] = {}", {"annotate T", "annotate Error"}),
        ("try:\n    pass\nexcept (Error, store.E) as e:\n    e.args",
         {"use Error", "use store.E", "use e.args"}),
        ("isinstance(1, T)", {"use T"}),
        ("raise Error from None", {"use Error"}),
        ("lambda x=f: x", {"use f"}),
        ("class A(T):\n    def g(self): return super().g()", {"inherit T", "call super().g"}),
        ("[x for x in f() if T]", {"call f", "use T"}),
        ("print(f'{f(1)} {T!r:{Error}}')", {"call f", "use T", "use Error"}),
        ("del store.x", {"use store.x"}),
        ("store.x += 1", {"use store.x"}),
        ("match f():\n    case T(a=b): pass\n    case store.K: pass\n    case [f, *T]: pass",
         {"call f", "use T", "use store.K"}),
        ("type X = T", {"annotate T"}),
        ("def g[S: T](a: S): pass", {"annotate T"}),
        ("'f()' + f'{1}' + b''.join(())", set()),
    ],
)  # fmt: skip
def test_references(source: str, expected: set[str]):
    assert references("python", HEAD + source) == expected


@pytest.mark.parametrize(
    "source",
    [
        "def g(f): f(); f.x = f",
        "def g(*f, **store): f, store",
        "def g():\n    f = 1\n    return f",
        "def g():\n    print(f)\n    f = 1",
        "def g():\n    for f, (store, *T) in (): f, store, T",
        "def g():\n    with open(1) as f: f",
        "def g():\n    if (f := 1): f",
        "def g():\n    try: pass\n    except ValueError as f: f",
        "[f for f in ()]",
        "{f: store for f, store in ()}",
        "lambda f: f(1)",
        "def g():\n    match 1:\n        case f: f\n        case {'a': store, **T}: store, T",
        "def g():\n    import os as f\n    def h(f): f",
        "def g(f):\n    def h():\n        return f()\n",
        "class A:\n    def m(self, f): return [f for _ in f]",
    ],
)
def test_local_names_are_no_references(source: str):
    names = {each.split(" ")[1].split(".")[0] for each in references("python", HEAD + source)}
    assert not names & {"f", "store", "T"}


def test_a_name_of_a_class_is_not_known_to_its_methods():
    source = HEAD + "class A:\n    f = 1\n    g = f\n    def m(self): return f()\n"
    assert "5 call f @A.m" in placed("python", source)
    assert "4 use f @A" in placed("python", source)


def test_global_names_stay_the_modules():
    source = HEAD + "x = None\ndef g():\n    global x, f\n    x = T()\n    x.go()\n    f()\n"
    assert {"call x.go", "call f", "call T"} <= references("python", source)
    assert "x: T() @" in typed("python", source)


def test_builtins_are_left_out_unless_all_names_are_imported():
    assert references("python", "print(len(x))") == set()
    assert references("python", "from m import *\nprint(x)") == {"call print", "use x"}


def test_declarations():
    source = """
K, x = 1, 2
def f() -> "T | None": ...
class A:
    K = 1
    a: int
    def __init__(self, b):
        self.b = b
        self.a = self.c = 1
    @property
    def p(self) -> T: ...
    class B: ...
"""
    assert declared("python", source) == [
        "constant K !K",
        "variable x !x",
        "function f -> T !f",
        "class A !A",
        "attribute A.K",
        "attribute A.a",
        "method A.__init__",
        "attribute A.b",
        "attribute A.c",
        "method A.p -> T",
        "class A.B",
    ]


def test_an_attribute_is_not_used_where_it_is_declared():
    source = "class A:\n    def f(self):\n        self.x = 1\n        self.x = 2\n        return self.x\n"
    assert placed("python", source) == ["4 use self.x @A.f", "5 use self.x @A.f"]


def test_bindings():
    source = """
import a, b.c
import d.e as g
from .m import (h,
    i as j)
from .. import k
from n import *
def f():
    from o import p
"""
    assert bindings("python", source) == [
        "a = a :  !",
        "b.c = b.c :  !",
        "g = d.e :  !",
        "h = .m : h !",
        "j = .m : i !",
        "k = .. : k !",
        " = n : * !",
        "p = o : p",
    ]
    assert mapped("python", source).bindings[4].line == 5


def test_all_is_a_setting():
    assert mapped("python", "__all__ = [\n \"a\", 'b']\n").settings == '{"all": ["a", "b"]}'


def test_types():
    source = (
        HEAD
        + """
class A(T):
    s: store.Store | None = None
    def __init__(self, a: T, b, c: list[T]):
        self.a = a
        self.b = b
        self.c = store.make()
        self.d = a.inner
        self.e = T() if b else f()
    @property
    def p(self) -> T: ...
    @classmethod
    def m(cls, u):
        x = cls()
        y = self_ = store.open()
        with f(), store.lock() as z: z.go()
        for e in y.all(): e.go()
        if isinstance(u, (T, Error)): u.go()
        return x.go()
def g(*a: T, **k: T):
    for b in a: b.go()
"""
    )
    found = typed("python", source)
    assert found >= {
        "self.s: store.Store @A",
        "self.a: T @A",
        "self.c: store.make() @A",
        "self.d: =<T>.inner @A",
        "self.e: T() @A",
        "self.e: f() @A",
        "self.p: T @A",
        "x: A @A.m",
        "z: store.lock().__enter__() @A.m",
        "e: =y.all()* @A.m",
        "u: T @A.m",
        "u: Error @A.m",
        "a: []T @g",
        "b: =a* @g",
    }
    assert not any(each.startswith("self.b:") for each in found)


def test_unknown_receivers():
    source = HEAD + "def g(a):\n    a.go()\n    a.b\n    a[0].c()\n    (1 + a).d()\n    ''.join(a)\n"
    assert references("python", source) == {"call ?.go", "use ?.b", "call ?.c"} | {"call ?.d"}


def test_self_has_its_usual_name():
    source = """class A:
    def f(this): this.g()
    @classmethod
    def h(cls): cls.g
    @staticmethod
    def i(x): x.g()
"""
    assert placed("python", source) == ["2 call self.g @A.f", "4 use self.g @A.h", "6 call ?.g @A.i"]


def test_lines_are_those_of_the_last_name():
    source = HEAD + "x = (store\n    .a()\n    .b\n    .c())\n"
    assert placed("python", source) == ["3 call store.a @", "5 call store.a().b.c @"]


def test_a_decorator_belongs_to_what_it_decorates():
    source = HEAD + "@f\nclass A(T):\n    @store.on\n    def g(self): pass\n"
    assert placed("python", source) == ["2 decorate f @A", "3 inherit T @A", "4 decorate store.on @A.g"]


def test_a_notebook_has_the_files_lines():
    source = '"source": [\n"from m import f\\n",\n"f()\\n"\n]'
    cells = f'{{"cells": [{{"cell_type": "code", {source}}}],\n"metadata": {{}}, "nbformat": 4}}'
    packed = analyse(cells, "notebook", EnrichmentType.FULL).code_map
    assert packed is not None
    assert [(each.name, each.line) for each in unpack(packed).references] == [("f", 3)]
